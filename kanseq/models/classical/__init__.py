"""Baseline models without hidden layers: linear models and gradient boosting on base composition or k-mer counts."""
