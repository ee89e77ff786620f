"""Networks that predict targets from sequences, one module per architecture."""
