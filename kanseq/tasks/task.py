"""Tasks define the meaning of a model's outputs ``(n, outputs)``, the loss, and the number that attributions explain.

In: outputs of a network, and targets. Out: loss, logit, probability. Targets are ``(n,)`` for one condition and
``(n, conditions)`` for several. Classes are int64, -1 where unknown; numbers are float64, NaN where unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.special import expit, softmax

from kanseq.errors import BadOption, ModelMismatch
from kanseq.io.files import some
from kanseq.models.architecture import TASKS

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = ("low", "high")
"""Names of the targets 0 and 1 of a binary task."""

UNKNOWN = -1
"""Class index of genes that are labelled ``mid`` or have no label."""

LEAST = 3
"""Minimum number of classes in a multi-class task; a task with two classes is binary."""

Numbers = TypeVar("Numbers", np.ndarray, "Tensor")


@dataclass(frozen=True)
class Task:
    """The task of a model: binary classification, regression, or classification with three or more classes.

    Binary classification (low 0, high 1) and regression are possible for one or several conditions at once.

    Attributes:
        name: ``binary``, ``multiclass`` or ``regression``.
        outputs: number of network outputs per sequence: one per condition if there are several, or one per class for
            ``multiclass``; for a single binary condition 1 (sigmoid) or 2 (softmax).
        conditions: names of the conditions if there are several, else empty.
        mean, scale: for regression, one number per output. Targets are standardised by subtracting ``mean`` and
            dividing by ``scale``. The units are those of the targets: log10(TPM + 1) with a table of labels, else the
            units of the labels in the set.
        explained: index of the condition or class that attributions explain. :meth:`logit` then returns only the logit
            of this one. None: it returns all logits.
        classes: for ``multiclass``: the names of the classes 0, 1, 2, … (three or more).
    """

    name: str = "binary"
    outputs: int = 2
    conditions: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    explained: int | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that the name, conditions, classes and number of outputs are compatible."""
        if self.name == "multiclass":
            allowed = (len(self.classes),)
            fitting = len(set(self.classes)) == len(self.classes) >= LEAST and not self.conditions
        else:
            allowed = (len(self.conditions),) if self.conditions else (1, 2) if self.name == "binary" else (1,)
            fitting = not self.classes
        if self.name not in TASKS or self.outputs not in allowed or not fitting:
            outputs = f"{self.outputs} output{'s' if self.outputs != 1 else ''}"
            several = f"{len(self.classes)} classes" if self.classes else f"{max(1, len(self.conditions))} conditions"
            raise ModelMismatch(
                f"a task '{self.name}' of {several} with {outputs} is not supported by this version of kanseq"
            )

    @property
    def is_regression(self) -> bool:
        """Whether targets are numbers and not classes."""
        return self.name == "regression"

    @property
    def columns(self) -> int:
        """Number of columns that :meth:`logit` returns: one per condition or class; 0 if it returns ``(n,)``."""
        return 0 if self.explained is not None else len(self.conditions or self.classes)

    def loss(self, outputs: "Tensor", targets: "Tensor", class_weights: "Tensor | None" = None) -> "Tensor":
        """Return the mean loss over all known targets of a batch, float scalar.

        The loss is the cross-entropy for classes, and the squared error of standardised targets for regression.

        Args:
            outputs: ``(n, outputs)`` float.
            targets: ``(n,)`` or, for several conditions, ``(n, conditions)``; at least one is known. Targets of a
                binary task may be float, with values between 0 and 1 for genes between the classes, and NaN where
                unknown.
            class_weights: ``(classes,)`` or ``(conditions, 2)`` float, weight of each class in the mean.
        """
        from torch import stack
        from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

        outputs = outputs.float()
        outputs = outputs if self.conditions or self.outputs > 1 else outputs[:, 0]
        if self.is_regression:
            errors = outputs - self._standardised(targets.nan_to_num())
            return _mean(errors.square(), (~targets.isnan()).float() if self.conditions else None)
        if not self.conditions and self.outputs > 1:
            if targets.is_floating_point():
                targets = stack([1 - targets, targets], dim=1).to(outputs)
            return cross_entropy(outputs, targets, weight=class_weights)
        weights = None if class_weights is None else _of_classes(class_weights, targets)
        if self.conditions:
            known = _known(targets)
            weights, targets = known.float() if weights is None else known * weights, targets.nan_to_num().clamp(min=0)
        return _mean(binary_cross_entropy_with_logits(outputs, targets.float(), reduction="none"), weights)

    def loss_weight(self, targets: "Tensor", class_weights: "Tensor | None" = None) -> "Tensor":
        """Return the divisor of the mean in :meth:`loss`, float scalar: number or total weight of known targets."""
        if self.is_regression:
            return (~targets.isnan()).float().sum()
        known = _known(targets)
        if class_weights is None:
            return known.float().sum()
        return (_of_classes(class_weights, targets.clamp(min=0)) * known).sum()

    def logit(self, outputs: "Tensor") -> "Tensor":
        """Convert network outputs to logits, which rank sequences: ``(n,)``, ``(n, conditions)`` or ``(n, classes)``.

        Logits are the log-odds of ``high`` (``out[1] - out[0]`` for two outputs of one condition, else the output
        itself), or for regression the predicted numbers, in units of the targets. For three or more classes, the logits
        are the outputs. If one class ``k`` is explained, the logit is ``out[k]`` minus the mean of all other outputs.
        """
        if self.is_regression:
            outputs = outputs * outputs.new_tensor(self.scale) + outputs.new_tensor(self.mean)
        elif self.outputs == 2 and not self.conditions:
            return outputs[:, 1] - outputs[:, 0]
        if self.explained is not None:
            return self._against_others(outputs) if self.classes else outputs[:, self.explained]
        return outputs if self.columns else outputs[:, 0]

    @property
    def shares(self) -> tuple[float, ...]:
        """Weight of each output in the number that attributions explain; for regression in standardised units."""
        if self.outputs == 2 and not self.conditions:
            return (-1.0, 1.0)
        rest = -1 / (self.outputs - 1) if self.classes else 0.0
        return tuple(1.0 if at == (self.explained or 0) else rest for at in range(self.outputs))

    def probability(self, logit: np.ndarray) -> np.ndarray:
        """Return the probability of ``high`` for logits of any shape, float64; return NaN for regression.

        For three or more classes, return the probability of each class, which is the softmax of the logits
        ``(…, classes)``.

        >>> Task().probability(np.array([-1000.0, 0.0, 1000.0])).tolist()
        [0.0, 0.5, 1.0]
        """
        logit = np.asarray(logit, dtype=np.float64)
        if self.is_regression:
            return np.full(logit.shape, np.nan)
        if self.classes:
            return softmax(logit, axis=-1)
        return expit(logit)

    def fitted(self, targets: np.ndarray) -> "Task":
        """Return the task with mean and scale set from the training targets, or unchanged if it is not regression."""
        if not self.is_regression:
            return self
        columns = np.asarray(targets, dtype=np.float64).reshape(len(targets), -1)
        mean, scale = np.nanmean(columns, axis=0), np.nanstd(columns, axis=0)
        return replace(self, mean=tuple(mean.tolist()), scale=tuple(np.where(scale > 0, scale, 1.0).tolist()))

    def standardised(self, targets: np.ndarray) -> np.ndarray:
        """Convert targets for training estimators: standardise numbers, return the targets of two classes unchanged.

        Targets of three or more classes become one-hot, int64 ``(n, classes)``.
        """
        if self.classes:
            return np.eye(len(self.classes), dtype=np.int64)[targets]
        return (targets - self._numbers(self.mean)) / self._numbers(self.scale) if self.is_regression else targets

    def restored(self, values: np.ndarray) -> np.ndarray:
        """Convert the predictions of an estimator to the logits that :meth:`logit` returns for networks."""
        values = values * self._numbers(self.scale) + self._numbers(self.mean) if self.is_regression else values
        if self.explained is None:
            return values
        return self._against_others(values) if self.classes else values[:, self.explained]

    def only(self, condition: str | None) -> "Task":
        """Return the task with only one explained output, chosen by the name of a condition or class.

        Raises:
            BadOption: there is no such condition or class, or ``condition`` is None although there are several.
        """
        names, one, several = self.conditions, "condition", "conditions"
        if self.classes:
            names, one, several = self.classes, "class", "classes"
        if condition is None and not names:
            return self
        if condition not in names:
            if not names:
                raise BadOption(f"--condition {condition}: the model has only one output", hint="leave it out")
            problem = f"has several {several}" if condition is None else f"has no {one} '{condition}'"
            raise BadOption(f"the model {problem}", hint=f"choose {some(list(names), 40)} with --condition")
        return replace(self, explained=names.index(condition))

    def to_json(self) -> dict[str, object]:
        """Return the fields for a model file; empty fields are left out."""
        fields: dict[str, object] = {"name": self.name, "outputs": self.outputs}
        more = {"conditions": self.conditions, "classes": self.classes, "mean": self.mean, "scale": self.scale}
        return fields | {name: list(values) for name, values in more.items() if values}

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> "Task":
        """Create a task from the fields that :meth:`to_json` returned."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})  # type: ignore[arg-type]

    def _against_others(self, values: "Numbers") -> "Numbers":
        """Return the column of the explained class minus the mean of all other columns, ``(n,)``."""
        own = values[:, self.explained]  # type: ignore[index]
        return own - (values.sum(1) - own) / (len(self.classes) - 1)  # type: ignore[return-value,operator]

    def _standardised(self, targets: "Tensor") -> "Tensor":
        """Standardise the targets of a batch, float32."""
        mean, scale = (targets.new_tensor(self._numbers(values)) for values in (self.mean, self.scale))
        return ((targets - mean) / scale).float()

    def _numbers(self, values: tuple[float, ...]) -> np.ndarray:
        """Convert ``mean`` or ``scale`` to an array: one number per condition, or a scalar for one condition."""
        return np.array(values if self.conditions else values[0])


def log_odds(logits: np.ndarray) -> np.ndarray:
    """Return the log-odds of each class against all others together, float64 of the shape of ``logits (…, classes)``.

    They are ``log(p / (1 - p))`` of the softmax ``p``, without the loss of precision for ``p`` close to 1.

    >>> log_odds(np.log([[0.5, 0.25, 0.25]])).round(3).tolist()
    [[0.0, -1.099, -1.099]]
    """
    logits = np.asarray(logits, dtype=np.float64)
    # Sort the logits, so that the order of the other classes does not change the last bit.
    ascending = (np.sort(np.delete(logits, at, axis=-1), axis=-1) for at in range(logits.shape[-1]))
    # NaN marks a sequence that a model does not score, and is kept.
    with np.errstate(invalid="ignore"):
        return logits - np.stack([np.logaddexp.reduce(others, axis=-1) for others in ascending], axis=-1)


def is_known(targets: np.ndarray) -> np.ndarray:
    """Return which targets are known, bool of the same shape.

    >>> is_known(np.array([0, -1])).tolist(), is_known(np.array([np.nan, 0.5])).tolist()
    ([True, False], [False, True])
    """
    return ~np.isnan(targets) if np.issubdtype(targets.dtype, np.floating) else targets != UNKNOWN


def _known(targets: "Tensor") -> "Tensor":
    """Return which targets of a batch of classes are known, bool of the same shape."""
    return ~targets.isnan() if targets.is_floating_point() else targets != UNKNOWN


def _mean(values: "Tensor", weights: "Tensor | None") -> "Tensor":
    """Return the mean of ``values``, weighted unless ``weights`` is None."""
    return values.mean() if weights is None else (values * weights).sum() / weights.sum()


def _of_classes(class_weights: "Tensor", targets: "Tensor") -> "Tensor":
    """Return the weight of the class of each target (in its condition); unknown targets get the weight of low."""
    if class_weights.ndim == 1:
        return class_weights[targets]
    return class_weights[:, 0].where(targets != 1, class_weights[:, 1])
