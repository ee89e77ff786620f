"""``kanseq import``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, show


def import_sequences(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            help="files with sequences: CSV or TSV with a header, FASTA, BED, or tables of intervals (region, "
            "start, end, strand); if there are several files, their names (such as train, dev, test) are "
            "written to the column 'split'"
        ),
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="output file for the set of sequences (.parquet)")],
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="NAME=FILE",
            help="a class, and the file with its sequences: FASTA, BED, table of intervals, or folder of *.txt "
            "files; repeatable",
        ),
    ] = None,
    genome: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[CLASS=]FASTA",
            help="genome that the intervals refer to; CLASS=FASTA specifies the genome of one class; repeatable",
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            min=1, help="extend intervals on both sides to a total of this many bases; exclude longer intervals"
        ),
    ] = None,
    sequence_column: Annotated[
        list[str] | None,
        typer.Option(
            help="column with the sequences (default: sequence); repeatable: the sequences of several columns "
            "are joined, with 20 N in between"
        ),
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="column with the labels (default: label, if present)")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(help="column with the ids (default: ids are made from file name and row number)")
    ] = None,
    split_column: Annotated[
        str | None, typer.Option(help="column with the split of each sequence (train, dev or test)")
    ] = None,
    species: Annotated[
        str, typer.Option(help="name of the species; needed if the set will be combined with sets of other species")
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
