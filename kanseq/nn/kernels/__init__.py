"""Computation of KAN layers, forward and backward: in chunks, with lookup tables, or as one PyTorch operator."""
