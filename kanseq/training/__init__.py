"""Fit models: settings, the training loop, one fold, baselines."""
