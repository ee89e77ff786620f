"""Explain models: ``explain``, ``figures``."""
