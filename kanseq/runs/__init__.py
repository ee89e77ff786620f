"""Runs on disk: descriptions, parts, trained models, predictions, and the scorer that reads them."""
