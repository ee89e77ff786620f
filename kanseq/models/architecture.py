"""Declare an architecture: its name, its configuration, and how to build the model from it.

In: the fields of a frozen dataclass. Out: checked configurations. Everything else is derived from the dataclass.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from kanseq.models.config import Config as Config
from kanseq.models.config import Hyperparameters
from kanseq.models.config import NetworkConfig as NetworkConfig
from kanseq.models.config import RadialConfig as RadialConfig
from kanseq.models.config import TabularConfig as TabularConfig
from kanseq.specification.fields import option as option
from kanseq.specification.learning import TASKS as TASKS
from kanseq.specification.optimisation import Settings

if TYPE_CHECKING:
    from kanseq.models.estimators import Estimator
    from kanseq.models.network import Network

CLASSIFIERS = ("binary", "multiclass")
"""Tasks of estimators with two classes. Several classes are learned one against the rest, see
:class:`kanseq.tasks.one_vs_rest.SeveralEstimators`."""


KINDS = ("predictor", "generator", "tabular")
"""Kinds of architectures: they predict targets of sequences, generate sequences, or predict targets of vectors."""

LEARNERS = ("steps", "at-once")
"""How models are fitted: a network in steps of an objective, or an estimator by one call of its ``fit``."""

_SETTINGS = (*(each.name for each in fields(Settings)), "mid")
"""Names that a recipe and :attr:`Architecture.settings` may use."""


@dataclass(frozen=True)
class Architecture:
    """An entry of the registry.

    Create it with :func:`predictor`, :func:`estimator`, :func:`generator` or :func:`tabular`.

    Attributes:
        name: the value of ``--model``.
        summary: one line of description.
        source: where it was published, or ``kanseq``.
        config: a frozen dataclass derived from :class:`Config` (networks: :class:`NetworkConfig`).
        build: builds the untrained model from such a configuration: a network, or an
            :class:`~kanseq.models.estimators.Estimator` if ``learner`` is ``at-once``.
        tasks: the tasks that it supports, some of :data:`TASKS`.
        recipe: defaults of ``kanseq train`` for this model: fields of
            :class:`kanseq.training.settings.Settings`, and ``mid``.
        resized: returns a configuration with all widths multiplied by a factor, for networks of adjustable size.
        kind: one of :data:`KINDS`.
        objective: builds the :class:`kanseq.training.objectives.objective.Objective` that trains its network, from
            ``(network, task, examples, settings, *, seed, team)``; or its name ``package.module:name``, imported when
            it is needed. None for :class:`kanseq.training.objectives.task_objective.TaskObjective`.
        learner: one of :data:`LEARNERS`, see :mod:`kanseq.training.learners.find_learner`.
        settings: names of the settings that its training uses: fields of :class:`kanseq.training.settings.Settings`,
            and ``mid`` if it learns ranks between two classes. None for all. A run records these, and ``kanseq tune``
            searches no others.
        compared: whether a run also trains the baseline of the task for comparison.
    """

    name: str
    summary: str
    source: str
    config: type["Hyperparameters"]
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
        """Check that the declaration is consistent.

        Raises:
            ValueError: the kind is not one of :data:`KINDS`, the learner is not one of :data:`LEARNERS`, a setting is
                unknown, or a generator declares no objective.
        """
        if self.kind not in KINDS:
            raise ValueError(f"the model '{self.name}' has kind '{self.kind}', not one of {', '.join(KINDS)}")
        if self.kind == "generator" and self.objective is None:
            raise ValueError(f"the generator '{self.name}' needs an objective")
        if self.learner not in LEARNERS:
            raise ValueError(f"the model '{self.name}' has learner '{self.learner}', not one of {', '.join(LEARNERS)}")
        unknown = [name for name in self.settings or () if name not in _SETTINGS]
        if unknown:
            raise ValueError(f"the model '{self.name}' uses the setting '{unknown[0]}', which does not exist")

    def takes(self, setting: str) -> bool:
        """Return whether the training of this model uses a setting."""
        return self.settings is None or setting in self.settings

    def recorded(self, settings: Settings) -> dict[str, object]:
        """Return the settings that the model uses, as written to ``run.json``."""
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

    It chooses its hyper-parameters within the training sequences and needs no ``tune`` genes. It learns one condition;
    of several conditions or classes, each gets its own model.
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
    """Declare a model that generates sequences. It supports no task and must declare its objective."""
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
    """Return a function that multiplies these hyper-parameters by a factor, for :attr:`Architecture.resized`."""

    def resized(config: "Config", factor: float) -> "Config":
        return replace(config, **{name: max(1, round(getattr(config, name) * factor)) for name in names})

    return resized
