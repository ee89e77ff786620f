"""What a training or a search is asked to do: dataclasses that the command line, Python, files and workflows share."""
