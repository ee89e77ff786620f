"""``kanseq import``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, show


def import_sequences(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(help="CSV or TSV with a header (of several, the names become the column 'split'), FASTA or BED"),
    ] = None,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="the set of sequences, a Parquet file")],
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME=FILE", help="FASTA or BED with all sequences of one class, repeatable"),
    ] = None,
    genome: Annotated[Path | None, typer.Option(help="FASTA from which the intervals of BED files are read")] = None,
    sequence_column: Annotated[str, typer.Option(help="column of sequences")] = "sequence",
    label_column: Annotated[str | None, typer.Option(help="column of labels (default: label, if there is one)")] = None,
    id_column: Annotated[
        str | None, typer.Option(help="column of names (default: the file's name and the row's number)")
    ] = None,
    species: Annotated[str, typer.Option(help="name of the species, for sets that are put together")] = ".",
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make a set from labelled sequences: tables, a FASTA per class, or BED files with a genome.

    Example: kanseq import train.csv dev.csv test.csv -o sequences.parquet
    """
    from kanseq import api

    result = api.import_sequences(
        inputs or (),
        output=output,
        classes=classes or (),
        genome=genome,
        sequence_column=sequence_column,
        label_column=label_column,
        id_column=id_column,
        species=species,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("import")(import_sequences)
