"""Biology's files to plain tables and arrays: FASTA, annotation, expression, tracks. Nothing here knows torch."""
