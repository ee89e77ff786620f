"""Attributions of a trained model per base and per token."""
