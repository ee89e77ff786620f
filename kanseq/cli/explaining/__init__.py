"""Commands that explain trained models."""
