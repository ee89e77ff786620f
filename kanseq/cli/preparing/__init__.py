"""Commands that make sets of sequences."""
