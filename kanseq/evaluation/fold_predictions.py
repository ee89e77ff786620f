"""Predictions of one model with all its seeds on one fold, as arrays.

In: the columns of prediction tables. Out: arrays, which can be restricted to some of the genes or averaged over seeds.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from kanseq.tasks.averaging import average_classes, average_models, is_calibrated

Gene: TypeAlias = tuple[str, str]
"""Species and id of a gene."""


class Predicted(NamedTuple):
    """One model's predictions, with all of its seeds, for the scored genes of a fold.

    Attributes:
        genes: species and id of each gene, sorted and unique.
        targets: 0 and 1, class numbers, or measured values, float64 ``(n,)``.
        seeds: the seeds that the model was trained with, ascending.
        logits: the logits, by which genes are ranked (for regression the predicted values), float64 ``(seeds, n)``;
            for several classes, one logit per class, ``(seeds, n, classes)``.
        probabilities: probabilities of the class ``high`` (NaN for regression), float64 ``(seeds, n)``; for several
            classes, one probability per class, ``(seeds, n, classes)``.
        called: whether each gene is called high, bool ``(seeds, n)``; for several classes, the predicted class.
        has_threshold: whether the calls of each seed use a learned threshold instead of 0.5, bool ``(seeds,)``.
    """

    genes: list[Gene]
    targets: np.ndarray
    seeds: tuple[int, ...]
    logits: np.ndarray
    probabilities: np.ndarray
    called: np.ndarray
    has_threshold: np.ndarray

    @property
    def species(self) -> str | None:
        """The species of all genes; None if there are several species."""
        names = {species for species, _ in self.genes}
        return names.pop() if len(names) == 1 else None

    def only(self, rows: np.ndarray) -> "Predicted":
        """Return the predictions for the genes at the positions ``rows`` (ascending)."""
        return self._replace(
            genes=[self.genes[row] for row in rows],
            targets=self.targets[rows],
            logits=self.logits[:, rows],
            probabilities=self.probabilities[:, rows],
            called=self.called[:, rows],
        )

    def seed_at(self, at: int) -> "Predicted":
        """Return the predictions of the seed at position ``at`` in ``seeds``."""
        one = slice(at, at + 1)
        return self._replace(
            seeds=self.seeds[one],
            logits=self.logits[one],
            probabilities=self.probabilities[one],
            called=self.called[one],
            has_threshold=self.has_threshold[one],
        )


def varies(targets: np.ndarray, task: str) -> bool:
    """Return whether there are at least two different targets, so that predictions can be scored."""
    return len(targets) > 1 and np.ptp(targets) > (1e-9 if task == "regression" else 0)


def ensemble_of(predicted: Predicted, seeds: Sequence[int]) -> Predicted:
    """Average the predictions of ``seeds`` in the same way as ``kanseq predict``, see :mod:`kanseq.tasks.averaging`."""
    rows = [predicted.seeds.index(seed) for seed in seeds]
    logits, probabilities = predicted.logits[rows], predicted.probabilities[rows]
    if logits.ndim == 3:
        mean = average_classes(logits)
        called = mean.called.astype(np.int64)
    else:
        calls = np.where(predicted.has_threshold[rows, None], predicted.called[rows], np.nan)
        mean = average_models(logits, probabilities, calls, is_calibrated(logits, probabilities))
        called = np.where(np.isnan(mean.called), mean.probabilities >= 0.5, mean.called == 1)
    return Predicted(
        predicted.genes,
        predicted.targets,
        (seeds[0],),
        mean.logits[None],
        mean.probabilities[None],
        called[None],
        predicted.has_threshold[rows].any(keepdims=True),
    )
