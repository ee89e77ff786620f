"""Shuffle sequences so that their dinucleotide counts are preserved.

In: base codes as the model reads them, and names. Out: shuffled codes; the result for a row does not depend on other
rows.
"""

import hashlib
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

UNKNOWN = 4
"""The code of ``N`` and of every other letter that is not A, C, G or T."""


def dinucleotide_shuffles(codes: np.ndarray, names: Sequence[str], count: int, seed: int = 0) -> np.ndarray:
    """Shuffle each run (contiguous stretch) of known bases, preserving its dinucleotide counts.

    The first and the last base of a run stay in place. All orders of its bases with the same dinucleotide counts are
    equally likely, because an Eulerian path through the graph of bases is drawn uniformly (Altschul & Erickson 1985,
    Mol Biol Evol 2:526). Codes of 4 stay in place and split a row into runs. Masked columns must already be 4.

    Args:
        codes: base codes, ``(n, columns)`` uint8: A 0, C 1, G 2, T 3, anything else 4.
        names: one name per row; the shuffles of row ``i`` depend only on ``seed``, ``names[i]`` and its codes.
        count: number of shuffles per row.
        seed: seed of the random numbers.

    Returns:
        Codes ``(n, count, columns)`` uint8.

    >>> dinucleotide_shuffles(np.array([[0, 1, 2, 4, 3, 3]], dtype=np.uint8), ["gene"], 1)[0, 0].tolist()
    [0, 1, 2, 4, 3, 3]
    """
    n, columns = codes.shape
    source = np.repeat(codes, count, axis=0)
    if source.size == 0:
        return source.reshape(n, count, columns)
    draws = np.stack([random_numbers(seed, name, index, columns) for name in names for index in range(count)])
    runs = _find_runs(source)
    last_edge = _last_edges(source, runs, draws)
    targets, offsets = _ordered_edges(source, runs, draws, last_edge)
    return _walk(source, runs, targets, offsets).reshape(n, count, columns)


def random_numbers(seed: int, name: str, index: int, count: int) -> np.ndarray:
    """Return random uint64 numbers, ``(count,)``, that depend only on the arguments."""
    digest = hashlib.sha256(f"{seed}\0{index}\0{name}".encode()).digest()
    # NumPy guarantees the raw stream of a bit generator across versions.
    return np.random.Philox(key=int.from_bytes(digest[:16], "little")).random_raw(count)


class _Runs(NamedTuple):
    """Runs (contiguous stretches) of known bases, in order; positions refer to the concatenated rows (flat codes)."""

    start: np.ndarray  # (runs,) int64, position in the flat codes
    end: np.ndarray
    of: np.ndarray  # (rows * columns,) int64, run of each position, meaningless where the code is 4


def _find_runs(source: np.ndarray) -> _Runs:
    """Find the runs of known bases; a run ends at a code of 4 or at the end of its row."""
    known = np.zeros((len(source), source.shape[1] + 1), dtype=np.int8)
    known[:, :-1] = source != UNKNOWN
    edges = np.diff(known.ravel(), prepend=0)
    # One extra column per row separates neighbouring rows; it is subtracted from the positions below.
    start, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    width = source.shape[1] + 1
    start, end = start - start // width, end - (end - 1) // width
    of = np.zeros(source.size + 1, dtype=np.int64)
    np.add.at(of, start[1:], 1)
    return _Runs(start, end, np.cumsum(of)[:-1])


def _trees() -> np.ndarray:
    """Return all trees over the four bases, for each base as the root: ``(4 roots, 16 trees, 4 bases)``.

    A tree is stored as the next base on the way from each base to the root; the root is followed by itself.
    """
    trees = []
    for root in range(4):
        others = [base for base in range(4) if base != root]
        for choice in product(range(4), repeat=3):
            parent = {root: root, **dict(zip(others, choice, strict=True))}
            if all(parent[parent[parent[base]]] == root for base in range(4)):
                trees.append([parent[base] for base in range(4)])
    return np.array(trees).reshape(4, 16, 4)


_TREES = _trees()


def _last_edges(source: np.ndarray, runs: _Runs, draws: np.ndarray) -> np.ndarray:
    """Choose for each run and base the dinucleotide by which the path leaves that base for the last time.

    The chosen dinucleotides must form a tree whose root is the last base of the run. The 16 possible trees are weighted
    by the product of their dinucleotide counts, so that all paths are equally likely.

    Returns:
        Flat position ``(runs, 4)`` int64 of the chosen dinucleotide's first base, -1 if there is none.
    """
    flat = source.ravel()
    is_edge = _edge_mask(source, runs)
    position = np.flatnonzero(is_edge)
    kind = runs.of[position] * 16 + flat[position] * 4 + flat[position + 1]
    counts = np.bincount(kind, minlength=16 * len(runs.start)).reshape(-1, 4, 4)
    root = flat[runs.end - 1].astype(np.int64)
    each = np.arange(len(root))
    weights = counts.astype(np.float64)
    absent = counts.sum(axis=2) == 0
    # A base that is not in the run is attached to the root only, so that it does not affect the choice.
    weights[each[:, None], np.arange(4), root[:, None]] += absent
    weights[each, root, root] = 1.0
    trees = _TREES[root]
    chance = weights[each[:, None, None], np.arange(4), trees].prod(axis=2).cumsum(axis=1)
    # The last position of a run does not begin a dinucleotide, so its random number is available for this choice.
    uniform = (draws.ravel()[runs.end - 1] >> np.uint64(11)).astype(np.float64) * 2.0**-53
    chosen = (chance <= (uniform * chance[:, -1])[:, None]).sum(axis=1)
    parent = trees[each, chosen]
    first = np.full(16 * len(root), -1, dtype=np.int64)
    # Equal dinucleotides are interchangeable: any fixed one will do, if it is chosen without random numbers.
    first[kind[::-1]] = position[::-1]
    last = first.reshape(-1, 4, 4)[each[:, None], np.arange(4), parent]
    last[each, root] = -1
    return last


def _edge_mask(source: np.ndarray, runs: _Runs) -> np.ndarray:
    """Return which flat positions begin a dinucleotide: known bases that are not the last of their run."""
    mask = source.ravel() != UNKNOWN
    mask[runs.end - 1] = False
    return mask


def _ordered_edges(
    source: np.ndarray, runs: _Runs, draws: np.ndarray, last_edge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each base of each run, list the dinucleotides that begin with it, in random order except for the last one.

    The last one is the dinucleotide that :func:`_last_edges` chose.

    Returns:
        Second bases ``(rows * columns,)`` uint8 in that order, and the start of the list of each ``(run, base)``,
        ``(runs * 4,)`` int64.
    """
    rows, columns = source.shape
    flat, is_edge = source.ravel(), _edge_mask(source, runs)
    position_bits = max(1, (columns - 1).bit_length())
    group_bits = position_bits + 2
    random_bits = 64 - position_bits - group_bits
    row_of_run = runs.start // columns
    first_of_row = np.searchsorted(row_of_run, np.arange(rows))
    run_in_row = runs.of - np.repeat(first_of_row, columns)
    group = np.where(is_edge, run_in_row * 4 + flat, (1 << group_bits) - 1).astype(np.uint64)
    top = np.uint64((1 << random_bits) - 1)
    random = np.minimum(draws.ravel() >> np.uint64(64 - random_bits), top - np.uint64(1))
    random[last_edge[last_edge >= 0]] = top
    column = np.tile(np.arange(columns, dtype=np.uint64), rows)
    # A single sort of integers: high bits hold the list, middle bits the random order, low bits the column.
    keys = (group << np.uint64(random_bits) | random) << np.uint64(position_bits) | column
    keys = np.sort(keys.reshape(rows, columns), axis=1)
    column = (keys & np.uint64((1 << position_bits) - 1)).astype(np.int64)
    following = np.minimum(column + 1, columns - 1)
    targets = np.take_along_axis(source, following, axis=1).ravel()
    sizes = np.bincount(runs.of[is_edge] * 4 + flat[is_edge], minlength=4 * len(runs.start))
    before = np.cumsum(sizes) - sizes
    # Lists are in the order of runs, but those of each row start at the row's first position.
    shift = row_of_run * columns - before.reshape(-1, 4)[first_of_row[row_of_run], 0]
    return targets, before + np.repeat(shift, 4)


def _walk(source: np.ndarray, runs: _Runs, targets: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Follow the paths of all runs in parallel, by one base per step; return the shuffled flat codes."""
    result = source.ravel().copy()
    length = runs.end - runs.start
    order = np.argsort(-length, kind="stable")
    # Longest first: the unfinished runs are always the first ones.
    going_on = np.searchsorted(-length[order], -np.arange(length.max(initial=0)), side="left")
    start, list_of = runs.start[order], order * 4
    base = result[start]
    for step, active in enumerate(going_on.tolist()):
        if step == 0:
            continue
        index = list_of[:active] + base[:active]
        place = offsets[index]
        offsets[index] = place + 1
        base = targets[place]
        result[start[:active] + step] = base
    return result
