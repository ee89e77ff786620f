"""Homologous genes: protein searches, hit tables and groups."""
