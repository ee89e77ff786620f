"""Learners: they fit networks and estimators to training examples, and score examples for calibration."""
