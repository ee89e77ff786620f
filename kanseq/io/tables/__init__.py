"""Tables on disk: a schema for each table, and functions that read and write all of them in one text format."""
