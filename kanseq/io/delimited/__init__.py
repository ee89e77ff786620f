"""Text tables written by other programs and by spreadsheets: CSV, TSV and their variants."""
