"""Input and output: atomic files, locks, log messages, and (in ``tables``) the tables that kanseq reads and writes."""
