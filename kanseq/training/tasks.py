"""What a model's outputs mean: from ``(n, outputs)`` numbers to a loss, and to the one number that is explained.

In: outputs of a network, and targets. Out: loss, logit, probability. Targets of one condition are ``(n,)``, those of
several ``(n, conditions)``: classes int64 with -1 where there is none, numbers float64 with NaN.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.special import expit, softmax

from kanseq.errors import BadOption, ModelMismatch
from kanseq.files import some
from kanseq.models.architecture import TASKS

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = ("low", "high")
"""What the targets 0 and 1 of a binary task stand for."""

UNKNOWN = -1
"""The class of a gene that is labelled ``mid``, or not at all."""

LEAST = 3
"""So many classes make a multi-class task; two are a binary one."""

Numbers = TypeVar("Numbers", np.ndarray, "Tensor")


@dataclass(frozen=True)
class Task:
    """Telling low (0) from high (1), or predicting numbers, in one condition or in several; or telling many classes.

    Attributes:
        name: ``binary``, ``multiclass`` or ``regression``.
        outputs: numbers per sequence that the network gives: one per condition, or one per class of several; for a
            single binary condition 1 (a sigmoid) or 2 (a softmax).
        conditions: names of the outputs where there are several conditions, empty where there is one.
        mean, scale: of regression: what a target of each output is shifted and divided by, in units of the targets:
            log10(TPM + 1) where a table of labels gave them, else those of the set's own labels.
        explained: the output that :meth:`logit` gives alone; None for all of them.
        classes: of ``multiclass``: the names of the targets 0, 1, 2, …, three or more.
    """

    name: str = "binary"
    outputs: int = 2
    conditions: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    explained: int | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what this version cannot train."""
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
                f"a task '{self.name}' of {several} with {outputs} is unknown to this version of kanseq"
            )

    @property
    def is_regression(self) -> bool:
        """Whether targets are numbers, and not classes."""
        return self.name == "regression"

    @property
    def columns(self) -> int:
        """How many columns :meth:`logit` has: one per condition or class; 0 where it is ``(n,)``."""
        return 0 if self.explained is not None else len(self.conditions or self.classes)

    def loss(self, outputs: "Tensor", targets: "Tensor", class_weights: "Tensor | None" = None) -> "Tensor":
        """Give the mean loss of a batch over all its targets that are known, float scalar.

        Cross-entropy for classes; for numbers the squared error, in standard deviations of the training genes.

        Args:
            outputs: ``(n, outputs)`` float.
            targets: ``(n,)`` or, for several conditions, ``(n, conditions)``; at least one is known. Classes may be
                float, with numbers between 0 and 1 for what shall score between them, and NaN where there is none.
            class_weights: ``(classes,)`` or ``(conditions, 2)`` float, weight of each class; the mean is the weighted
                one.
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
        """Give what :meth:`loss` divides a batch's sum by, float scalar: its known targets, or their weights."""
        if self.is_regression:
            return (~targets.isnan()).float().sum()
        known = _known(targets)
        if class_weights is None:
            return known.float().sum()
        return (_of_classes(class_weights, targets.clamp(min=0)) * known).sum()

    def logit(self, outputs: "Tensor") -> "Tensor":
        """Give what ranks sequences, shape ``(n,)``, or ``(n, conditions)`` or ``(n, classes)`` for several of these.

        The log-odds of ``high`` (``out[1] - out[0]`` for two outputs of one condition, else the output itself), or the
        number that is predicted, in units of the targets. Of several classes these are the outputs; of one that is
        explained, ``out[k]`` less the mean of all others, as for two classes ``out[1] - out[0]`` is.
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
        """What each output counts for in the one number that :meth:`logit` explains, before regression's units."""
        if self.outputs == 2 and not self.conditions:
            return (-1.0, 1.0)
        rest = -1 / (self.outputs - 1) if self.classes else 0.0
        return tuple(1.0 if at == (self.explained or 0) else rest for at in range(self.outputs))

    def probability(self, logit: np.ndarray) -> np.ndarray:
        """Give the probability of ``high`` for logits of any shape, float64; NaN for regression, which has none.

        Of several classes, that of each: the softmax of logits ``(…, classes)``.

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
        """Take mean and standard deviation from the training genes' targets, and from nothing else."""
        if not self.is_regression:
            return self
        columns = np.asarray(targets, dtype=np.float64).reshape(len(targets), -1)
        mean, scale = np.nanmean(columns, axis=0), np.nanstd(columns, axis=0)
        return replace(self, mean=tuple(mean.tolist()), scale=tuple(np.where(scale > 0, scale, 1.0).tolist()))

    def standardised(self, targets: np.ndarray) -> np.ndarray:
        """Return targets as estimators learn them: numbers shifted and divided; two classes as they are.

        Several classes become ``(n, classes)`` int64 of 0 and 1, each class against the rest.
        """
        if self.classes:
            return np.eye(len(self.classes), dtype=np.int64)[targets]
        return (targets - self._numbers(self.mean)) / self._numbers(self.scale) if self.is_regression else targets

    def restored(self, values: np.ndarray) -> np.ndarray:
        """Return predictions of an estimator in the units of :meth:`logit`."""
        values = values * self._numbers(self.scale) + self._numbers(self.mean) if self.is_regression else values
        if self.explained is None:
            return values
        return self._against_others(values) if self.classes else values[:, self.explained]

    def only(self, condition: str | None) -> "Task":
        """Choose the output that is explained: a condition, or one of several classes.

        Raises:
            BadOption: there is no such condition or class, or there are several and none is named.
        """
        names, one, several = self.conditions, "condition", "conditions"
        if self.classes:
            names, one, several = self.classes, "class", "classes"
        if condition is None and not names:
            return self
        if condition not in names:
            if not names:
                raise BadOption(f"--condition {condition}: the model has one output alone", hint="leave it out")
            asked = f"knows several {several}" if condition is None else f"knows no {one} '{condition}'"
            raise BadOption(f"the model {asked}", hint=f"choose {some(list(names), 40)} with --condition")
        return replace(self, explained=names.index(condition))

    def to_json(self) -> dict[str, object]:
        """Give the fields as they stand in a model file; those that say nothing are left out."""
        fields: dict[str, object] = {"name": self.name, "outputs": self.outputs}
        more = {"conditions": self.conditions, "classes": self.classes, "mean": self.mean, "scale": self.scale}
        return fields | {name: list(values) for name, values in more.items() if values}

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> "Task":
        """Read back what :meth:`to_json` gave."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})  # type: ignore[arg-type]

    def _against_others(self, values: "Numbers") -> "Numbers":
        """Give one class's column less the mean of all others, ``(n,)``."""
        own = values[:, self.explained]  # type: ignore[index]
        return own - (values.sum(1) - own) / (len(self.classes) - 1)  # type: ignore[return-value,operator]

    def _standardised(self, targets: "Tensor") -> "Tensor":
        """Shift and divide a batch's targets, float32."""
        mean, scale = (targets.new_tensor(self._numbers(values)) for values in (self.mean, self.scale))
        return ((targets - mean) / scale).float()

    def _numbers(self, values: tuple[float, ...]) -> np.ndarray:
        """Give a number per condition, or one alone."""
        return np.array(values if self.conditions else values[0])


def log_odds(logits: np.ndarray) -> np.ndarray:
    """Give each class's log-odds against all others together, float64 of the shape of ``logits (…, classes)``.

    They are ``log(p / (1 - p))`` of the softmax ``p``, without its loss of all that lies close to 1.

    >>> log_odds(np.log([[0.5, 0.25, 0.25]])).round(3).tolist()
    [[0.0, -1.099, -1.099]]
    """
    logits = np.asarray(logits, dtype=np.float64)
    # In ascending order, so that what is equal but for the order of the others stays equal to the last bit.
    ascending = (np.sort(np.delete(logits, at, axis=-1), axis=-1) for at in range(logits.shape[-1]))
    # NaN stands where a model does not score a sequence, and stays.
    with np.errstate(invalid="ignore"):
        return logits - np.stack([np.logaddexp.reduce(others, axis=-1) for others in ascending], axis=-1)


def is_known(targets: np.ndarray) -> np.ndarray:
    """Say which targets there are, bool of the same shape.

    >>> is_known(np.array([0, -1])).tolist(), is_known(np.array([np.nan, 0.5])).tolist()
    ([True, False], [False, True])
    """
    return ~np.isnan(targets) if np.issubdtype(targets.dtype, np.floating) else targets != UNKNOWN


def _known(targets: "Tensor") -> "Tensor":
    """Say which classes there are."""
    return ~targets.isnan() if targets.is_floating_point() else targets != UNKNOWN


def _mean(values: "Tensor", weights: "Tensor | None") -> "Tensor":
    """Average, where there are weights by them."""
    return values.mean() if weights is None else (values * weights).sum() / weights.sum()


def _of_classes(class_weights: "Tensor", targets: "Tensor") -> "Tensor":
    """Give every target the weight of its class in its condition; what is unknown counts as low."""
    if class_weights.ndim == 1:
        return class_weights[targets]
    return class_weights[:, 0].where(targets != 1, class_weights[:, 1])
