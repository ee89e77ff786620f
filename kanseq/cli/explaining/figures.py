"""``kanseq figures``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Device, Json, LogLevel, Seed, Threads, show


def figures(
    model: Annotated[Path, typer.Argument(help="a run, or one model.safetensors", show_default=False)],
    genes: Annotated[Path, typer.Argument(help="set of genes or sequences (genes.parquet)", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="folder to write into; made where its parent exists")],
    attributions: Annotated[
        Path | None, typer.Option(help="attributions.parquet of kanseq explain: adds a profile and words")
    ] = None,
    fold: Annotated[str | None, typer.Option(help="look into this fold's model; else the first one's")] = None,
    condition: Annotated[
        str | None, typer.Option("--condition", help="whose output, for a model of several conditions or classes")
    ] = None,
    gene: Annotated[list[str] | None, typer.Option(help="id of a gene to look at; repeatable")] = None,
    gene_list: Annotated[Path | None, typer.Option(help="file with ids to look at")] = None,
    samples: Annotated[int, typer.Option(help="genes that the model runs on, drawn at random; 0: all")] = 500,
    edges: Annotated[int, typer.Option(help="edge functions in a layer's picture")] = 12,
    top: Annotated[int, typer.Option(help="edges of a layer in edges.tsv")] = 1000,
    layer: Annotated[
        str | None, typer.Option(help="layer around which tokens are mapped; else the first that reads tokens")
    ] = None,
    word_length: Annotated[
        list[int] | None, typer.Option("--word-length", help="bases of a word; repeatable  [default: 8]")
    ] = None,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="look also at genes that every model was trained on")
    ] = False,
    threads: Threads = 0,
    device: Device = "auto",
    seed: Seed = 0,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Look inside a trained KAN: edge functions over the data, their scores, grids, tokens; profile and words.

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
    """Register the verb."""
    app.command("figures")(figures)
