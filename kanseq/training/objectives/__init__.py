"""Training objectives: the loss, optimisers and monitored value of a training run, and the state to resume it from."""
