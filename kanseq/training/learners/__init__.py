"""Learners: how networks and estimators are fitted to examples."""
