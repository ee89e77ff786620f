"""``kanseq tune``."""

from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Device, Json, LogLevel, Seed, Threads, pairs, show

_LEARNED = "What is learned, and from what"
_OPTIMISATION = "Optimisation of networks, where it is not searched"


def tune(
    genes: Annotated[list[Path], typer.Argument(help="the set, from kanseq extract or import; or several of them")],
    splits: Annotated[Path, typer.Option("--splits", help="the folds, from kanseq split --tune")],
    holdout: Annotated[str, typer.Option("--holdout", help="the fold in whose training genes to search")],
    search: Annotated[
        list[str],
        typer.Option(
            "--search", metavar="NAME=RANGE", help="LOW..HIGH, LOW..HIGH:log, LOW..HIGH:STEP or A,B,C; repeatable"
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="the search's folder; made if it is not there")],
    labels: Annotated[
        list[Path] | None,
        typer.Option("--labels", help="low and high, from kanseq label; repeatable; without, the set's own labels"),
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=1, help="trials in all, of all processes together")] = 20,
    storage: Annotated[
        str | None, typer.Option("--storage", help="address of a database of Optuna's  [default: a journal in -o]")
    ] = None,
    model: Annotated[str, typer.Option("--model", help="an architecture of kanseq models")] = "kan-words",
    options: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="a hyper-parameter of the model; repeatable")
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            "--condition", help="whose labels; repeatable, or all  [default: the only one]", rich_help_panel=_LEARNED
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            "--task", help="binary, multiclass or regression  [default: by the labels]", rich_help_panel=_LEARNED
        ),
    ] = None,
    visible: Annotated[
        str, typer.Option("--visible", help="columns of genes: all, flanks or transcribed", rich_help_panel=_LEARNED)
    ] = "all",
    mid: Annotated[
        str | None, typer.Option("--mid", help="genes labelled mid: none, or rank", rich_help_panel=_LEARNED)
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", rich_help_panel=_OPTIMISATION)] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", rich_help_panel=_OPTIMISATION)] = None,
    learning_rate: Annotated[float | None, typer.Option("--learning-rate", rich_help_panel=_OPTIMISATION)] = None,
    weight_decay: Annotated[float | None, typer.Option("--weight-decay", rich_help_panel=_OPTIMISATION)] = None,
    decay: Annotated[str | None, typer.Option("--decay", rich_help_panel=_OPTIMISATION)] = None,
    schedule: Annotated[str | None, typer.Option("--schedule", rich_help_panel=_OPTIMISATION)] = None,
    clip: Annotated[float | None, typer.Option("--clip", rich_help_panel=_OPTIMISATION)] = None,
    balance: Annotated[str, typer.Option("--balance", rich_help_panel=_OPTIMISATION)] = "none",
    patience: Annotated[int | None, typer.Option("--patience", rich_help_panel=_OPTIMISATION)] = None,
    precision: Annotated[str | None, typer.Option("--precision", rich_help_panel=_OPTIMISATION)] = None,
    seed: Seed = 0,
    threads: Threads = 0,
    device: Device = "auto",
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Search hyper-parameters inside one fold's training genes; several calls may search in one folder at once.

    The options of the optimisation are those of kanseq train, which takes the best trial's by --config.

    Example: kanseq tune genes.parquet --labels labels.tsv --splits splits.tsv --holdout 1
    --search learning_rate=1e-3..1e-2:log --search weight_decay=500..8000:log -o tuning/
    """
    from kanseq import api

    result = api.tune(
        genes,
        labels=labels or None,
        splits=splits,
        output=output,
        holdout=holdout,
        search=search,
        trials=trials,
        storage=storage,
        model=model,
        options=pairs(options),
        condition="*" if not condition else condition[0] if len(condition) == 1 else condition,
        task=task,
        visible=visible,
        mid=mid,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        decay=decay,
        schedule=schedule,
        clip=clip,
        balance=balance,
        patience=patience,
        precision=precision,
        seed=seed,
        threads=threads,
        device=device,
    )
    show(result, as_json)


def add_to(app: typer.Typer) -> None:
    """Register the verb."""
    app.command("tune")(tune)
