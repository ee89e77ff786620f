"""``kanseq import``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, show


def import_sequences(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            help="files with sequences: CSV or TSV with a header, FASTA, BED, or tables of intervals (region, start, "
            "end, strand); the names of several files (train, dev, test) become the column 'split'"
        ),
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="set of sequences (.parquet)")],
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="NAME=FILE",
            help="class and file of its sequences: FASTA, BED, table of intervals or folder of *.txt; repeatable",
        ),
    ] = None,
    genome: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[CLASS=]FASTA", help="genome that intervals refer to; with CLASS= for one class; repeatable"
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(min=1, help="extend intervals on both sides to this many bases; drop longer intervals"),
    ] = None,
    sequence_column: Annotated[
        list[str] | None,
        typer.Option(
            help="column of sequences (default: sequence); if repeated, join the columns, with 20 N in between"
        ),
    ] = None,
    label_column: Annotated[str | None, typer.Option(help="column of labels (default: label, if present)")] = None,
    id_column: Annotated[str | None, typer.Option(help="column of ids (default: file name and row number)")] = None,
    split_column: Annotated[str | None, typer.Option(help="column of splits (train, dev, test)")] = None,
    species: Annotated[
        str, typer.Option(help="name of the species, if the set will be combined with those of other species")
    ] = ".",
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Build a set from labelled sequences: tables, one FASTA per class, or intervals of a genome.

    Example: kanseq import train.csv dev.csv test.csv -o sequences.parquet
    """
    from kanseq import api

    result = api.import_sequences(
        inputs or (),
        output=output,
        classes=classes or (),
        genome=genome or None,
        width=width,
        sequence_column=sequence_column or "sequence",
        label_column=label_column,
        id_column=id_column,
        split_column=split_column,
        species=species,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the command with the program."""
    app.command("import")(import_sequences)
