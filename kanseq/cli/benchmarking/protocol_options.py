"""Options that ``benchmark``, ``ablation`` and ``scaling`` share: the training protocol, which all models follow."""

import sys
from typing import Annotated, NamedTuple

import typer

from kanseq.cli.options import declared, show
from kanseq.specification.training import COMMON, TrainSpec

PROTOCOL = "Protocol, the same for all models"

Options = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="[MODEL.]KEY=VALUE",
        help="hyper-parameter or training option of all models, or (with the prefix MODEL.) of one model; repeatable",
    ),
]
Folds = Annotated[
    int,
    typer.Option(
        "--folds",
        min=1,
        help="number of folds; 1: use the dev split for tuning; N: divide all sequences except the test set "
        "into N parts, each used for tuning in one fold",
        rich_help_panel=PROTOCOL,
    ),
]
Seeds = Annotated[
    int,
    typer.Option(
        "--seeds", min=1, help="number of models to train per fold, with different seeds", rich_help_panel=PROTOCOL
    ),
]
Epochs = Annotated[
    int | None,
    declared(
        TrainSpec,
        "epochs",
        panel=PROTOCOL,
        help="number of training epochs of every network (default: depends on the model)",
    ),
]
Copies = Annotated[
    str,
    typer.Option(
        "--copies",
        help="what to do with training sequences that also occur in the test set: drop, or keep (as published)",
        rich_help_panel=PROTOCOL,
    ),
]
Bootstrap = Annotated[
    int,
    typer.Option(
        "--bootstrap",
        min=0,
        help="number of bootstrap resamples of the test set, for confidence intervals",
        rich_help_panel=PROTOCOL,
    ),
]
Jobs = Annotated[
    int, typer.Option("--jobs", min=1, help="number of models to train in parallel", rich_help_panel=COMMON)
]
Precision = Annotated[str | None, declared(TrainSpec, "precision", panel=COMMON)]


def whole_numbers(texts: list[str] | None, flag: str) -> list[int]:
    """Parse whole numbers from the values of a repeatable option; each value may be a comma-separated list.

    ``flag`` is the name of the option, for error messages.

    >>> whole_numbers(["5,10", "20"], "--grid")
    [5, 10, 20]
    """
    parts = [part.strip() for text in texts or [] for part in text.split(",")]
    for part in parts:
        if not part.isdecimal():
            raise typer.BadParameter(f"'{part}' is not a whole number", param_hint=flag)
    return [int(part) for part in parts]


def show_table(result: NamedTuple, as_json: bool) -> None:
    """Print the table of a result (``text``) to standard output or, with ``as_json``, all other fields as JSON."""
    if as_json:
        show(result._replace(text=""), as_json)
    else:
        sys.stdout.write(result.text)  # type: ignore[attr-defined]
