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
    """The learning goal as specified by the user. Each field is described by its help text.

    Values that are ``*`` or None are determined later, by the labels and the model, see
    :class:`~kanseq.tasks.learning_goal.LearningGoal`.

    Attributes:
        condition: the condition to learn, or several conditions; ``*`` means the only condition in the labels.
        task: the task; None if the labels determine it.
        mid: how genes labelled mid are used; None uses the value in the model's recipe.

    Raises:
        BadOption: a value has the wrong type or is not one of the choices.
    """

    condition: str | tuple[str, ...] = option(
        "*",
        "condition to learn, with one output per condition; repeatable; 'all' for every condition (can be "
        "omitted if there is only one)",
        flag=Flag(repeatable=True),
    )
    task: str | None = option(
        None,
        "what to predict: binary (two classes, such as low and high), multiclass, or regression "
        "(log10(TPM + 1), or numeric labels stored in the set) (default: binary, or multiclass if the "
        "labels stored in the set have more than two classes)",
        choices=TASKS,
    )
    visible: str = option(
        "all",
        "part of the gene windows that models can see: all, flanks (outside the gene) or transcribed",
        choices=VISIBLE,
    )
    control: str = option(
        "none",
        "negative control: what to shuffle before training; none, labels, sequence (the bases of each sequence) or "
        "positions (the tokens of each sequence)",
        choices=CONTROLS,
    )
    calibrate: str = option(
        "none",
        "how to calibrate probabilities and the decision threshold on training genes (two classes only): "
        "none, platt or isotonic",
        choices=CALIBRATIONS,
    )
    mid: str | None = option(
        None,
        "how to use genes labelled mid in training: none (leave them out) or rank (learn their rank by "
        "expression) (default: depends on the model)",
        choices=MIDS,
    )

    def __post_init__(self) -> None:
        """Check types and choices of all values."""
        settle(self, Learning)
