"""The learning goal of a run: options as specified, before data and model determine the open ones."""

from dataclasses import dataclass

from kanseq.geometry import VISIBLE
from kanseq.specification.fields import Flag, option
from kanseq.specification.option_checks import settle

TASKS = ("binary", "multiclass", "regression")
"""Tasks: one of two classes, one of three or more classes, or a number."""

CONTROLS = ("none", "labels", "sequence", "positions")
"""What a negative control shuffles, see :mod:`kanseq.sequences.controls`."""

CALIBRATIONS = ("none", "platt", "isotonic")
"""``none`` is the uncalibrated sigmoid; Platt (1999); isotonic regression (Zadrozny & Elkan 2002)."""

MIDS = ("none", "rank")
"""How networks train on genes labelled mid: not at all, or on their rank between low and high."""


@dataclass(frozen=True)
class Learning:
    """The learning goal as specified.

    Attributes:
        condition: the condition whose labels are learned, or several; ``*`` is the only condition of the labels.
        task: None to derive it from the labels.
        mid: None for the model's recipe.

    Raises:
        BadOption: a value has a wrong type or is not a choice.
    """

    condition: str | tuple[str, ...] = option(
        "*",
        "condition to learn; repeatable, or all: one output each (default: the only one)",
        flag=Flag(repeatable=True),
    )
    task: str | None = option(
        None,
        "binary (low or high), multiclass, or regression (on log10(TPM + 1), or on the set's own labels) "
        "(default: binary; multiclass if the set's own labels have more than two classes)",
        choices=TASKS,
    )
    visible: str = option("all", "gene columns that models see: all, flanks or transcribed", choices=VISIBLE)
    control: str = option(
        "none", "negative control, data to shuffle: none, labels, sequence or positions", choices=CONTROLS
    )
    calibrate: str = option(
        "none",
        "calibration of two-class probabilities and threshold on training genes: none, platt or isotonic",
        choices=CALIBRATIONS,
    )
    mid: str | None = option(
        None,
        "training on genes labelled mid: none, or rank (default: the model's own)",
        choices=MIDS,
    )

    def __post_init__(self) -> None:
        """Check types and choices."""
        settle(self, Learning)
