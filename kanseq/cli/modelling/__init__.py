"""Commands that train and use models."""
