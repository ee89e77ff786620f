"""How the sum of curves over edges is computed: in chunks, by lookup, as one operator, forwards and backwards."""
