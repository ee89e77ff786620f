"""``kanseq inspect``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, show


def inspect(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="a file that kanseq wrote, or a run", show_default=False)
    ],
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show what a file of kanseq is, and what it says of itself.

    Example: kanseq inspect genes.parquet
    """
    from kanseq import api

    card = api.inspect(path)
    if as_json:
        show(card, as_json)
        return
    for line in card.lines():
        typer.echo(line)


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("inspect")(inspect)
