"""Readers of GTF and GFF3: rows, genes, transcripts."""
