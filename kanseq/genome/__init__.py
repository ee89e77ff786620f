"""Read genomic files: FASTA, BED, tables of intervals; GTF and GFF3 (``annotation``); expression (``expression``)."""
