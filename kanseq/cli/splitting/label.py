"""``kanseq label``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, check_standard_output, show


def label(
    tables: Annotated[
        list[Path],
        typer.Argument(
            help="TPM: a matrix (CSV, TSV), or tables of salmon, kallisto, RSEM or StringTie", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="labels.tsv, or - for standard output")],
    splits: Annotated[
        Path | None, typer.Option("--splits", help="splits.tsv; quartiles then come from each fold's training genes")
    ] = None,
    genes: Annotated[
        Path | None, typer.Option("--genes", help="the set, where there are no splits: which of its genes count")
    ] = None,
    samples: Annotated[
        list[str] | None, typer.Option("--samples", help="columns that are samples (repeat, or use commas)")
    ] = None,
    summary: Annotated[str, typer.Option("--summary", help="over samples: max, mean or median")] = "max",
    condition: Annotated[
        Path | None, typer.Option("--condition", help="sample sheet 'sample condition': labels for every condition")
    ] = None,
    quartiles: Annotated[
        str | None,
        typer.Option(
            "--quartiles", help="train (with --splits the default), or all: the whole table, test genes included"
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="deepcre: quartiles of the whole table, as published")
    ] = None,
    low: Annotated[float, typer.Option("--low", help="quantile at or below which genes are low")] = 0.25,
    high: Annotated[float, typer.Option("--high", help="quantile at or above which genes are high")] = 0.75,
    species: Annotated[
        str | None, typer.Option("--species", help="whose expression it is, where the set has several species")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id-column", help="the matrix's column of gene ids; default: the first")
    ] = None,
    strip_version: Annotated[
        bool, typer.Option("--strip-version", help="compare ids without version suffixes such as .1")
    ] = False,
    ignore_case: Annotated[bool, typer.Option("--ignore-case", help="compare ids whatever their letter case")] = False,
    tx2gene: Annotated[
        Path | None, typer.Option("--tx2gene", help="table 'transcript gene': transcripts are summed per gene")
    ] = None,
    annotation: Annotated[
        Path | None, typer.Option("--annotation", help="GTF or GFF3 that says whose the transcripts are")
    ] = None,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Label genes low, mid or high by their expression, with thresholds that no test gene has touched.

    Example: kanseq label tpm.csv --splits splits.tsv -o labels.tsv
    """
    from kanseq import api

    check_standard_output(as_json, output)
    result = api.label(
        tables,
        splits=splits,
        genes=genes,
        output=output,
        samples=samples or (),
        summary=summary,
        condition=condition,
        quartiles=quartiles,
        recipe=recipe,
        low=low,
        high=high,
        species=species,
        id_column=id_column,
        strip_version=strip_version,
        ignore_case=ignore_case,
        tx2gene=tx2gene,
        annotation=annotation,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("label")(label)
