"""Commands that compare models on labelled data sets under one protocol."""
