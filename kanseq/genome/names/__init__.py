"""Match names of genes, transcripts and proteins that are spelled in different ways."""
