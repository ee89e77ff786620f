"""Objectives: loss, optimisers, monitored number and state of a training."""
