"""Describe files, run a demo, and create workflow projects: ``inspect``, ``demo``, ``workflow``."""
