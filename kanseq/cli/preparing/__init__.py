"""Commands that create sets of sequences."""
