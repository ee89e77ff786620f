"""Tables on disk: a schema for each table, and the one dialect in which all of them are read and written."""
