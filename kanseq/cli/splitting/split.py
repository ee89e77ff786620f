"""``kanseq split``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, Seed, check_standard_output, show


def split(
    genes: Annotated[
        list[Path],
        typer.Argument(help="one or more sets, from kanseq extract or import", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="table of splits (splits.tsv); - for standard output")],
    by: Annotated[
        str,
        typer.Option(
            "--by",
            help="what each fold holds out: chromosome, block (of a contig), species, list (genes in "
            "--gene-list), random (a random part of the genes) or column (genes with 'test' in the set's "
            "column 'split')",
        ),
    ] = "chromosome",
    folds: Annotated[
        list[str] | None,
        typer.Option(
            "--folds",
            help="hold out only these folds or contigs; all other genes are training genes in every fold; "
            "repeatable or comma-separated",
        ),
    ] = None,
    blocks: Annotated[
        int, typer.Option("--blocks", help="--by block: number of blocks per contig; --by random: number of folds")
    ] = 5,
    gene_list: Annotated[
        Path | None, typer.Option("--gene-list", help="--by list: file with the test genes (lines 'id' or 'id fold')")
    ] = None,
    min_genes: Annotated[
        int,
        typer.Option(
            "--min-genes",
            min=1,
            help="minimum number of genes of a contig or block that is held out; genes of smaller contigs or "
            "blocks are not used, unless --folds is given",
        ),
    ] = 50,
    tune: Annotated[
        float, typer.Option("--tune", help="fraction of each fold's training genes to use for tuning (validation)")
    ] = 0.0,
    score_only: Annotated[
        Path | None, typer.Option("--score-only", help="test only on the genes whose ids are listed in this file")
    ] = None,
    homology: Annotated[
        Path | None,
        typer.Option(
            "--homology", help="groups or pairs from kanseq homology; homologs of test genes are excluded from training"
        ),
    ] = None,
    similar: Annotated[
        bool,
        typer.Option(
            "--similar",
            help="exclude from training all genes whose windows are nearly identical to those of test genes",
        ),
    ] = False,
    test_species: Annotated[
        str | None,
        typer.Option(
            "--test-species", help="--by chromosome or block: test only on this species, and train only on the others"
        ),
    ] = None,
    train_species: Annotated[
        list[str] | None,
        typer.Option(
            "--train-species",
            help="with --test-species: species to train on; repeatable or comma-separated (default: all others)",
        ),
    ] = None,
    rotate: Annotated[
        int,
        typer.Option(
            "--rotate",
            min=0,
            help="--by column: make this many folds with the same test genes; each fold uses a different part "
            "of the other genes for tuning; 0: one fold",
        ),
    ] = 0,
    seed: Seed = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Assign genes to training and test in every fold; keep genes that are related to test genes out of training.

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
    """Register the command with the program."""
    app.command("split")(split)
