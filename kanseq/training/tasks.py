"""What a model's outputs mean: from ``(n, outputs)`` numbers to a loss, and to the one number that is explained.

In: outputs of a network, and targets. Out: loss, logit, probability. Targets of one condition are ``(n,)``, those of
several ``(n, conditions)``: classes int64 with -1 where there is none, expression float64 with NaN.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from kanseq.errors import BadOption, ModelMismatch
from kanseq.files import some
from kanseq.models.architecture import TASKS

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = ("low", "high")
"""What the targets 0 and 1 stand for."""

UNKNOWN = -1
"""The class of a gene that is labelled ``mid``, or not at all."""


@dataclass(frozen=True)
class Task:
    """Telling low (0) from high (1), or foretelling expression, in one condition or in several at once.

    Attributes:
        name: ``binary`` or ``regression``.
        outputs: numbers per sequence that the network gives: one per condition; for a single binary condition 1 (a
            sigmoid) or 2 (a softmax).
        conditions: names of the outputs where there are several conditions, empty where there is one.
        mean, scale: of regression: what a target of each output is shifted and divided by, log10(TPM + 1).
        explained: the output that :meth:`logit` gives alone; None for all of them.
    """

    name: str = "binary"
    outputs: int = 2
    conditions: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    explained: int | None = None

    def __post_init__(self) -> None:
        """Refuse what this version cannot train."""
        allowed = (len(self.conditions),) if self.conditions else (1, 2) if self.name == "binary" else (1,)
        if self.name not in TASKS or self.outputs not in allowed:
            outputs = f"{self.outputs} output{'s' if self.outputs != 1 else ''}"
            raise ModelMismatch(
                f"a task '{self.name}' of {max(1, len(self.conditions))} conditions with {outputs} is unknown to this "
                "version of kanseq"
            )

    @property
    def is_regression(self) -> bool:
        """Whether targets are expression, and not classes."""
        return self.name == "regression"

    def loss(self, outputs: "Tensor", targets: "Tensor", class_weights: "Tensor | None" = None) -> "Tensor":
        """Give the mean loss of a batch over all its targets that are known, float scalar.

        Cross-entropy for classes; for expression the squared error, in standard deviations of the training genes.

        Args:
            outputs: ``(n, outputs)`` float.
            targets: ``(n,)`` or, for several conditions, ``(n, conditions)``; at least one is known. Classes may be
                float, with numbers between 0 and 1 for what shall score between them, and NaN where there is none.
            class_weights: ``(2,)`` or ``(conditions, 2)`` float, weight of each class; the mean is the weighted one.
        """
        from torch import stack
        from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

        outputs = outputs.float()
        outputs = outputs if self.conditions or self.outputs == 2 else outputs[:, 0]
        if self.is_regression:
            errors = outputs - self._standardised(targets.nan_to_num())
            return _mean(errors.square(), (~targets.isnan()).float() if self.conditions else None)
        if not self.conditions and self.outputs == 2:
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
        """Give what ranks sequences, shape ``(n,)``, or ``(n, conditions)`` for several conditions.

        The log-odds of ``high`` (``out[1] - out[0]`` for two outputs of one condition, else the output itself), or the
        expression that is foretold, log10(TPM + 1).
        """
        if self.is_regression:
            outputs = outputs * outputs.new_tensor(self.scale) + outputs.new_tensor(self.mean)
        elif self.outputs == 2 and not self.conditions:
            return outputs[:, 1] - outputs[:, 0]
        if self.explained is not None:
            return outputs[:, self.explained]
        return outputs if self.conditions else outputs[:, 0]

    def probability(self, logit: np.ndarray) -> np.ndarray:
        """Give the probability of ``high`` for logits of any shape, float64; NaN for regression, which has none.

        >>> Task().probability(np.array([-1000.0, 0.0, 1000.0])).tolist()
        [0.0, 0.5, 1.0]
        """
        logit = np.asarray(logit, dtype=np.float64)
        if self.is_regression:
            return np.full(logit.shape, np.nan)
        shrunk = np.exp(-np.abs(logit))
        return np.where(logit >= 0, 1.0, shrunk) / (1.0 + shrunk)

    def fitted(self, targets: np.ndarray) -> "Task":
        """Take mean and standard deviation from the training genes' targets, and from nothing else."""
        if not self.is_regression:
            return self
        columns = np.asarray(targets, dtype=np.float64).reshape(len(targets), -1)
        mean, scale = np.nanmean(columns, axis=0), np.nanstd(columns, axis=0)
        return replace(self, mean=tuple(mean.tolist()), scale=tuple(np.where(scale > 0, scale, 1.0).tolist()))

    def standardised(self, targets: np.ndarray) -> np.ndarray:
        """Give targets as plain models learn them: classes as they are, expression shifted and divided."""
        return (targets - self._numbers(self.mean)) / self._numbers(self.scale) if self.is_regression else targets

    def restored(self, values: np.ndarray) -> np.ndarray:
        """Give what a plain model said in the units of :meth:`logit`."""
        values = values * self._numbers(self.scale) + self._numbers(self.mean) if self.is_regression else values
        return values if self.explained is None else values[:, self.explained]

    def only(self, condition: str | None) -> "Task":
        """Choose the output that is explained.

        Raises:
            BadOption: there is no such condition, or there are several and none is named.
        """
        if condition is None and not self.conditions:
            return self
        if condition not in self.conditions:
            if not self.conditions:
                raise BadOption(f"--condition {condition}: the model has one output alone", mend="leave it out")
            asked = "knows several conditions" if condition is None else f"knows no condition '{condition}'"
            raise BadOption(f"the model {asked}", mend=f"choose {some(list(self.conditions), 20)} with --condition")
        return replace(self, explained=self.conditions.index(condition))

    def to_json(self) -> dict[str, object]:
        """Give the fields as they stand in a model file; those that say nothing are left out."""
        fields: dict[str, object] = {"name": self.name, "outputs": self.outputs}
        more = {"conditions": self.conditions, "mean": self.mean, "scale": self.scale}
        return fields | {name: list(values) for name, values in more.items() if values}

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> "Task":
        """Read back what :meth:`to_json` gave."""
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})  # type: ignore[arg-type]

    def _standardised(self, targets: "Tensor") -> "Tensor":
        """Shift and divide a batch's targets, float32."""
        mean, scale = (targets.new_tensor(self._numbers(values)) for values in (self.mean, self.scale))
        return ((targets - mean) / scale).float()

    def _numbers(self, values: tuple[float, ...]) -> np.ndarray:
        """Give a number per condition, or one alone."""
        return np.array(values if self.conditions else values[0])


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
