"""Splits: the genes that each fold trains on, tunes on and tests."""
