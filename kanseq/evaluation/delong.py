"""DeLong's test: whether the auROCs of two models differ by more than the choice of genes explains.

In: classes and the logits of two models for the same genes. Out: difference, variance, z and p; per fold and combined.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class DeLong(NamedTuple):
    """The result of DeLong's test for the auROCs of two models.

    Attributes:
        difference: auROC of the first model minus that of the second.
        variance: variance of the difference that is due to the choice of genes (models are fixed); None if a class has
            fewer than two genes.
        z: the difference divided by its standard error; None if the variance is None, or if the variance is 0 but the
            difference is not.
        p: two-sided p-value from the normal distribution; None if ``z`` is None.
    """

    difference: float
    variance: float | None
    z: float | None
    p: float | None


def delong(targets: np.ndarray, first: np.ndarray, second: np.ndarray) -> DeLong:
    """Test whether two models rank the same genes equally well (DeLong, DeLong & Clarke-Pearson 1988).

    Placements (see :func:`placements`) are computed from midranks (Sun & Xu 2014, IEEE Signal Processing Letters
    21:1389), in O(n log n). If a model has several seeds, their placements are averaged: the test is then for the
    model's mean auROC, and seeds do not count as additional genes.

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
    """Test the mean difference over folds, from the tests of the folds.

    Folds have different test genes, so their differences vary independently: z is the sum of the differences divided
    by the square root of the summed variances. The models are treated as fixed: the test ignores that models of
    different folds share training genes.

    Args:
        folds: the tests of the folds.
        counts: the number of folds that each test represents, because folds with the same test genes share one test.
            By default, each test represents one fold.
    """
    counts = [1] * len(folds) if counts is None else counts
    differences = [count * fold.difference for fold, count in zip(folds, counts, strict=True)]
    known = [(fold.variance, count) for fold, count in zip(folds, counts, strict=True) if fold.variance is not None]
    variance = math.fsum(count**2 * each for each, count in known) / sum(counts) ** 2
    return _tested(math.fsum(differences) / sum(counts), variance if len(known) == len(folds) else None)


def placements(is_high: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each gene's placement: the fraction of the other class's genes that it is ranked correctly against.

    A high gene is ranked correctly if it is above a low gene. Ties count half.

    Args:
        is_high: bool ``(n,)``.
        logits: ``(n,)`` or ``(seeds, n)``; seeds are averaged.

    Returns:
        Placements of the high genes and of the low genes, in the order of ``logits``; each array's mean is the auROC.

    >>> placements(np.array([False, False, True, True]), np.array([-2.0, 0.5, 0.5, 1.0]))
    (array([0.75, 1.  ]), array([1.  , 0.75]))
    """
    each = [_placements(is_high, row) for row in np.atleast_2d(np.asarray(logits, dtype=np.float64))]
    return np.mean([highs for highs, _ in each], axis=0), np.mean([lows for _, lows in each], axis=0)


def _placements(is_high: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the placements for one seed, from the ranks of each gene among all genes and within its class."""
    ranks, highs, lows = _midranks(logits), logits[is_high], logits[~is_high]
    return (ranks[is_high] - _midranks(highs)) / len(lows), 1 - (ranks[~is_high] - _midranks(lows)) / len(highs)


def _midranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks of the values, starting at 1; equal values get the mean of their ranks."""
    _, level, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[level]


def _tested(difference: float, variance: float | None) -> DeLong:
    """Compute z and p of a difference from its variance, and return the test result."""
    if variance is None:
        return DeLong(difference, None, None, None)
    if variance <= 0:
        return DeLong(difference, variance, *((0.0, 1.0) if difference == 0 else (None, None)))
    z = difference / math.sqrt(variance)
    return DeLong(difference, variance, z, math.erfc(abs(z) / math.sqrt(2)))
