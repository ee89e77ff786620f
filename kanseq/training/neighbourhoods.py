"""Neighbourhoods of training genes: what one of them teaches says little of the others.

In: places and targets. Out: a part for each gene, between which estimators choose their settings.
"""

import numpy as np
import pandas as pd

from kanseq.training.tasks import is_known

GROUPS = 5
"""Parts that the training genes are cut into."""

ENOUGH = 10
"""Genes of each class that a part must hold, where there are that many."""


def inner_parts(places: pd.DataFrame, targets: np.ndarray, seed: int) -> np.ndarray:
    """Cut training genes into :func:`neighbourhoods`, in every condition by itself: of the shape of the targets.

    Where there are no classes but numbers, parts need only be of equal size. -1 where no target is known.
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
    """Cut training genes into parts with all classes that share as little as can be, int64 ``(n,)`` from 0 on.

    Whole chromosomes, put together to at most five parts, where at least three parts come out with enough genes of
    each class; otherwise stretches of neighbours; for plain sequences, and where stretches are of one class, random
    parts with equal shares of the classes.
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
    """Put contigs together to at most five parts of about equal size; None where fewer than three come out whole."""
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
    """Count the genes of the rarest class in the part that has fewest of it."""
    counts = np.zeros((parts.max() + 1, targets.max() + 1), dtype=np.int64)
    np.add.at(counts, (parts, targets), 1)
    return int(counts.min())


def _random_parts(targets: np.ndarray, seed: int) -> np.ndarray:
    """Deal each class out in random order."""
    parts = np.zeros(len(targets), dtype=np.int64)
    random = np.random.default_rng(seed)
    counts = np.bincount(targets)
    count = max(1, min(GROUPS, int(counts.min())))
    for kind in range(len(counts)):
        rows = random.permutation(np.flatnonzero(targets == kind))
        parts[rows] = np.arange(len(rows)) % count
    return parts
