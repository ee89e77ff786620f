"""Input and output: atomic files, locks, messages, and (in ``tables``) the tables that kanseq reads and writes."""
