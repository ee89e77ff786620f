"""Options that ``benchmark``, ``ablation`` and ``scaling`` share: the training protocol, the same for all models."""

import sys
from typing import Annotated, NamedTuple

import typer

from kanseq.cli.options import declared, show
from kanseq.specification.training import COMMON, TrainSpec

PROTOCOL = "Protocol, the same for all models"

Options = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="[MODEL.]KEY=VALUE", help="model hyper-parameter or training option; repeatable"),
]
Folds = Annotated[
    int,
    typer.Option(
        "--folds",
        min=1,
        help="number of folds; 1: tune on the dev split; more: tune on each part in turn",
        rich_help_panel=PROTOCOL,
    ),
]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="seeds per fold", rich_help_panel=PROTOCOL)]
Epochs = Annotated[
    int | None,
    declared(TrainSpec, "epochs", panel=PROTOCOL, help="training epochs of every network (default: the model's own)"),
]
Copies = Annotated[
    str,
    typer.Option(
        "--copies",
        help="copies of test sequences in the training data: drop, or keep (as published)",
        rich_help_panel=PROTOCOL,
    ),
]
Bootstrap = Annotated[
    int, typer.Option("--bootstrap", min=0, help="bootstrap resamples of the test set", rich_help_panel=PROTOCOL)
]
Jobs = Annotated[
    int, typer.Option("--jobs", min=1, help="number of models to train in parallel", rich_help_panel=COMMON)
]
Precision = Annotated[str | None, declared(TrainSpec, "precision", panel=COMMON)]


def whole_numbers(texts: list[str] | None, flag: str) -> list[int]:
    """Parse whole numbers from repeated options or comma-separated lists.

    >>> whole_numbers(["5,10", "20"], "--grid")
    [5, 10, 20]
    """
    parts = [part.strip() for text in texts or [] for part in text.split(",")]
    for part in parts:
        if not part.isdecimal():
            raise typer.BadParameter(f"'{part}' is not a whole number", param_hint=flag)
    return [int(part) for part in parts]


def show_table(result: NamedTuple, as_json: bool) -> None:
    """Print the field ``text`` of a result to standard output, or all others as JSON."""
    if as_json:
        show(result._replace(text=""), as_json)
    else:
        sys.stdout.write(result.text)  # type: ignore[attr-defined]
