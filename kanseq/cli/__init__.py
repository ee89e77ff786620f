"""The command line: one module per command, in sub-packages with the same names as those of :mod:`kanseq.verbs`."""
