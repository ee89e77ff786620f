"""Commands that describe files, run a demo and create projects."""
