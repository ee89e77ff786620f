"""``kanseq figures``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Device, Json, LogLevel, Seed, Threads, show


def figures(
    model: Annotated[
        Path, typer.Argument(help="run folder, or one model file (model.safetensors)", show_default=False)
    ],
    genes: Annotated[
        Path, typer.Argument(help="set of genes or sequences, from kanseq extract or import", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="output folder; created if its parent exists")],
    attributions: Annotated[
        Path | None,
        typer.Option(
            help="attributions.parquet from kanseq explain, to also plot mean attributions per position and per k-mer"
        ),
    ] = None,
    fold: Annotated[str | None, typer.Option(help="show the model of this fold (default: the first fold)")] = None,
    condition: Annotated[
        str | None,
        typer.Option("--condition", help="condition or class to analyse; needed if the model predicts several"),
    ] = None,
    gene: Annotated[list[str] | None, typer.Option(help="id of a gene to use; repeatable (default: all genes)")] = None,
    gene_list: Annotated[Path | None, typer.Option(help="file with the ids of the genes to use")] = None,
    samples: Annotated[int, typer.Option(help="number of randomly chosen genes to run the model on; 0: all")] = 500,
    edges: Annotated[int, typer.Option(help="number of edge functions to plot per layer")] = 12,
    top: Annotated[int, typer.Option(help="number of edges per layer to list in edges.tsv")] = 1000,
    layer: Annotated[
        str | None,
        typer.Option(
            help="plot the norms of the tokens (pieces of 8 bases) before and after this layer "
            "(default: the first KAN layer that reads tokens)"
        ),
    ] = None,
    word_length: Annotated[
        list[int] | None,
        typer.Option(
            "--word-length",
            help="with --attributions: plot the mean attribution of each k-mer (word) of this length; repeatable "
            "(default: 8)",
        ),
    ] = None,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="also use genes that all models were trained on (default: skip them)")
    ] = False,
    threads: Threads = 0,
    device: Device = "auto",
    seed: Seed = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Plot a trained KAN: its edge functions, their importance, its tokens and, optionally, mean attributions.

    Example: kanseq figures run/ genes.parquet --attributions attributions.parquet -o figures/
    """
    from kanseq import api

    result = api.figures(
        model,
        genes,
        output=output,
        attributions=attributions,
        fold=fold,
        condition=condition,
        gene=gene or (),
        gene_list=gene_list,
        samples=samples,
        edges=edges,
        top=top,
        layer=layer,
        word_length=word_length or (8,),
        allow_seen=allow_seen,
        seed=seed,
        threads=threads,
        device=device,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the command with the program."""
    app.command("figures")(figures)
