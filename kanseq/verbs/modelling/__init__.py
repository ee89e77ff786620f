"""Train and use models: ``tune``, ``train``, ``evaluate``, ``predict``, ``list_models``, ``fit``, ``load_model``."""
