"""``kanseq train``."""

from typing import Any

import typer

from kanseq.cli.options import show
from kanseq.cli.specified import with_options_of
from kanseq.specification.training import TrainSpec


@with_options_of(TrainSpec)
def train(given: dict[str, Any], as_json: bool) -> None:
    """Train a model for every fold, score it on the held-out genes, and compare it with a baseline.

    If a run was interrupted, the same command resumes it.

    Example: kanseq train genes.parquet --labels labels.tsv --splits splits.tsv -o run/
    """
    from kanseq import api

    show(api.train(**given), as_json)


def add_to(app: typer.Typer) -> None:
    """Register the command with the program."""
    app.command("train")(train)
