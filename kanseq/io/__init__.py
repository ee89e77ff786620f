"""Tables on disk: the columns of each table, and the functions that write and read all of them."""
