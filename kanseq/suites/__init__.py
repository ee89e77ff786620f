"""Benchmark suites: protocol, contestants, jobs and results."""
