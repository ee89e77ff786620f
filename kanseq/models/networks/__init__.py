"""Networks that predict from sequences, one file per architecture."""
