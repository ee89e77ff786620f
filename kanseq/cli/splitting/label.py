"""``kanseq label``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, check_standard_output, show


def label(
    tables: Annotated[
        list[Path],
        typer.Argument(
            help="TPM matrix (CSV, TSV), or tables of salmon, kallisto, RSEM or StringTie", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="labels.tsv, or - for standard output")],
    splits: Annotated[
        Path | None, typer.Option("--splits", help="splits.tsv, to compute quartiles from each fold's training genes")
    ] = None,
    genes: Annotated[Path | None, typer.Option("--genes", help="set of genes to label, without --splits")] = None,
    samples: Annotated[
        list[str] | None, typer.Option("--samples", help="columns of samples; repeatable or comma-separated")
    ] = None,
    summary: Annotated[str, typer.Option("--summary", help="summary over samples: max, mean or median")] = "max",
    condition: Annotated[
        Path | None,
        typer.Option("--condition", help="sample sheet with rows 'sample condition', to label each condition"),
    ] = None,
    quartiles: Annotated[
        str | None,
        typer.Option(
            "--quartiles",
            help="quartiles of training genes (train; default with --splits), or of the complete table (all)",
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="deepcre: quartiles of the complete table, as published")
    ] = None,
    low: Annotated[float, typer.Option("--low", help="quantile at or below which genes are low")] = 0.25,
    high: Annotated[float, typer.Option("--high", help="quantile at or above which genes are high")] = 0.75,
    species: Annotated[
        str | None, typer.Option("--species", help="species of the expression table, if the set has several")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id-column", help="matrix column of gene ids (default: the first)")
    ] = None,
    strip_version: Annotated[
        bool, typer.Option("--strip-version", help="compare ids without version suffixes such as .1")
    ] = False,
    ignore_case: Annotated[bool, typer.Option("--ignore-case", help="compare ids ignoring letter case")] = False,
    tx2gene: Annotated[
        Path | None, typer.Option("--tx2gene", help="table with rows 'transcript gene', to sum transcripts per gene")
    ] = None,
    annotation: Annotated[
        Path | None, typer.Option("--annotation", help="GTF or GFF3 that maps transcripts to genes")
    ] = None,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Label genes low, mid or high by expression, with thresholds that do not depend on test genes.

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
    """Register the command."""
    app.command("label")(label)
