"""The learning goal of a run: task, conditions, visible columns, negative control and calibration.

In: the options of ``kanseq train``. Out: a checked :class:`LearningGoal`, which is written to ``run.json``, and the
    task of each model.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import pandas as pd

from kanseq.errors import BadOption
from kanseq.io.files import some
from kanseq.models.architecture import Architecture
from kanseq.models.config import Config
from kanseq.models.registry import architectures
from kanseq.sequences.controls import disturbed
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.specification.learning import MIDS, Learning
from kanseq.tasks.targets import resolve_condition, resolve_task
from kanseq.tasks.task import Task

logger = logging.getLogger(__name__)

_DONE = {
    "labels": "the labels of its training genes were shuffled",
    "sequence": "every sequence was shuffled, keeping its dinucleotides",
    "positions": "the positions of the tokens in every sequence were shuffled",
}

_IN_FILES = ("condition", "task", "control", "visible", "calibrate", "mid", "classes")
"""Order of the fields of a learning goal in files. It must not change, so that files stay identical byte for byte."""


@dataclass(frozen=True)
class LearningGoal(Learning):
    """The learning goal of a run, with all options resolved.

    Attributes:
        condition: name of the condition to learn (``*``: the only condition of the labels); or a tuple of several
            names, for models with one output per condition.
        task: ``binary``, ``multiclass`` or ``regression``.
        visible: the part of each gene window that models may see, see :class:`kanseq.geometry.Geometry`.
        control: the negative control: what is shuffled, see :mod:`kanseq.sequences.controls`.
        calibrate: the calibration method, see :mod:`kanseq.tasks.calibration`.
        mid: use of the genes between the classes low and high (mid): ``none``, or ``rank`` (networks also learn the
            rank of these genes by expression, see :func:`kanseq.tasks.targets.rank_mid`).
        classes: names of the set's classes; empty unless ``task`` is ``multiclass``.
    """

    task: str = "binary"
    mid: str = "none"
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that the options are valid and compatible."""
        super().__post_init__()
        if self.task == "regression" and self.calibrate != "none":
            raise BadOption("--calibrate needs probabilities, and regression has none", hint="leave it out")
        if self.task == "multiclass" and self.calibrate != "none":
            raise BadOption("--calibrate needs two classes, and this task has more", hint="leave it out")

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of the conditions in the order of the outputs, if there are several; else empty."""
        return () if isinstance(self.condition, str) else self.condition

    def to_json(self) -> dict[str, object]:
        """Return the fields for ``run.json``; ``mid`` and ``classes`` are omitted if they have their default values."""
        values = {**asdict(self), "condition": list(self.conditions) or self.condition, "classes": list(self.classes)}
        fields = {name: values[name] for name in dict.fromkeys((*_IN_FILES, *values))}
        for name, nothing in (("mid", "none"), ("classes", [])):
            if fields[name] == nothing:
                del fields[name]
        return fields

    @property
    def outputs(self) -> int | None:
        """Number of outputs of a network; None if the network's hyper-parameters determine it (one or two)."""
        return len(self.conditions or self.classes) or (1 if self.task == "regression" else None)

    def task_of(self, kind: Architecture, config: Config) -> Task:
        """Return the task of a model; its hyper-parameters ``config`` may determine the number of outputs."""
        several = len(self.conditions or self.classes)
        outputs = several or getattr(config, "outputs", 1)
        return Task(self.task, outputs, self.conditions, classes=self.classes)

    def check_model(self, kind: Architecture, balance: str, options: Collection[str]) -> None:
        """Check that a model supports this learning goal.

        Args:
            kind: the architecture of the model.
            balance: how classes are weighted.
            options: names of the hyper-parameters that the user set.

        Raises:
            BadOption: the model does not support the task, classes cannot be balanced, or ``outputs`` is set although
                the task determines it.
        """
        if kind.kind != "predictor":
            raise BadOption(
                f"the model '{kind.name}' is of kind '{kind.kind}', and kanseq train needs a predictor",
                hint="choose a predictor, see kanseq models",
            )
        if self.task not in kind.tasks:
            able = [name for name, each in architectures().items() if self.task in each.tasks]
            raise BadOption(f"the model '{kind.name}' does not support {self.task}", hint=f"choose {', '.join(able)}")
        if self.task == "regression" and balance != "none":
            raise BadOption(f"--balance {balance} needs classes, and regression has none", hint="leave it out")
        if self.mid == "rank" and balance != "none":
            raise BadOption(
                f"--balance {balance} counts genes of two classes, and --mid rank adds genes between them",
                hint="use --mid none",
            )
        if "outputs" in options and self.outputs is not None:
            raise BadOption("--set outputs: the task determines the number of outputs", hint="leave it out")

    def learning(
        self, genes: SequenceSet, labels: pd.DataFrame | None, task: str | None, condition: str | Sequence[str]
    ) -> "LearningGoal":
        """Return this learning goal with conditions, task and classes determined from the labels.

        Args:
            genes: the set.
            labels: the table of labels; None for the set's own labels.
            task: the requested task; None for the task that fits the labels.
            condition: the requested conditions.

        Raises:
            BadOption, BadTable: the labels lack a condition, or do not fit the task.
        """
        condition = resolve_condition(labels, condition)
        task, classes = resolve_task(genes, labels, task)
        if classes:
            logger.info("%d classes, in this order: %s", len(classes), some(classes, 40))
        return replace(self, condition=condition, task=task, classes=classes)

    def see(self, genes: SequenceSet) -> SequenceSet:
        """Return the set restricted to the columns that models may see (``visible``).

        Raises:
            BadOption: the set's geometry does not have these columns.
        """
        try:
            return replace(genes, geometry=replace(genes.geometry, visible=self.visible))
        except ValueError as error:
            raise BadOption(f"--visible {self.visible}: {error}") from error

    def disturb(self, genes: SequenceSet, seed: int) -> SequenceSet:
        """Return the set with shuffled sequences if this is the negative control, else the set unchanged."""
        return disturbed(genes, self.control, seed)


def goal_for(kind: Architecture, requested: Learning, *, balance: str, labels: bool) -> LearningGoal:
    """Return the learning goal of a model, as far as it is known without the labels.

    Fields that depend on the labels (condition, task and classes) are determined later by
    :meth:`LearningGoal.learning`.

    Args:
        kind: the architecture of the model.
        requested: the requested options.
        balance: how classes are weighted.
        labels: whether there is a table of labels.

    Raises:
        BadOption: the model cannot rank genes labelled mid, or options are not compatible.
    """
    mid = mid_for(kind, requested.task, requested.mid, balance=balance, labels=labels)
    return LearningGoal(**{**vars(requested), "condition": "*", "task": requested.task or "binary", "mid": mid})


def mid_for(
    kind: Architecture, task: str | None, mid: str | None, *, balance: str = "none", labels: bool = True
) -> str:
    """Return how genes labelled mid are used in training: ``none``, or ``rank`` (their rank by expression is learned).

    If ``mid`` is specified, it is checked and returned. Otherwise the model's default is returned, or ``none`` if the
    model's default cannot be used.

    Args:
        kind, task, mid, balance: the requested options; ``task`` and ``mid`` are None if not specified.
        labels: whether there is a table of labels. It has expression values; the labels in a set have none.

    Raises:
        BadOption: ``mid`` is unknown; or it is ``rank``, but the model cannot learn ranks, the task is regression, or
            the labels are those in the set.
    """
    if mid not in (None, *MIDS):
        raise BadOption(f"mid '{mid}' is unknown", hint=f"choose {', '.join(MIDS)}")
    if not labels:
        if mid == "rank":
            raise BadOption("--mid rank: the set's own labels come without expression", hint="use --labels")
        return "none"
    if not kind.takes("mid") or task == "regression":
        if mid == "rank":
            who = "regression" if task == "regression" else f"'{kind.name}'"
            raise BadOption(f"--mid rank: {who} cannot learn ranks between two classes", hint="leave it out")
        return "none"
    if mid is None:
        return str(kind.recipe.get("mid", "none")) if balance == "none" else "none"
    return mid


def describe_control(control: object) -> str:
    """Describe a negative control and what it shuffles, as text; empty for ``none``.

    >>> describe_control("labels")
    "control 'labels' (the labels of its training genes were shuffled)"
    """
    return f"control '{control}' ({_DONE[str(control)]})" if control in _DONE else ""


def warn_of_control(metadata: Mapping[str, object]) -> None:
    """Warn if the model was trained on shuffled data (a negative control)."""
    control = describe_control(metadata.get("control"))
    if control:
        logger.warning("this model was trained with %s: its scores do not show what drives expression", control)


def describe_goal(goal: LearningGoal) -> str:
    """Describe the negative control and the visible columns of a goal, as text; empty if both are the default.

    >>> describe_goal(LearningGoal(visible="flanks"))
    'flanks only'
    """
    seen = "" if goal.visible == "all" else f"{goal.visible} only"
    return ", ".join(part for part in (describe_control(goal.control), seen) if part)
