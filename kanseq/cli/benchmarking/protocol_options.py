"""Options that ``benchmark``, ``ablation`` and ``scaling`` share: the protocol that holds for all models."""

import sys
from typing import Annotated, NamedTuple

import typer

from kanseq.cli.options import declared, show
from kanseq.specification.training import COMMON, TrainSpec

PROTOCOL = "Protocol, the same for all models"

Options = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="[MODEL.]KEY=VALUE", help="an option of models or of their training; repeatable"),
]
Folds = Annotated[
    int,
    typer.Option(
        "--folds", min=1, help="1: train, tune on dev; more: parts that tune in turn", rich_help_panel=PROTOCOL
    ),
]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="trainings per fold", rich_help_panel=PROTOCOL)]
Epochs = Annotated[
    int | None, declared(TrainSpec, "epochs", panel=PROTOCOL, help="of every network  [default: its own]")
]
Copies = Annotated[
    str,
    typer.Option(
        "--copies", help="of test sequences in training: drop, or keep as published", rich_help_panel=PROTOCOL
    ),
]
Bootstrap = Annotated[int, typer.Option("--bootstrap", min=0, help="resamples of the test", rich_help_panel=PROTOCOL)]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="trainings at once", rich_help_panel=COMMON)]
Precision = Annotated[str | None, declared(TrainSpec, "precision", panel=COMMON)]


def whole_numbers(texts: list[str] | None, flag: str) -> list[int]:
    """Read numbers that stand in repeated options or behind commas.

    >>> whole_numbers(["5,10", "20"], "--grid")
    [5, 10, 20]
    """
    parts = [part.strip() for text in texts or [] for part in text.split(",")]
    for part in parts:
        if not part.isdecimal():
            raise typer.BadParameter(f"'{part}' is no whole number", param_hint=flag)
    return [int(part) for part in parts]


def show_table(result: NamedTuple, as_json: bool) -> None:
    """Print the field ``text`` of a result on standard output, or all others as JSON."""
    if as_json:
        show(result._replace(text=""), as_json)
    else:
        sys.stdout.write(result.text)  # type: ignore[attr-defined]
