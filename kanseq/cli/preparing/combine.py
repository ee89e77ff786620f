"""``kanseq combine``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, show


def combine(
    sets: Annotated[
        list[Path], typer.Argument(help="sets with windows of the same sizes, such as one set per species")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="output file for the combined set (.parquet)")],
    species: Annotated[
        list[str] | None,
        typer.Option(
            "--species",
            help="species name of each set, in the order of the sets; needed for sets that were made without "
            "--species; repeatable or comma-separated",
        ),
    ] = None,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Combine several sets into one set, for example to train on some species and test on others.

    Example: kanseq combine arabidopsis.parquet maize.parquet -o both.parquet
    """
    from kanseq import api

    show(api.combine(sets, output=output, species=species or ()), as_json)


def add_to(app: typer.Typer) -> None:
    """Register the command with the program."""
    app.command("combine")(combine)
