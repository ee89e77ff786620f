"""``kanseq split``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, Seed, check_standard_output, show


def split(
    genes: Annotated[
        list[Path],
        typer.Argument(help="one or several sets, from kanseq extract or import", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="splits.tsv, or - for standard output")],
    by: Annotated[
        str,
        typer.Option(
            "--by", help="how to form folds: chromosome, block, species, list, random or column (the set's 'split')"
        ),
    ] = "chromosome",
    folds: Annotated[
        list[str] | None,
        typer.Option(
            "--folds", help="hold out only these folds or contigs, train on the rest; repeatable or comma-separated"
        ),
    ] = None,
    blocks: Annotated[
        int, typer.Option("--blocks", help="--by block: blocks per contig; --by random: number of folds")
    ] = 5,
    gene_list: Annotated[
        Path | None, typer.Option("--gene-list", help="--by list: file of test genes, lines 'id' or 'id fold'")
    ] = None,
    min_genes: Annotated[
        int,
        typer.Option(
            "--min-genes",
            min=1,
            help="smallest number of genes in a fold; smaller contigs (blocks) are left out, unless --folds is used",
        ),
    ] = 50,
    tune: Annotated[float, typer.Option("--tune", help="fraction of training genes to use for tuning")] = 0.0,
    score_only: Annotated[
        Path | None, typer.Option("--score-only", help="file of genes to score; other test genes are unused")
    ] = None,
    homology: Annotated[
        Path | None,
        typer.Option(
            "--homology", help="groups or pairs from kanseq homology; leave homologs of test genes out of training"
        ),
    ] = None,
    similar: Annotated[
        bool, typer.Option("--similar", help="leave genes with nearly the same windows as test genes out of training")
    ] = False,
    test_species: Annotated[
        str | None,
        typer.Option(
            "--test-species", help="--by chromosome or block: test only this species, and train on the others"
        ),
    ] = None,
    train_species: Annotated[
        list[str] | None,
        typer.Option("--train-species", help="with --test-species: other species to train on (default: all)"),
    ] = None,
    rotate: Annotated[
        int,
        typer.Option(
            "--rotate", min=0, help="--by column: number of folds with the same test genes, each tuned on another part"
        ),
    ] = 0,
    seed: Seed = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Assign genes to training and test in every fold, without leaks between them.

    Example: kanseq split genes.parquet --by block --blocks 5 -o splits.tsv
    """
    from kanseq import api

    check_standard_output(as_json, output)
    result = api.split(
        genes,
        output=output,
        by=by,
        folds=folds or (),
        blocks=blocks,
        gene_list=gene_list,
        min_genes=min_genes,
        tune=tune,
        score_only=score_only,
        homology=homology,
        similar=similar,
        test_species=test_species,
        train_species=train_species or (),
        rotate=rotate,
        seed=seed,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("split")(split)
