"""Find homologous genes with protein searches, tables of hits, or lists of groups."""
