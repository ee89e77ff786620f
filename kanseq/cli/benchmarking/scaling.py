"""``kanseq scaling``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.benchmarking.protocol_options import (
    Bootstrap,
    Copies,
    Epochs,
    Folds,
    Jobs,
    Options,
    Precision,
    Seeds,
    show_table,
    whole_numbers,
)
from kanseq.cli.options import Config, Device, Json, LogLevel, Seed, Threads


def scaling(
    genes: Annotated[
        Path, typer.Argument(help="set with columns 'label' and 'split', from kanseq import", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="output folder for runs, tables and figure; created if missing")
    ],
    sizes: Annotated[
        list[str] | None,
        typer.Option(
            "--parameters",
            help="number of parameters per network; layer widths are chosen to match it; repeatable or "
            "comma-separated (default: 50000,100000,200000,400000)",
        ),
    ] = None,
    grids: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            help="number of spline grid intervals; parameters are counted and training steps are timed for "
            "each; repeatable or comma-separated (default: 5,10,20,30,40,50)",
        ),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option("--model", help="model to train; repeatable (default: legnet, legnet-lkan and legnet-ckan)"),
    ] = None,
    options: Options = None,
    folds: Folds = 5,
    seeds: Seeds = 1,
    epochs: Epochs = None,
    copies: Copies = "drop",
    bootstrap: Bootstrap = 1000,
    jobs: Jobs = 1,
    seed: Seed = 0,
    threads: Threads = 0,
    device: Device = "auto",
    precision: Precision = None,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Train LegNet and its KAN variants with several numbers of parameters, and measure the cost of finer grids.

    Example: kanseq scaling mouse_2.parquet --parameters 50000,200000 -o scaling/
    """
    from kanseq import api

    result = api.scaling(
        genes,
        output=output,
        **({"sizes": whole_numbers(sizes, "--parameters")} if sizes else {}),
        **({"grids": whole_numbers(grids, "--grid")} if grids else {}),
        **({"models": models} if models else {}),
        options=options or (),
        folds=folds,
        seeds=seeds,
        epochs=epochs,
        copies=copies,
        bootstrap=bootstrap,
        seed=seed,
        jobs=jobs,
        threads=threads,
        device=device,
        precision=precision,
    )
    show_table(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the command with the program."""
    app.command("scaling")(scaling)
