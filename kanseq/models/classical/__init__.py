"""Models without hidden layers or steps: k-mer counts, linear models, boosting."""
