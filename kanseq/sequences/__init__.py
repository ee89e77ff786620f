"""Store, import, combine, shuffle and edit sets of sequences."""
