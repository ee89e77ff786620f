"""Commands that compare models on suites."""
