"""Metrics, bootstrap intervals, comparisons of models, and score tables."""
