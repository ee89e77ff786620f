"""Benchmarks that compare models on published data sets: protocol, models, training processes and results."""
