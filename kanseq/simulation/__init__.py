"""Simulate genomes with a known regulatory grammar: gene layout, sequence, annotation and expression."""
