"""The command line: one file per verb, options in, one call of :mod:`kanseq.api`, summary out."""
