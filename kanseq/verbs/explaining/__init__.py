"""Explain trained models: ``explain`` (attributions), ``figures`` (pictures of what a KAN has learned)."""
