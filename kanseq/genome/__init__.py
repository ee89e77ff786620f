"""Readers of biology's files: FASTA, intervals, and (in ``annotation`` and ``expression``) GTF, GFF3 and TPM tables."""
