"""Divide training genes into nearly independent parts, for cross-validation within the training set.

In: gene coordinates and targets. Out: a part per gene; estimators choose hyper-parameters by validation over parts.
"""

import numpy as np
import pandas as pd

from kanseq.tasks.task import is_known

GROUPS = 5
"""Maximum number of parts of the training genes."""

ENOUGH = 10
"""Genes of each class that a part of complete chromosomes must have; fewer in small sets."""


def inner_parts(places: pd.DataFrame, targets: np.ndarray, seed: int) -> np.ndarray:
    """Divide training genes into :func:`neighbourhoods`, separately for each condition.

    Returns parts in the shape of the targets, -1 where the target is unknown. In regression, all genes count as one
    class, so that parts need only be of similar size.
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
    """Divide training genes into parts that are as independent as possible, each with all classes.

    Parts are complete chromosomes, combined into at most five parts, if at least three parts get enough genes of each
    class; otherwise stretches of neighbouring genes. Sequences without coordinates, and genes whose stretches would
    lack a class, are divided at random with equal shares of the classes.

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
    """Combine contigs into at most five parts of similar size; None if fewer than three get enough genes."""
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
    """Return the smallest number of genes of a class in a part."""
    counts = np.zeros((parts.max() + 1, targets.max() + 1), dtype=np.int64)
    np.add.at(counts, (parts, targets), 1)
    return int(counts.min())


def _random_parts(targets: np.ndarray, seed: int) -> np.ndarray:
    """Distribute each class over the parts in random order."""
    parts = np.zeros(len(targets), dtype=np.int64)
    random = np.random.default_rng(seed)
    counts = np.bincount(targets)
    count = max(1, min(GROUPS, int(counts.min())))
    for kind in range(len(counts)):
        rows = random.permutation(np.flatnonzero(targets == kind))
        parts[rows] = np.arange(len(rows)) % count
    return parts
