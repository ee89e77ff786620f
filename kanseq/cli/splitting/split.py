"""``kanseq split``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, Seed, check_standard_output, show


def split(
    genes: Annotated[
        list[Path],
        typer.Argument(help="the set, as kanseq extract or import made it; or several of them", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="splits.tsv, or - for standard output")],
    by: Annotated[
        str, typer.Option("--by", help="chromosome, block, species, list, random or column (the set's own 'split')")
    ] = "chromosome",
    folds: Annotated[
        list[str] | None,
        typer.Option("--folds", help="hold out only these folds or contigs (repeat, or use commas); the rest trains"),
    ] = None,
    blocks: Annotated[
        int, typer.Option("--blocks", help="--by block: stretches per contig; --by random: number of folds")
    ] = 5,
    gene_list: Annotated[
        Path | None, typer.Option("--gene-list", help="--by list: test genes, one a line, or 'id fold' on each")
    ] = None,
    min_genes: Annotated[
        int,
        typer.Option(
            "--min-genes",
            min=1,
            help="contigs (blocks) with fewer genes are no fold and set aside, unless --folds is given",
        ),
    ] = 50,
    tune: Annotated[float, typer.Option("--tune", help="share of the training genes set apart for tuning")] = 0.0,
    score_only: Annotated[
        Path | None, typer.Option("--score-only", help="list of the genes to score; other test genes are unused")
    ] = None,
    homology: Annotated[
        Path | None,
        typer.Option("--homology", help="groups or pairs of kanseq homology; homologs of test genes do not train"),
    ] = None,
    similar: Annotated[
        bool, typer.Option("--similar", help="genes with nearly the same windows as test genes do not train either")
    ] = False,
    test_species: Annotated[
        str | None,
        typer.Option("--test-species", help="--by chromosome or block: folds of this species only; the others train"),
    ] = None,
    train_species: Annotated[
        list[str] | None,
        typer.Option("--train-species", help="with --test-species: which other species train (default: all of them)"),
    ] = None,
    rotate: Annotated[
        int,
        typer.Option(
            "--rotate", min=0, help="--by column: so many folds with the same test, each tuning on another part"
        ),
    ] = 0,
    seed: Seed = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say which genes train and which are tested in every fold, with nothing leaking between them.

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
    """Register the verb."""
    app.command("split")(split)
