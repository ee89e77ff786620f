"""Learning tasks: targets, losses, calibration and decisions."""
