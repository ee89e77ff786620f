"""Read GTF and GFF3 annotations: rows, genes and transcripts."""
