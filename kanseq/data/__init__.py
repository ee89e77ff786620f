"""The input data of models: sequence sets, labels and splits."""
