"""Look at files and start projects: ``inspect``, ``demo``, ``workflow``."""
