"""Read tables of hits: names of columns, rows, and the names of queries and subjects."""
