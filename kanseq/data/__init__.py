"""What the models eat: sequence sets, labels and splits."""
