"""One file per architecture, and the registry that names them."""
