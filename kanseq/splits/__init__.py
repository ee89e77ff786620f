"""Split sets into folds: genes for training, tuning and testing."""
