"""Commands that label genes, and assign them to training and test."""
