"""``kanseq evaluate``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, Seed, check_standard_output, show


def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="run folders, or tables of predictions with a column 'target'")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="file for all scores and comparisons (metrics.json); - for standard output"
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--table", help="file for a table of scores (metrics.tsv), one line per model and fold"),
    ] = None,
    folds: Annotated[
        list[str] | None, typer.Option("--fold", help="score only this fold; repeatable (default: all folds)")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            help="reference for the comparisons: a model, a run, or a row of the table (default: kmer-logistic)",
        ),
    ] = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="also score the predictions of each model averaged over its seeds")
    ] = False,
    pooled: Annotated[
        bool,
        typer.Option(
            "--pooled",
            help="also show means weighted by the number of genes per fold, and scores computed on the genes "
            "of all folds together",
        ),
    ] = False,
    join: Annotated[
        bool,
        typer.Option(
            "--join", help="treat all runs of the same architecture as one model (for example one run per species)"
        ),
    ] = False,
    bootstrap: Annotated[
        int,
        typer.Option(
            "--bootstrap", min=0, help="number of bootstrap resamples for confidence intervals; 0: no intervals"
        ),
    ] = 1000,
    seed: Seed = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Score the predictions of runs for held-out genes, and print one table that compares all models.

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
    """Register the command with the program."""
    app.command("evaluate")(evaluate)
