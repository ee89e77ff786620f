"""Train and apply models: ``tune``, ``train``, ``evaluate``, ``predict``, ``list_models``, ``fit``, ``load_model``."""
