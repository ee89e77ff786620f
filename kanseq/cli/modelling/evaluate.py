"""``kanseq evaluate``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, Seed, check_standard_output, show


def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="runs, or tables of predictions with targets")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="metrics.json; - for standard output")] = None,
    table: Annotated[Path | None, typer.Option("--table", help="metrics.tsv, a line per model and fold")] = None,
    folds: Annotated[list[str] | None, typer.Option("--fold", help="score this fold only; repeatable")] = None,
    against: Annotated[
        str | None, typer.Option("--against", help="compare all with this row, model or run; else with kmer-logistic")
    ] = None,
    ensemble: Annotated[bool, typer.Option("--ensemble", help="score the mean of a model's seeds as well")] = False,
    pooled: Annotated[bool, typer.Option("--pooled", help="show scores weighted by genes, and pooled ones")] = False,
    join: Annotated[
        bool, typer.Option("--join", help="take runs of the same model (of a species each) as one")
    ] = False,
    bootstrap: Annotated[int, typer.Option("--bootstrap", min=0, help="resamples for the intervals; 0: none")] = 1000,
    seed: Seed = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Score runs on the genes that they held out, and print one table of all models.

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
        # Standard output is taken where the metrics themselves go there.
        (sys.stderr if "-" in (str(output), str(table)) else sys.stdout).write(result.text)


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("evaluate")(evaluate)
