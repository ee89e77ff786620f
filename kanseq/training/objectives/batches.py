"""The order of training genes in each epoch, their division into batches, and class weights.

In: the number of genes, a seed, targets. Out: permutations, start and stop of each batch, a weight per class.
"""

import numpy as np
import torch
from torch import Tensor

from kanseq.sequences.row_codes import BLOCK, BLOCKS, HELD


def epoch_order(seed: int, epoch: int, genes: int) -> np.ndarray:
    """Return the order of the genes in an epoch (from 0), a permutation that depends only on the arguments.

    More than 65,536 genes (the number kept in memory) are permuted in two steps, so that they can be read from disk
    in blocks: blocks of 4,096 consecutive genes are shuffled, then the genes within each group of 16 shuffled blocks.
    """
    random = np.random.default_rng([seed, epoch])
    if genes <= HELD:
        return random.permutation(genes)
    starts = random.permutation(np.arange(0, genes, BLOCK))
    drawn = [starts[first : first + BLOCKS] for first in range(0, len(starts), BLOCKS)]
    together = [np.concatenate([np.arange(start, min(start + BLOCK, genes)) for start in some]) for some in drawn]
    return np.concatenate([random.permutation(rows) for rows in together])


def batch_bounds(genes: int, batch_size: int) -> list[tuple[int, int]]:
    """Return the start and stop of each batch.

    If only one gene would be left for the last batch, it is added to the previous batch, because BatchNorm needs two.

    >>> batch_bounds(9, 4), batch_bounds(10, 4)
    ([(0, 4), (4, 9)], [(0, 4), (4, 8), (8, 10)])
    """
    starts = list(range(0, genes, batch_size))
    if len(starts) > 1 and genes - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], genes], strict=True))


def class_weights(targets: np.ndarray, balance: str, classes: int = 2) -> Tensor | None:
    """Return a loss weight for each class, ``n / (classes · n_class)`` in float32, or None without balancing.

    Args:
        targets: class numbers ``(n,)``, or ``(n, conditions)`` with -1 where the class is unknown.
        balance: ``none`` (return None) or ``weights``.
        classes: number of classes.

    Returns:
        Weights ``(classes,)``; for several conditions ``(conditions, 2)``, from the known classes of each condition.

    >>> class_weights(np.array([0, 0, 0, 1]), "weights").tolist()
    [0.6666666865348816, 2.0]
    """
    if balance == "none":
        return None
    if targets.ndim == 2:
        return torch.stack([class_weights(column[column >= 0], balance) for column in targets.T])  # type: ignore[misc]
    counts = np.bincount(targets, minlength=classes)
    return torch.tensor(len(targets) / (classes * counts), dtype=torch.float32)
