"""Families of one-dimensional functions whose weighted sums are the curves on the edges of KAN layers."""
