"""Simulated genomes: grammar, gene layout, files, expression."""
