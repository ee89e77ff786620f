"""Hyper-parameter search: search space and trials."""
