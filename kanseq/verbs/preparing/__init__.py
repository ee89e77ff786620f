"""Create sets of sequences: ``extract``, ``import_sequences``, ``combine``, ``simulate``."""
