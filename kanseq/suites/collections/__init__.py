"""Find and read the data sets of published collections of labelled sequences."""
