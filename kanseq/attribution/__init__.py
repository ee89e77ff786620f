"""Attribution: from a trained model to numbers per base and per token."""
