"""``kanseq train``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Device, Json, LogLevel, Threads, pairs, show

_LEARNED = "What is learned, and from what"
_OPTIMISATION = "Optimisation of networks (each model has its own defaults: kanseq models NAME)"


def train(
    genes: Annotated[list[Path], typer.Argument(help="the set, from kanseq extract or import; or several of them")],
    splits: Annotated[Path, typer.Option("--splits", help="the folds, from kanseq split")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the run's folder; made if it is not there")],
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            "--labels", help="low and high, from kanseq label; repeatable; without, the set's own classes or numbers"
        ),
    ] = None,
    model: Annotated[str, typer.Option("--model", help="an architecture of kanseq models")] = "kan-words",
    options: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="a hyper-parameter of the model; repeatable")
    ] = None,
    match_parameters: Annotated[
        int | None, typer.Option("--match-parameters", min=1, help="choose widths so that the network is this large")
    ] = None,
    holdout: Annotated[
        list[str] | None, typer.Option("--holdout", help="the fold to hold out (repeatable), or all  [default: all]")
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            "--condition",
            help="whose labels; repeatable, or all: an output for each  [default: the only one]",
            rich_help_panel=_LEARNED,
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="binary (low or high), multiclass, or regression (on log10(TPM + 1), or on the set's own labels)  "
            "[default: binary; multiclass where the set's own labels are more than two]",
            rich_help_panel=_LEARNED,
        ),
    ] = None,
    visible: Annotated[
        str,
        typer.Option("--visible", help="columns of genes: all, flanks or transcribed", rich_help_panel=_LEARNED),
    ] = "all",
    control: Annotated[
        str,
        typer.Option(
            "--control", help="shuffle on purpose: none, labels, sequence or positions", rich_help_panel=_LEARNED
        ),
    ] = "none",
    calibrate: Annotated[
        str,
        typer.Option(
            "--calibrate",
            help="none, platt or isotonic: probabilities and threshold of two classes from training genes",
            rich_help_panel=_LEARNED,
        ),
    ] = "none",
    mid: Annotated[
        str | None,
        typer.Option(
            "--mid",
            help="genes labelled mid: none of them trains, or all by their rank  [default: the model's own]",
            rich_help_panel=_LEARNED,
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", help="passes over the training genes", rich_help_panel=_OPTIMISATION)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", help="sequences per step", rich_help_panel=_OPTIMISATION)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", help="of Adam", rich_help_panel=_OPTIMISATION)
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option("--weight-decay", help="of the spline weights only", rich_help_panel=_OPTIMISATION)
    ] = None,
    decay: Annotated[
        str | None,
        typer.Option(
            "--decay",
            help="coupled (L2 in the gradient), prior (that over the training genes' number), decoupled (AdamW)",
            rich_help_panel=_OPTIMISATION,
        ),
    ] = None,
    schedule: Annotated[
        str | None, typer.Option("--schedule", help="constant, cosine or one-cycle", rich_help_panel=_OPTIMISATION)
    ] = None,
    clip: Annotated[
        float | None, typer.Option("--clip", help="largest norm of the gradient", rich_help_panel=_OPTIMISATION)
    ] = None,
    balance: Annotated[
        str,
        typer.Option("--balance", help="none, or weights: by the classes' rarity", rich_help_panel=_OPTIMISATION),
    ] = "none",
    tune: Annotated[
        bool,
        typer.Option("--tune", help="stop early by the folds' genes of role tune", rich_help_panel=_OPTIMISATION),
    ] = False,
    patience: Annotated[
        int | None,
        typer.Option("--patience", help="epochs without progress under --tune", rich_help_panel=_OPTIMISATION),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option("--precision", help="auto, float32 or bfloat16 products", rich_help_panel=_OPTIMISATION),
    ] = None,
    compile: Annotated[
        bool,
        typer.Option("--compile", help="torch.compile the steps; needs a C++ compiler", rich_help_panel=_OPTIMISATION),
    ] = False,
    baseline: Annotated[
        bool, typer.Option("--baseline/--no-baseline", help="train a plain model on the same folds, and compare")
    ] = True,
    checkpoint_minutes: Annotated[
        float, typer.Option("--checkpoint-minutes", help="write the state at least so often")
    ] = 10.0,
    seed: Annotated[
        list[int] | None,
        typer.Option(
            "--seed",
            min=0,
            help="seed of every random choice; repeatable: a model each  [default: 0]",
            rich_help_panel="Common",
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="so many seeds, from --seed on", rich_help_panel="Common")
    ] = 1,
    threads: Threads = 0,
    device: Device = "auto",
    devices: Annotated[
        int, typer.Option("--devices", min=1, help="processes (GPUs) that train each network together")
    ] = 1,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="nodes on which this command runs alike")] = 1,
    rendezvous: Annotated[
        str | None, typer.Option("--rendezvous", help="HOST:PORT of one of several nodes, where they meet")
    ] = None,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Train a model on every fold and score it on the genes that it never saw, beside a plain model.

    A second call with the same settings goes on where the first one was stopped.

    Example: kanseq train genes.parquet --labels labels.tsv --splits splits.tsv -o run/
    """
    from kanseq import api

    result = api.train(
        genes,
        labels=labels or None,
        splits=splits,
        output=output,
        model=model,
        holdout="all" if not holdout or "all" in holdout else holdout,
        options=pairs(options),
        match_parameters=match_parameters,
        condition="*" if not condition else condition[0] if len(condition) == 1 else condition,
        task=task,
        control=control,
        visible=visible,
        calibrate=calibrate,
        mid=mid,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        decay=decay,
        schedule=schedule,
        clip=clip,
        balance=balance,
        tune=tune,
        patience=patience,
        precision=precision,
        compile=compile,
        baseline=baseline,
        checkpoint_minutes=checkpoint_minutes,
        seed=seed or 0,
        seeds=seeds,
        threads=threads,
        device=device,
        devices=devices,
        nodes=nodes,
        rendezvous=rendezvous,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("train")(train)
