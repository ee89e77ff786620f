"""Label genes by quartiles of expression, and read tables of labels."""
