"""The functions behind the commands, also for use from Python: read files, call the other packages, write files."""
