"""Compare models on suites: ``benchmark``, ``ablation``, ``scaling``."""
