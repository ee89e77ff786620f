"""All options of training runs and hyper-parameter searches, shared by command line, Python API and workflow."""
