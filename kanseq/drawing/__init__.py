"""Draw figures in one style: genes, edge functions, position curves, token maps, profiles and k-mers."""
