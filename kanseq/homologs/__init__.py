"""Find homologous genes by protein searches, tables of hits or lists of groups."""
