"""Cards and figures."""
