"""Published collections of labelled sequences, and how they are read."""
