"""Read and write genomics files (FASTA, annotation, expression, tracks) as tables and arrays, without torch."""
