"""Training objectives: the loss, optimisers and monitored value of a training, and the state to resume it from."""
