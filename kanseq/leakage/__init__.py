"""Leakage: what test genes share with training genes, counted per fold."""
