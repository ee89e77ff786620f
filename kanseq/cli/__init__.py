"""The command line: one file per command, in the same packages as :mod:`kanseq.verbs`."""
