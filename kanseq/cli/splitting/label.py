"""``kanseq label``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, check_standard_output, show


def label(
    tables: Annotated[
        list[Path],
        typer.Argument(
            help="TPM matrix (CSV, TSV; genes in rows), or tables of salmon, kallisto, RSEM, StringTie, Cufflinks",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="table of labels (labels.tsv); - for standard output")],
    splits: Annotated[
        Path | None,
        typer.Option(
            "--splits", help="splits.tsv from kanseq split; quartiles are computed from the training genes of each fold"
        ),
    ] = None,
    genes: Annotated[
        Path | None,
        typer.Option(
            "--genes",
            help="set of genes, to report how many of them have no expression value; not used with --splits",
        ),
    ] = None,
    samples: Annotated[
        list[str] | None,
        typer.Option(
            "--samples",
            help="columns of the table to use; repeatable or comma-separated (default: all samples; TPM if units mix)",
        ),
    ] = None,
    summary: Annotated[
        str, typer.Option("--summary", help="how to summarise a gene's TPM over samples: max, mean or median")
    ] = "max",
    condition: Annotated[
        Path | None,
        typer.Option(
            "--condition",
            help="sample sheet with the columns sample and condition; genes are labelled separately for each condition",
        ),
    ] = None,
    quartiles: Annotated[
        str | None,
        typer.Option(
            "--quartiles",
            help="compute quartiles from train (training genes of each fold; default with --splits) or all "
            "(all genes of the expression table; default without --splits)",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe", help="follow a published method: deepcre (quartiles of all genes of the expression table)"
        ),
    ] = None,
    low: Annotated[float, typer.Option("--low", help="genes at or below this quantile are labelled low")] = 0.25,
    high: Annotated[float, typer.Option("--high", help="genes at or above this quantile are labelled high")] = 0.75,
    species: Annotated[
        str | None,
        typer.Option("--species", help="species of the expression table, if the splits or the set have several"),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(
            "--id-column",
            help="column of the table with gene ids (default: the first, or gene_id if the first has row numbers)",
        ),
    ] = None,
    strip_version: Annotated[
        bool, typer.Option("--strip-version", help="always ignore version suffixes such as .1 when matching gene ids")
    ] = False,
    ignore_case: Annotated[
        bool, typer.Option("--ignore-case", help="ignore letter case when matching gene ids")
    ] = False,
    tx2gene: Annotated[
        Path | None,
        typer.Option(
            "--tx2gene", help="table with the columns transcript and gene, in any order if named, to sum TPM per gene"
        ),
    ] = None,
    annotation: Annotated[
        Path | None,
        typer.Option(
            "--annotation",
            help="GTF or GFF3 with the gene of each transcript and all names of genes, instead of --tx2gene",
        ),
    ] = None,
    gene_map: Annotated[
        Path | None,
        typer.Option(
            "--gene-map",
            help="table with two columns: gene ids of another annotation release and gene ids of the set, in any order",
        ),
    ] = None,
    decimal: Annotated[
        str | None,
        typer.Option(
            "--decimal",
            help="decimal mark of the TPM, . or , (default: the one that fits all numbers)",
        ),
    ] = None,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Label genes low, mid or high by expression; with --splits, by thresholds from training genes only.

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
        gene_map=gene_map,
        decimal=decimal,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the command with the program."""
    app.command("label")(label)
