"""Attribution: compute how much each base and token contributes to the output of a trained model."""
