"""Commands that explain models."""
