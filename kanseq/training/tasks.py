"""What a model's outputs mean: from ``(n, outputs)`` numbers to a loss, and to the one logit that is explained.

In: outputs of a network and 0/1 targets. Out: loss, logit, probability.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kanseq.errors import ModelMismatch

if TYPE_CHECKING:
    from torch import Tensor

CLASSES = ("low", "high")
"""What the targets 0 and 1 stand for."""


@dataclass(frozen=True)
class Task:
    """Telling low (0) from high (1), by two outputs (a softmax) or one (a sigmoid).

    Attributes:
        name: the kind of task; ``binary`` is what this version trains.
        outputs: numbers per sequence that the network gives, 1 or 2.
    """

    name: str = "binary"
    outputs: int = 2

    def __post_init__(self) -> None:
        """Refuse what this version cannot train."""
        if self.name != "binary" or self.outputs not in (1, 2):
            raise ModelMismatch(
                f"a task '{self.name}' with {self.outputs} outputs is unknown to this version of kanseq"
            )

    def loss(self, outputs: "Tensor", targets: "Tensor", class_weights: "Tensor | None" = None) -> "Tensor":
        """Give the mean cross-entropy of a batch, float scalar.

        Args:
            outputs: ``(n, outputs)`` float.
            targets: ``(n,)`` int64 of 0 and 1.
            class_weights: ``(2,)`` float, weight of each class; the mean is the weighted one.
        """
        from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

        outputs = outputs.float()
        if self.outputs == 2:
            return cross_entropy(outputs, targets, weight=class_weights)
        each = binary_cross_entropy_with_logits(outputs[:, 0], targets.float(), reduction="none")
        if class_weights is None:
            return each.mean()
        weights = class_weights[targets]
        return (each * weights).sum() / weights.sum()

    def logit(self, outputs: "Tensor") -> "Tensor":
        """Give the log-odds of ``high``, shape ``(n,)``: ``out[1] - out[0]`` for two outputs, ``out[0]`` for one."""
        return outputs[:, 1] - outputs[:, 0] if self.outputs == 2 else outputs[:, 0]

    def probability(self, logit: np.ndarray) -> np.ndarray:
        """Give the probability of ``high`` for logits of any shape, float64.

        >>> Task().probability(np.array([-1000.0, 0.0, 1000.0])).tolist()
        [0.0, 0.5, 1.0]
        """
        logit = np.asarray(logit, dtype=np.float64)
        shrunk = np.exp(-np.abs(logit))
        return np.where(logit >= 0, 1.0, shrunk) / (1.0 + shrunk)

    def to_json(self) -> dict[str, str | int]:
        """Give the fields as they stand in a model file."""
        return {"name": self.name, "outputs": self.outputs}
