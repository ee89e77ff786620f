"""Folders of runs: descriptions, parts (models of one fold and seed), predictions, and scoring with these models."""
