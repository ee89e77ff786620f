"""Readers of expression tables: TPM matrices, quantifiers' files, samples and conditions."""
