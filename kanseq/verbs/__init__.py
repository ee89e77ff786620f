"""The functions behind the commands: they read files, call the packages below, and write files."""
