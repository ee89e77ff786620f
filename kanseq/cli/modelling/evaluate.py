"""``kanseq evaluate``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, Seed, check_standard_output, show


def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="run folders, or tables of predictions with targets")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="metrics.json; - for standard output")] = None,
    table: Annotated[Path | None, typer.Option("--table", help="metrics.tsv, one line per model and fold")] = None,
    folds: Annotated[list[str] | None, typer.Option("--fold", help="score this fold only; repeatable")] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", help="row, model or run to compare the others with (default: kmer-logistic)"),
    ] = None,
    ensemble: Annotated[bool, typer.Option("--ensemble", help="also score the mean over a model's seeds")] = False,
    pooled: Annotated[
        bool, typer.Option("--pooled", help="also show scores weighted by genes, and pooled scores")
    ] = False,
    join: Annotated[
        bool, typer.Option("--join", help="treat runs of the same model (such as one per species) as one")
    ] = False,
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", min=0, help="bootstrap resamples for confidence intervals; 0: no intervals")
    ] = 1000,
    seed: Seed = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Score runs on their held-out genes, and print one table of all models.

    Example: kanseq evaluate run/ other_run/ -o metrics.json
    """
    from kanseq import api

    check_standard_output(as_json, output, table)
    result = api.evaluate(
        runs,
        output=output,
        table=table,
        folds=folds or [],
        against=against,
        ensemble=ensemble,
        pooled=pooled,
        join=join,
        bootstrap=bootstrap,
        seed=seed,
    )
    if as_json:
        show(result, as_json)
    else:
        # The table goes to standard error if the metrics go to standard output.
        (sys.stderr if "-" in (str(output), str(table)) else sys.stdout).write(result.text)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("evaluate")(evaluate)
