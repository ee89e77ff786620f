"""Divide training genes into groups of neighbours, for cross-validation within the training genes.

In: gene coordinates and targets. Out: the number of each gene's part; parts are used like cross-validation folds.
"""

import numpy as np
import pandas as pd

from kanseq.tasks.task import is_known

GROUPS = 5
"""Maximum number of parts into which training genes are divided."""

ENOUGH = 10
"""Minimum number of genes of each class in every part if parts are complete chromosomes; lower for small sets."""


def inner_parts(places: pd.DataFrame, targets: np.ndarray, seed: int) -> np.ndarray:
    """Divide training genes into parts for cross-validation, separately for each condition.

    See :func:`neighbourhoods`. In regression, all genes count as one class.

    Args:
        places: coordinates, one row per gene: ``species, chrom, tss``.
        targets: classes (integers) or numbers (floats), ``(n,)`` or ``(n, conditions)``.
        seed: seed of random parts.

    Returns:
        The number of each gene's part, from 0, int64 in the shape of the targets. For several conditions, it is -1
        where the target is unknown.
    """
    if targets.ndim == 1:
        classes = np.zeros(len(targets), dtype=np.int64) if np.issubdtype(targets.dtype, np.floating) else targets
        return neighbourhoods(places, classes, seed)
    parts = np.full(targets.shape, -1, dtype=np.int64)
    for at, column in enumerate(targets.T):
        known = is_known(column)
        parts[known, at] = inner_parts(places[known], column[known], seed)
    return parts


def neighbourhoods(places: pd.DataFrame, targets: np.ndarray, seed: int) -> np.ndarray:
    """Divide training genes into at most five parts that are as independent as possible and have all classes.

    If possible, parts consist of complete chromosomes. This requires at least three parts with enough genes of each
    class. Otherwise, each part is a range of consecutive genes along the chromosomes. If a range would lack a class, or
    if there are no coordinates, genes are divided at random, with the same class proportions in each part.

    Args:
        places: coordinates, one row per gene: ``species, chrom, tss``.
        targets: classes, int64 ``(n,)``, from 0.
        seed: seed of random parts.

    Returns:
        The part of each gene, int64 ``(n,)``, from 0.
    """
    random = _random_parts(targets, seed)
    if "chrom" not in places or "tss" not in places:
        return random
    contig = places["species"].astype(str) + "\t" + places["chrom"].astype(str)
    by_contig = _contig_parts(contig.to_numpy(dtype=str), targets)
    if by_contig is not None:
        return by_contig
    order = np.lexsort((places["tss"].to_numpy(), contig.to_numpy(dtype=str)))
    for count in range(GROUPS, 1, -1):
        parts = np.empty(len(targets), dtype=np.int64)
        parts[order] = np.arange(len(targets)) * count // len(targets)
        if _fewest(parts, targets) >= 1:
            return parts
    return random


def _contig_parts(contig: np.ndarray, targets: np.ndarray) -> np.ndarray | None:
    """Combine contigs into 3 to 5 parts and return each gene's part; None if a part would have too few of a class."""
    names, number, sizes = np.unique(contig, return_inverse=True, return_counts=True)
    for count in range(min(GROUPS, len(names)), 2, -1):
        load = np.zeros(count, dtype=np.int64)
        part_of = np.zeros(len(names), dtype=np.int64)
        for at in np.argsort(-sizes, kind="stable"):
            part_of[at] = np.argmin(load)
            load[part_of[at]] += sizes[at]
        parts = part_of[number]
        if _fewest(parts, targets) >= min(ENOUGH, max(1, len(targets) // 20)):
            return parts
    return None


def _fewest(parts: np.ndarray, targets: np.ndarray) -> int:
    """Return the smallest number of genes of one class in one part."""
    counts = np.zeros((parts.max() + 1, targets.max() + 1), dtype=np.int64)
    np.add.at(counts, (parts, targets), 1)
    return int(counts.min())


def _random_parts(targets: np.ndarray, seed: int) -> np.ndarray:
    """Divide genes at random into at most five parts with the same class proportions; return each gene's part."""
    parts = np.zeros(len(targets), dtype=np.int64)
    random = np.random.default_rng(seed)
    counts = np.bincount(targets)
    count = max(1, min(GROUPS, int(counts.min())))
    for kind in range(len(counts)):
        rows = random.permutation(np.flatnonzero(targets == kind))
        parts[rows] = np.arange(len(rows)) % count
    return parts
