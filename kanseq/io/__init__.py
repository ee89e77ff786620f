"""Input and output: atomic files, locks, log messages, progress, and tables.

The package ``tables`` has kanseq's own tables, and ``delimited`` those of other programs.
"""
