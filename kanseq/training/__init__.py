"""Fit one fold or all folds; runs, checkpoints, predictions and scores."""
