"""``kanseq benchmark``."""

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
)
from kanseq.cli.options import Config, Device, Json, LogLevel, Seed, Threads


def benchmark(
    collection: Annotated[
        str,
        typer.Argument(
            help="collection of data sets: gue, genomic-benchmarks or flipons", show_default=False, metavar="COLLECTION"
        ),
    ],
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="folder with the published files of the collection", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="output folder; created if missing")],
    data_sets: Annotated[
        list[str] | None, typer.Option("--data-set", help="data set to use; repeatable (default: all)")
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option("--model", help="model to train; repeatable (default: legnet, legnet-lkan and legnet-ckan)"),
    ] = None,
    options: Options = None,
    match_parameters: Annotated[
        int | None,
        typer.Option(
            "--match-parameters", min=1, help="choose layer widths so that every network has about this many parameters"
        ),
    ] = None,
    genome: Annotated[
        list[str] | None,
        typer.Option(
            "--genome",
            metavar="[CLASS=]FASTA",
            help="genome of data sets that consist of intervals; CLASS=FASTA specifies the genome of one "
            "class; repeatable",
        ),
    ] = None,
    negatives: Annotated[
        str,
        typer.Option(
            "--negatives",
            help="how to generate negative sequences for flipons: shuffled (with the same dinucleotide "
            "counts), or uniform (random bases, as published)",
        ),
    ] = "shuffled",
    published: Annotated[
        Path | None,
        typer.Option(
            "--published",
            help="table of published scores to show in the results, in addition to those that kanseq includes",
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
    """Train models on a published collection of data sets, and compare them on its test sets.

    If a benchmark was interrupted, the same command resumes it.

    Example: kanseq benchmark gue GUE/ --data-set mouse_2 --match-parameters 500000 -o benchmark/
    """
    from kanseq import api

    result = api.benchmark(
        collection,
        folder,
        output=output,
        **({"models": models} if models else {}),
        options=options or (),
        match_parameters=match_parameters,
        data_sets=data_sets or (),
        genome=genome or None,
        negatives=negatives,
        folds=folds,
        seeds=seeds,
        epochs=epochs,
        copies=copies,
        published=published,
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
    app.command("benchmark")(benchmark)
