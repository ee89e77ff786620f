"""Count leakage in each fold: training genes that are related to test genes, and labels that depend on test genes."""
