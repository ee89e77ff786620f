"""Sets of sequences: stored, imported, combined, shuffled and edited."""
