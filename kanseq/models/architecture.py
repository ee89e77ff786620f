"""Declare model architectures: name, hyper-parameters, supported tasks, and a function that builds the model.

In: a frozen dataclass of hyper-parameters and a constructor. Out: an :class:`Architecture` for the registry.
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
"""Default tasks of estimators. An estimator separates two classes. For ``multiclass``, one estimator is fitted per
class, which separates it from all other classes, see :class:`kanseq.tasks.one_vs_rest.SeveralEstimators`."""

KINDS = ("predictor", "generator", "tabular")
"""Allowed values of :attr:`Architecture.kind`: a predictor predicts targets (labels or expression) from sequences, a
generator generates sequences, and a tabular model predicts targets from vectors."""

LEARNERS = ("steps", "at-once")
"""Allowed values of :attr:`Architecture.learner`: networks are trained in gradient steps (``steps``); estimators are
fitted by one call of ``fit`` (``at-once``)."""

_SETTINGS = (*(each.name for each in fields(Settings)), "mid")
"""Training settings that :attr:`Architecture.recipe` and :attr:`Architecture.settings` may name."""


@dataclass(frozen=True)
class Architecture:
    """A model architecture, as an entry of the registry (:mod:`kanseq.models.registry`).

    Create it with :func:`predictor`, :func:`estimator`, :func:`generator` or :func:`tabular`.

    Attributes:
        name: the value of ``--model``.
        summary: one-line description.
        source: publication of the architecture, or ``kanseq``.
        config: class of the hyper-parameters: a frozen dataclass derived from :class:`Config` (for networks from
            :class:`NetworkConfig`, for models of vectors from :class:`TabularConfig`).
        build: function that builds an untrained model from an instance of ``config``: a network, or an
            :class:`~kanseq.models.estimators.Estimator` if ``learner`` is ``at-once``.
        tasks: supported tasks, a subset of :data:`TASKS`.
        recipe: default settings of ``kanseq train`` for this architecture: values of fields of
            :class:`kanseq.training.settings.Settings`, and of ``mid`` (how genes labelled mid are used).
        resized: function ``(config, factor)`` that returns the configuration with all widths multiplied by the factor;
            None if the architecture has no adjustable size.
        kind: one of :data:`KINDS`.
        objective: function ``(network, task, examples, settings, *, seed, team)`` that builds the
            :class:`kanseq.training.objectives.objective.Objective` that a network optimises; or the function's name
            ``package.module:name``, which is imported when it is needed. None for
            :class:`kanseq.training.objectives.task_objective.TaskObjective`.
        learner: one of :data:`LEARNERS`, see :mod:`kanseq.training.learners.find_learner`.
        settings: names of the settings that affect training: fields of :class:`kanseq.training.settings.Settings`, and
            ``mid`` if the model can learn ranks of genes labelled mid. None if all settings affect training. Only these
            settings are recorded in ``run.json`` and searched by ``kanseq tune``.
        compared: whether ``kanseq train`` also trains the baseline of the task for comparison.
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
        """Check that the fields are valid and consistent.

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
        """Return whether a setting affects the training of this architecture."""
        return self.settings is None or setting in self.settings

    def recorded(self, settings: Settings) -> dict[str, object]:
        """Return the settings that affect the training of this architecture, as written to ``run.json``."""
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
    """Declare a network that predicts targets from sequences; see :class:`Architecture` for the arguments."""
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
    """Declare an estimator that predicts targets from sequences; see :class:`Architecture` for the arguments.

    An estimator is fitted by one call instead of gradient steps. It chooses its hyper-parameters by cross-validation
    within the training sequences, so it needs no tuning genes. For several conditions or classes, one estimator per
    condition or class is fitted.
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
    """Declare a network that generates sequences; see :class:`Architecture` for the arguments.

    A generator supports no task, so ``objective`` is required.
    """
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
    """Declare a network that predicts targets from vectors, float32 ``(n, inputs)``; see :class:`Architecture`."""
    return Architecture(
        name, summary, source, config, build, tasks=tasks, recipe=recipe, kind="tabular", objective=objective
    )


def scaled(*names: str) -> "Callable[[Config, float], Config]":
    """Return a function for :attr:`Architecture.resized` that multiplies the named hyper-parameters by a factor."""

    def resized(config: "Config", factor: float) -> "Config":
        return replace(config, **{name: max(1, round(getattr(config, name) * factor)) for name in names})

    return resized
