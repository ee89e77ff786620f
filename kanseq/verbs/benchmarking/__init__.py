"""Compare models on labelled data sets under one protocol: ``benchmark``, ``ablation``, ``scaling``."""
