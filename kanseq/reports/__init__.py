"""Cards, figures and pages for people."""
