"""Commands that decide which genes train."""
