"""Tables on disk: what columns each holds, and the one way in which they are written and read."""
