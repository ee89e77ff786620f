"""Published collections of labelled sequences: how to read them, and models that compete on them."""
