"""Read expression: TPM matrices, output files of quantifiers such as salmon, and sample sheets."""
