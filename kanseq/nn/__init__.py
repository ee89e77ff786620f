"""KAN layers, and nothing about genomes."""
