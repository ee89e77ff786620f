"""Labels: expression quartiles, and tables of labels."""
