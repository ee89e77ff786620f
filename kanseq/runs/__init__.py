"""Run folders: descriptions, parts (one model per fold and seed), predictions, and scoring with trained models."""
