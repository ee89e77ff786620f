"""What a run learns: which task, in which conditions, from which columns, under which control, calibrated how.

In: the options of ``kanseq train``. Out: a checked aim, as ``run.json`` records it, and the task that models get.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import pandas as pd

from kanseq.data.controls import disturbed
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption
from kanseq.files import some
from kanseq.models.architecture import Architecture
from kanseq.models.config import Config
from kanseq.models.registry import architectures
from kanseq.specification.learning import MIDS, Learning
from kanseq.training.targets import resolve_condition, resolve_task
from kanseq.training.tasks import Task

logger = logging.getLogger(__name__)

_DONE = {
    "labels": "the labels of its training genes were shuffled",
    "sequence": "every sequence was shuffled, its dinucleotides kept",
    "positions": "the words of every sequence stand in shuffled places",
}


_IN_FILES = ("condition", "task", "control", "visible", "calibrate", "mid", "classes")
"""Order of the fields in files, which are to stay the same bytes."""


@dataclass(frozen=True)
class Aim(Learning):
    """What is learned, and from what, with nothing left open.

    Attributes:
        condition: the condition whose labels are learned (``*``: the only one), or several as a tuple: one model with
            an output for each.
        task: ``binary``, ``multiclass`` or ``regression``.
        visible: what models of genes see, see :class:`kanseq.geometry.Geometry`.
        control: what is shuffled on purpose, see :mod:`kanseq.data.controls`.
        calibrate: how probabilities are calibrated, see :mod:`kanseq.training.calibration`.
        mid: ``rank``: networks also train on the genes between the classes, by their rank; see
            :func:`kanseq.training.targets.rank_mid`.
        classes: of ``multiclass``: the names of the set's classes.
    """

    task: str = "binary"
    mid: str = "none"
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the choices, and that they fit each other."""
        super().__post_init__()
        if self.task == "regression" and self.calibrate != "none":
            raise BadOption("--calibrate is for probabilities, and regression has none", hint="leave it out")
        if self.task == "multiclass" and self.calibrate != "none":
            raise BadOption("--calibrate is for two classes, and here are several", hint="leave it out")

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the outputs where there are several conditions."""
        return () if isinstance(self.condition, str) else self.condition

    def to_json(self) -> dict[str, object]:
        """Give the fields as ``run.json`` has them; ``mid`` and ``classes`` only where they say something."""
        values = {**asdict(self), "condition": list(self.conditions) or self.condition, "classes": list(self.classes)}
        fields = {name: values[name] for name in dict.fromkeys((*_IN_FILES, *values))}
        for name, nothing in (("mid", "none"), ("classes", [])):
            if fields[name] == nothing:
                del fields[name]
        return fields

    @property
    def outputs(self) -> int | None:
        """How many numbers per sequence a network gives; None where it may choose, one or two."""
        return len(self.conditions or self.classes) or (1 if self.task == "regression" else None)

    def task_of(self, kind: Architecture, config: Config) -> Task:
        """Give the task of a model."""
        several = len(self.conditions or self.classes)
        outputs = several or getattr(config, "outputs", 1)
        return Task(self.task, outputs, self.conditions, classes=self.classes)

    def check_model(self, kind: Architecture, balance: str, options: Collection[str]) -> None:
        """Insist that a model can learn this.

        Args:
            kind: the model.
            balance: how classes are weighed.
            options: names of the hyper-parameters that were asked for.

        Raises:
            BadOption: it cannot, or classes are to be balanced where there are none, or ``outputs`` is asked for where
                the task decides.
        """
        if kind.kind != "predictor":
            raise BadOption(
                f"the model '{kind.name}' is of the kind {kind.kind}, and predictors of sequences are trained here",
                hint="choose one of kanseq models",
            )
        if self.task not in kind.tasks:
            able = [name for name, each in architectures().items() if self.task in each.tasks]
            raise BadOption(f"the model '{kind.name}' does no {self.task}", hint=f"choose {', '.join(able)}")
        if self.task == "regression" and balance != "none":
            raise BadOption(f"--balance {balance} is for classes, and regression has none", hint="leave it out")
        if self.mid == "rank" and balance != "none":
            raise BadOption(
                f"--balance {balance} counts genes of two classes, and --mid rank has others between them",
                hint="add --mid none",
            )
        if "outputs" in options and self.outputs is not None:
            raise BadOption("--set outputs: here the task decides how many there are", hint="leave it out")

    def learning(
        self, genes: SequenceSet, labels: pd.DataFrame | None, task: str | None, condition: str | Sequence[str]
    ) -> "Aim":
        """Settle what the labels decide: the conditions, the task where none was asked for, and its classes.

        Raises:
            BadOption, BadTable: the labels have no such condition, or are none for this task.
        """
        condition = resolve_condition(labels, condition)
        task, classes = resolve_task(genes, labels, task)
        if classes:
            logger.info("%d classes, in this order: %s", len(classes), some(classes, 40))
        return replace(self, condition=condition, task=task, classes=classes)

    def see(self, genes: SequenceSet) -> SequenceSet:
        """Give the set as models are to see it.

        Raises:
            BadOption: the set's windows have no such columns.
        """
        try:
            return replace(genes, geometry=replace(genes.geometry, visible=self.visible))
        except ValueError as error:
            raise BadOption(f"--visible {self.visible}: {error}") from error

    def disturb(self, genes: SequenceSet, seed: int) -> SequenceSet:
        """Give the set with the sequences that the control leaves of it."""
        return disturbed(genes, self.control, seed)


def aim_for(kind: Architecture, asked: Learning, *, balance: str, labels: bool) -> Aim:
    """Settle what a model's recipe decides; the labels decide the rest in :meth:`Aim.learning`.

    Args:
        kind: the model.
        asked: what was asked for.
        balance: how classes are weighed.
        labels: whether there is a table of labels.

    Raises:
        BadOption: the model cannot rank genes labelled mid, or options do not fit each other.
    """
    mid = mid_for(kind, asked.task, asked.mid, balance=balance, labels=labels)
    return Aim(**{**vars(asked), "condition": "*", "task": asked.task or "binary", "mid": mid})


def mid_for(
    kind: Architecture, task: str | None, mid: str | None, *, balance: str = "none", labels: bool = True
) -> str:
    """Settle what of mid genes is learned: what is asked for, or what the model's recipe says where it makes sense.

    Args:
        kind, task, mid, balance: as they were asked for; ``task`` and ``mid`` are None where they were not.
        labels: whether there is a table of labels, with expression; a set's own labels have none.

    Raises:
        BadOption: there is no such way, or a model that takes no ranks, regression, or a set's own labels are to rank
            mid genes.
    """
    if mid not in (None, *MIDS):
        raise BadOption(f"mid '{mid}' is unknown", hint=f"choose {', '.join(MIDS)}")
    if not labels:
        if mid == "rank":
            raise BadOption("--mid rank: the set's own labels come without expression", hint="give --labels")
        return "none"
    if not kind.takes("mid") or task == "regression":
        if mid == "rank":
            who = "regression" if task == "regression" else f"'{kind.name}'"
            raise BadOption(f"--mid rank: {who} learns no ranks between two classes", hint="leave it out")
        return "none"
    if mid is None:
        return str(kind.recipe.get("mid", "none")) if balance == "none" else "none"
    return mid


def describe_control(control: object) -> str:
    """Say in words what a control destroyed; nothing for ``none``.

    >>> describe_control("labels")
    "control 'labels' (the labels of its training genes were shuffled)"
    """
    return f"control '{control}' ({_DONE[str(control)]})" if control in _DONE else ""


def warn_of_control(metadata: Mapping[str, object]) -> None:
    """Say of a model that was trained under a control that it is none to learn from."""
    said = describe_control(metadata.get("control"))
    if said:
        logger.warning("this model is a %s: it shows what is left to be learned, not what drives expression", said)


def describe_aim(aim: Aim) -> str:
    """Say in words what is special about an aim, nothing where all is as usual.

    >>> describe_aim(Aim(visible="flanks"))
    'flanks only'
    """
    seen = "" if aim.visible == "all" else f"{aim.visible} only"
    return ", ".join(said for said in (describe_control(aim.control), seen) if said)
