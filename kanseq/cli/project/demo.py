"""``kanseq demo``: run all steps of an analysis on a simulated genome."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, Seed, Threads, show


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="output folder; created if its parent exists")] = Path(
        "demo"
    ),
    seed: Seed = 0,
    threads: Threads = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Run all steps, from extraction to attributions, on a simulated genome with known regulatory elements.

    Example: kanseq demo -o demo/
    """
    from kanseq import api

    result = api.demo(output, seed=seed, threads=threads)
    if as_json:
        show(result, as_json)
    else:
        sys.stdout.write(result.table)


def add_to(app: typer.Typer) -> None:
    """Register the command with the program."""
    app.command("demo")(demo)
