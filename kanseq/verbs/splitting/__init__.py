"""Prepare genes for training: ``homology``, ``split`` (training and test genes), ``leaks``, ``label``."""
