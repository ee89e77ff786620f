"""``kanseq predict``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Device, Json, LogLevel, Threads, check_standard_output, show


def predict(
    model: Annotated[Path, typer.Argument(help="a run's folder, or one model.safetensors")],
    genes: Annotated[Path, typer.Argument(help="the set, from kanseq extract or import")],
    output: Annotated[Path, typer.Option("--output", "-o", help="predictions.tsv; - for standard output")],
    fold: Annotated[
        str | None, typer.Option("--fold", help="this fold's models and the genes that it holds out only")
    ] = None,
    allow_seen: Annotated[
        bool, typer.Option("--allow-seen", help="also score genes that every model was trained on")
    ] = False,
    held_out_only: Annotated[bool, typer.Option("--held-out-only", help="leave such genes out")] = False,
    batch_size: Annotated[int, typer.Option("--batch-size", help="sequences per step")] = 256,
    threads: Threads = 0,
    device: Device = "auto",
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Score any set, every gene by models that have not seen it.

    Models of several classes call the likeliest, and give the logits of all.

    Example: kanseq predict run/ other_genes.parquet -o predictions.tsv
    """
    from kanseq import api

    check_standard_output(as_json, output)
    result = api.predict(
        model,
        genes,
        output=output,
        fold=fold,
        allow_seen=allow_seen,
        held_out_only=held_out_only,
        batch_size=batch_size,
        threads=threads,
        device=device,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("predict")(predict)
