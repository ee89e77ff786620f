"""How an architecture declares itself: its name, its configuration, and how it is built from that.

In: the fields of a frozen dataclass. Out: checked configurations; everything else is read off the dataclass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from kanseq.models.config import Config as Config
from kanseq.models.config import NetworkConfig as NetworkConfig
from kanseq.models.config import Options
from kanseq.models.config import RadialConfig as RadialConfig
from kanseq.models.config import TabularConfig as TabularConfig
from kanseq.specification.fields import option as option
from kanseq.specification.learning import TASKS as TASKS
from kanseq.specification.optimisation import Settings

if TYPE_CHECKING:
    from kanseq.models.estimators import Estimator
    from kanseq.models.network import Network

CLASSIFIERS = ("binary", "multiclass")
"""What estimators of two classes can learn: of several classes each against the rest, see
:class:`kanseq.training.several.SeveralEstimators`."""


KINDS = ("predictor", "generator", "tabular")
"""What architectures are: they predict targets of sequences, make sequences, or predict targets of vectors."""

LEARNERS = ("steps", "at-once")
"""How architectures learn: a network by the steps of an objective, or an estimator by one call of its ``fit``."""

_SETTINGS = (*(each.name for each in fields(Settings)), "mid")
"""What a recipe and :attr:`Architecture.settings` can name."""


@dataclass(frozen=True)
class Architecture:
    """One line of the registry.

    :func:`predictor`, :func:`estimator`, :func:`generator` and :func:`tabular` make them.

    Attributes:
        name: what ``--model`` says.
        summary: what it is, in one line.
        source: where it was published, or ``kanseq``.
        config: a frozen dataclass derived from :class:`Config` (networks: :class:`NetworkConfig`).
        build: makes the untrained model from such a configuration: a network, or an
            :class:`~kanseq.models.estimators.Estimator` where ``learner`` is ``at-once``.
        tasks: what it can learn, some of :data:`TASKS`.
        recipe: what ``kanseq train`` takes for this model where it is told nothing else: fields of
            :class:`kanseq.training.settings.Settings`, and ``mid``.
        resized: gives a configuration with all widths times a factor, for networks that can be made as large as others.
        kind: one of :data:`KINDS`.
        objective: makes what trains its network, a :class:`kanseq.training.objective.Objective`, from ``(network, task,
            examples, settings, *, seed, team)``; or its name ``package.module:name``, imported when it is needed. None
            for :class:`kanseq.training.task_objective.TaskObjective`.
        learner: one of :data:`LEARNERS`, see :mod:`kanseq.training.learners`.
        settings: names of the settings that its training takes: fields of :class:`kanseq.training.settings.Settings`,
            and ``mid`` if it learns ranks between two classes. None for all. A run records these, and ``kanseq tune``
            searches no others.
        compared: whether a run also trains the baseline of the task, to compare it with.
    """

    name: str
    summary: str
    source: str
    config: type["Options"]
    build: "Callable[..., Network | Estimator]"
    tasks: tuple[str, ...] = ("binary",)
    recipe: Mapping[str, int | float | str] = field(default_factory=dict)
    resized: "Callable[..., Config] | None" = None
    kind: str = "predictor"
    objective: "str | Callable[..., object] | None" = None
    learner: str = "steps"
    settings: tuple[str, ...] | None = None
    compared: bool = True

    def __post_init__(self) -> None:
        """Refuse a declaration that contradicts itself.

        Raises:
            ValueError: the kind is none of :data:`KINDS`, the learner none of :data:`LEARNERS`, a setting is unknown,
                or a generator declares no objective.
        """
        if self.kind not in KINDS:
            raise ValueError(f"the model '{self.name}' is a '{self.kind}', and none of {', '.join(KINDS)}")
        if self.kind == "generator" and self.objective is None:
            raise ValueError(f"the generator '{self.name}' needs an objective")
        if self.learner not in LEARNERS:
            raise ValueError(f"the model '{self.name}' learns '{self.learner}', and none of {', '.join(LEARNERS)}")
        unknown = [name for name in self.settings or () if name not in _SETTINGS]
        if unknown:
            raise ValueError(f"the model '{self.name}' takes the setting '{unknown[0]}', and there is none")

    def takes(self, setting: str) -> bool:
        """Return whether the training of this model takes a setting."""
        return self.settings is None or setting in self.settings

    def recorded(self, settings: Settings) -> dict[str, object]:
        """Return the settings that the model takes, as ``run.json`` has them."""
        return {name: value for name, value in settings.to_json().items() if self.takes(name)}


def predictor(
    name: str,
    *,
    summary: str,
    source: str,
    config: type["Config"],
    build: "Callable[..., Network]",
    tasks: tuple[str, ...] = TASKS,
    recipe: Mapping[str, int | float | str] = MappingProxyType({}),
    resized: "Callable[..., Config] | None" = None,
    objective: "str | Callable[..., object] | None" = None,
    settings: tuple[str, ...] | None = None,
) -> Architecture:
    """Declare a network that predicts targets of sequences; see :class:`Architecture`."""
    return Architecture(
        name, summary, source, config, build, tasks, recipe, resized, objective=objective, settings=settings
    )


def estimator(
    name: str,
    *,
    summary: str,
    source: str,
    config: type["Config"],
    build: "Callable[..., Estimator]",
    tasks: tuple[str, ...] = CLASSIFIERS,
    settings: tuple[str, ...] = ("balance",),
) -> Architecture:
    """Declare a predictor of sequences that is fitted at once, without steps.

    It chooses its own hyper-parameters inside the training sequences, so that no ``tune`` genes are wanted, and learns
    one condition; of several conditions or classes each gets a model.
    """
    return Architecture(
        name, summary, source, config, build, tasks, learner="at-once", settings=settings, compared=False
    )


def generator(
    name: str,
    *,
    summary: str,
    source: str,
    config: type["Config"],
    build: "Callable[..., Network]",
    objective: "str | Callable[..., object]",
    recipe: Mapping[str, int | float | str] = MappingProxyType({}),
) -> Architecture:
    """Declare a model that makes sequences; it learns no task, and so declares its objective."""
    return Architecture(
        name, summary, source, config, build, tasks=(), recipe=recipe, kind="generator", objective=objective
    )


def tabular(
    name: str,
    *,
    summary: str,
    source: str,
    config: type["TabularConfig"],
    build: "Callable[..., Network]",
    tasks: tuple[str, ...] = TASKS,
    recipe: Mapping[str, int | float | str] = MappingProxyType({}),
    objective: "str | Callable[..., object] | None" = None,
) -> Architecture:
    """Declare a model that predicts targets of vectors, float32 ``(n, inputs)``."""
    return Architecture(
        name, summary, source, config, build, tasks=tasks, recipe=recipe, kind="tabular", objective=objective
    )


def scaled(*names: str) -> "Callable[[Config, float], Config]":
    """Give what multiplies these hyper-parameters with a factor, for :attr:`Architecture.resized`."""

    def resized(config: "Config", factor: float) -> "Config":
        return replace(config, **{name: max(1, round(getattr(config, name) * factor)) for name in names})

    return resized
