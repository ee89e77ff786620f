"""``kanseq predict``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Device, Json, LogLevel, Threads, check_standard_output, show


def predict(
    model: Annotated[Path, typer.Argument(help="run folder, or one model file (model.safetensors)")],
    genes: Annotated[Path, typer.Argument(help="set of genes or sequences, from kanseq extract or import")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="table of predictions (predictions.tsv); - for standard output")
    ],
    fold: Annotated[
        str | None,
        typer.Option("--fold", help="predict only for the held-out genes of this fold, with the models of this fold"),
    ] = None,
    allow_seen: Annotated[
        bool,
        typer.Option(
            "--allow-seen", help="also predict for genes that all models were trained on (default: stop with an error)"
        ),
    ] = False,
    held_out_only: Annotated[
        bool,
        typer.Option(
            "--held-out-only", help="skip genes that all models were trained on (default: stop with an error)"
        ),
    ] = False,
    batch_size: Annotated[int, typer.Option("--batch-size", help="number of sequences per batch")] = 256,
    threads: Threads = 0,
    device: Device = "auto",
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Predict the class or expression of each gene in a set, with models that were not trained on that gene.

    If the model has more than two classes, the table contains the most probable class and the logits of all classes.

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
    """Register the command with the program."""
    app.command("predict")(predict)
