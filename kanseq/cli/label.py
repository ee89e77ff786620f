"""``kanseq label``."""

import typer


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
