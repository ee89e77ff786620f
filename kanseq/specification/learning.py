"""What a run learns, and from what: the options, before data and model settle what was left open."""

from dataclasses import dataclass

from kanseq.geometry import VISIBLE
from kanseq.specification.fields import Flag, option
from kanseq.specification.option_checks import settle

TASKS = ("binary", "multiclass", "regression")
"""What can be learned: one of two classes, one of three or more, or a number."""

CONTROLS = ("none", "labels", "sequence", "positions")
"""What can be shuffled on purpose, see :mod:`kanseq.sequences.controls`."""

CALIBRATIONS = ("none", "platt", "isotonic")
"""``none`` is the plain sigmoid; Platt (1999); isotonic regression (Zadrozny & Elkan 2002)."""

MIDS = ("none", "rank")
"""What networks learn of genes that are labelled mid: nothing, or their rank between low and high."""


@dataclass(frozen=True)
class Learning:
    """What is learned, as it was asked for.

    Attributes:
        condition: the condition whose labels are learned, or several; ``*`` is the only one there is.
        task: None where the labels decide.
        mid: None where the model's recipe decides.

    Raises:
        BadOption: a value is of another type, or no choice.
    """

    condition: str | tuple[str, ...] = option(
        "*", "whose labels; repeatable, or all: an output for each  [default: the only one]", flag=Flag(repeatable=True)
    )
    task: str | None = option(
        None,
        "binary (low or high), multiclass, or regression (on log10(TPM + 1), or on the set's own labels)  "
        "[default: binary; multiclass where the set's own labels are more than two]",
        choices=TASKS,
    )
    visible: str = option("all", "columns of genes: all, flanks or transcribed", choices=VISIBLE)
    control: str = option("none", "shuffle on purpose: none, labels, sequence or positions", choices=CONTROLS)
    calibrate: str = option(
        "none",
        "none, platt or isotonic: probabilities and threshold of two classes from training genes",
        choices=CALIBRATIONS,
    )
    mid: str | None = option(
        None,
        "genes labelled mid: none of them trains, or all by their rank  [default: the model's own]",
        choices=MIDS,
    )

    def __post_init__(self) -> None:
        """Check types and choices."""
        settle(self, Learning)
