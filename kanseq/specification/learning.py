"""The options of ``kanseq train`` and ``kanseq tune`` for the learning goal: labels, task, visible columns, control."""

from dataclasses import dataclass

from kanseq.geometry import VISIBLE
from kanseq.specification.fields import Flag, option
from kanseq.specification.option_checks import settle

TASKS = ("binary", "multiclass", "regression")
"""Tasks: predict one of two classes, one of three or more classes, or a number."""

CONTROLS = ("none", "labels", "sequence", "positions")
"""Negative controls, named after the data that they shuffle, see :mod:`kanseq.sequences.controls`."""

CALIBRATIONS = ("none", "platt", "isotonic")
"""Calibrations of probabilities: none (plain sigmoid), Platt (1999), isotonic regression (Zadrozny & Elkan 2002)."""

MIDS = ("none", "rank")
"""How networks use genes labelled mid in training: not at all, or with their rank by expression as target."""


@dataclass(frozen=True)
class Learning:
    """The learning goal as the user specified it; the help text of each field describes it.

    The labels and the model determine values that are ``*`` or None here, see
    :class:`~kanseq.tasks.learning_goal.LearningGoal`.

    Attributes:
        condition: the condition whose labels are learned, or several; ``*`` is the only condition of the labels.
        task: the task; None if the labels determine it.
        mid: use of genes labelled mid; None for the value in the model's recipe.

    Raises:
        BadOption: a value has a wrong type or is not one of the choices.
    """

    condition: str | tuple[str, ...] = option(
        "*",
        "condition whose labels to learn, one output each; repeatable, or all (default: the only one)",
        flag=Flag(repeatable=True),
    )
    task: str | None = option(
        None,
        "binary (low or high), multiclass, or regression (of log10(TPM + 1), or of the set's own labels) "
        "(default: binary, or multiclass if the set's own labels have more than two classes)",
        choices=TASKS,
    )
    visible: str = option("all", "columns of genes that models can see: all, flanks or transcribed", choices=VISIBLE)
    control: str = option(
        "none", "data to shuffle as a negative control: none, labels, sequence or positions", choices=CONTROLS
    )
    calibrate: str = option(
        "none",
        "how to calibrate two-class probabilities and the threshold, using training genes: none, platt or isotonic",
        choices=CALIBRATIONS,
    )
    mid: str | None = option(
        None,
        "how to use genes labelled mid in training: none, or rank (learn their rank by expression) "
        "(default: depends on the model)",
        choices=MIDS,
    )

    def __post_init__(self) -> None:
        """Check types and choices of all values."""
        settle(self, Learning)
