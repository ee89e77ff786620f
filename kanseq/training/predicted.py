"""One fold's predictions by one model with all its seeds, as arrays.

In: what tables of predictions hold. Out: the same for fewer genes, or for the mean of the seeds.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy.special import softmax

from kanseq.training.tasks import Task

Gene: TypeAlias = tuple[str, str]
"""Species and id."""

ROUNDED = 1e-6
"""Within this a probability is the sigmoid of its logit: tables hold nine digits."""


class Predicted(NamedTuple):
    """Predictions for the genes that a fold scores.

    Attributes:
        genes: species and id, sorted, each once.
        targets: 0 and 1, class numbers, or measured numbers, float64 ``(n,)``.
        seeds: the seeds, ascending.
        logits: what ranks the genes (or is the foretold number), float64 ``(seeds, n)``; of several classes those of
            each, ``(seeds, n, classes)``.
        probabilities: of ``high``, NaN for regression, float64 ``(seeds, n)``; of several classes those of each,
            ``(seeds, n, classes)``.
        called: which genes are called high, bool ``(seeds, n)``; of several classes the number of each gene's one.
    """

    genes: list[Gene]
    targets: np.ndarray
    seeds: tuple[int, ...]
    logits: np.ndarray
    probabilities: np.ndarray
    called: np.ndarray

    @property
    def species(self) -> str | None:
        """The species of all genes; None where there are several."""
        names = {species for species, _ in self.genes}
        return names.pop() if len(names) == 1 else None

    def only(self, rows: np.ndarray) -> "Predicted":
        """Keep these rows, ascending positions."""
        return Predicted(
            [self.genes[row] for row in rows],
            self.targets[rows],
            self.seeds,
            self.logits[:, rows],
            self.probabilities[:, rows],
            self.called[:, rows],
        )


def varies(targets: np.ndarray, task: str) -> bool:
    """Whether targets can tell a good prediction from a bad one: two classes, or numbers that are not all alike."""
    return len(targets) > 1 and np.ptp(targets) > (1e-9 if task == "regression" else 0)


def ensemble_of(predicted: Predicted, seeds: Sequence[int]) -> Predicted:
    """Average seeds as ``kanseq predict`` averages models.

    Genes are ranked by their mean logit. The probability is the sigmoid of it; where the seeds are calibrated each
    gives its own probability and these are averaged. Where the seeds have learned thresholds a gene is called high if
    more than half of them call it so; at exactly half, and where they have not, the mean probability is cut at 0.5. Of
    several classes each has its mean logit, and the one with the highest is called.
    """
    rows = [predicted.seeds.index(seed) for seed in seeds]
    logits, probabilities, calls = predicted.logits[rows], predicted.probabilities[rows], predicted.called[rows]
    if logits.ndim == 3:
        logits = logits.mean(axis=0, keepdims=True)
        return Predicted(
            predicted.genes, predicted.targets, (seeds[0],), logits, softmax(logits, axis=2), logits.argmax(axis=2)
        )
    sigmoid = Task().probability
    mean = logits.mean(axis=0)
    is_plain = np.allclose(probabilities, sigmoid(logits), rtol=0, atol=ROUNDED)
    probability = sigmoid(mean) if is_plain else probabilities.mean(axis=0)
    called, votes = probability >= 0.5, calls.mean(axis=0)
    if not np.array_equal(calls, probabilities >= 0.5):
        called = np.where(votes == 0.5, called, votes > 0.5)
    return Predicted(predicted.genes, predicted.targets, (seeds[0],), mean[None], probability[None], called[None])
