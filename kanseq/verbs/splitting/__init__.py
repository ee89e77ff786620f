"""Decide which genes train: ``homology``, ``split``, ``leaks``, ``label``."""
