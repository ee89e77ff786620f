"""DeLong's test: whether two models' areas under the ROC curve differ by more than the choice of genes explains.

In: classes and the logits of two models for the same genes. Out: difference, variance, z and p; per fold and combined.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class DeLong(NamedTuple):
    """What the test says.

    Attributes:
        difference: auROC of the first model less that of the second.
        variance: of that difference over the choice of genes, the models being as they are; None where a class has
            fewer than two genes.
        z: the difference in standard errors; None where there is no variance to measure it by, unless the difference
            is 0 as well.
        p: two-sided, from the normal distribution; None where ``z`` is.
    """

    difference: float
    variance: float | None
    z: float | None
    p: float | None


def delong(targets: np.ndarray, first: np.ndarray, second: np.ndarray) -> DeLong:
    """Test whether two models rank the same genes equally well (DeLong, DeLong & Clarke-Pearson 1988).

    Placements come from midranks (Sun & Xu 2014, IEEE Signal Processing Letters 21:1389), in ``n log n`` steps. Where a
    model has several seeds its placements are averaged: they are those of its mean auROC, and seeds do not count as
    genes.

    Args:
        targets: ``(n,)`` of 0 and 1, both present.
        first, second: logits, ``(n,)`` or ``(seeds, n)``.
    """
    is_high = np.asarray(targets) == 1
    highs, lows = (a - b for a, b in zip(placements(is_high, first), placements(is_high, second), strict=True))
    few = min(len(highs), len(lows)) < 2
    variance = None if few else float(np.var(highs, ddof=1) / len(highs) + np.var(lows, ddof=1) / len(lows))
    return _tested(float(highs.mean()), variance)


def combined(folds: Sequence[DeLong], counts: Sequence[int] | None = None) -> DeLong:
    """Test the mean difference over folds.

    Folds score different genes, so that their differences vary independently: z is the sum of the differences over the
    root of the summed variances. That the folds' models share training genes is not in it, as it is in no test that
    takes the models as they are.

    Args:
        folds: the tests of the folds.
        counts: for how many folds each stands, because these score the same genes and were tested as one.
    """
    counts = [1] * len(folds) if counts is None else counts
    differences = [count * fold.difference for fold, count in zip(folds, counts, strict=True)]
    known = [(fold.variance, count) for fold, count in zip(folds, counts, strict=True) if fold.variance is not None]
    variance = math.fsum(count**2 * each for each, count in known) / sum(counts) ** 2
    return _tested(math.fsum(differences) / sum(counts), variance if len(known) == len(folds) else None)


def placements(is_high: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Say how well every gene is placed: the share of the other class that it is on the right side of, ties half.

    Args:
        is_high: bool ``(n,)``.
        logits: ``(n,)`` or ``(seeds, n)``; seeds are averaged.

    Returns:
        Placements of the high genes and of the low ones, in their order; the mean of either is the auROC.

    >>> placements(np.array([False, False, True, True]), np.array([-2.0, 0.5, 0.5, 1.0]))
    (array([0.75, 1.  ]), array([1.  , 0.75]))
    """
    each = [_placements(is_high, row) for row in np.atleast_2d(np.asarray(logits, dtype=np.float64))]
    return np.mean([highs for highs, _ in each], axis=0), np.mean([lows for _, lows in each], axis=0)


def _placements(is_high: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place genes by one model: a gene's rank among all, less its rank among its own class."""
    ranks, highs, lows = _midranks(logits), logits[is_high], logits[~is_high]
    return (ranks[is_high] - _midranks(highs)) / len(lows), 1 - (ranks[~is_high] - _midranks(lows)) / len(highs)


def _midranks(values: np.ndarray) -> np.ndarray:
    """Rank from 1; equal values share the mean of their ranks."""
    _, level, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[level]


def _tested(difference: float, variance: float | None) -> DeLong:
    """Put a difference beside its standard error."""
    if variance is None:
        return DeLong(difference, None, None, None)
    if variance <= 0:
        return DeLong(difference, variance, *((0.0, 1.0) if difference == 0 else (None, None)))
    z = difference / math.sqrt(variance)
    return DeLong(difference, variance, z, math.erfc(abs(z) / math.sqrt(2)))
