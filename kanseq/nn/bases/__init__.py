"""Families of basis functions. The learned function on each edge of a KAN layer is a weighted sum of them."""
