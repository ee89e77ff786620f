"""``kanseq inspect``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, show


def inspect(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="file written by kanseq, or run folder", show_default=False)
    ],
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Describe a file or run folder that kanseq wrote: what it is, and a summary of its contents.

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
    """Register the command with the program."""
    app.command("inspect")(inspect)
