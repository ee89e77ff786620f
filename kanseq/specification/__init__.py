"""Specifications of trainings and searches: dataclasses that the command line, Python and the workflow share."""
