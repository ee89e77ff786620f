"""``kanseq ablation``."""

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


def ablation(
    genes: Annotated[
        Path, typer.Argument(help="set with columns 'label' and 'split', from kanseq import", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="output folder for runs, table and figure; created if missing")
    ],
    replaced: Annotated[
        list[str] | None,
        typer.Option(
            "--replaced",
            help="for LKANs: number of blocks with a KAN layer; repeatable or comma-separated (default: half "
            "of the blocks, and all)",
        ),
    ] = None,
    places: Annotated[
        list[str] | None,
        typer.Option(
            "--place",
            help="for CKANs: convolutions to replace with KAN layers: stem, final or both; repeatable "
            "(default: all three choices)",
        ),
    ] = None,
    grids: Annotated[
        list[str] | None,
        typer.Option(
            "--grid", help="number of spline grid intervals; repeatable or comma-separated (default: 5,10,20)"
        ),
    ] = None,
    options: Options = None,
    match_parameters: Annotated[
        int | None,
        typer.Option(
            "--match-parameters", min=1, help="choose layer widths so that every network has about this many parameters"
        ),
    ] = None,
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
    """Train variants of LegNet with more or fewer KAN layers and several grid sizes, and score them on one test set.

    In LKANs, squeeze-and-excitation layers are KAN layers; in CKANs, convolutions are KAN layers.

    Example: kanseq ablation mouse_2.parquet --replaced 1,3,6 --grid 5,20 -o ablation/
    """
    from kanseq import api

    result = api.ablation(
        genes,
        output=output,
        replaced=whole_numbers(replaced, "--replaced"),
        **({"places": places} if places else {}),
        **({"grids": whole_numbers(grids, "--grid")} if grids else {}),
        options=options or (),
        match_parameters=match_parameters,
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
    app.command("ablation")(ablation)
