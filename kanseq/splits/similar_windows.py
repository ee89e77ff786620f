"""Find nearly identical windows anywhere in the genome, even if their genes do not overlap and are not identical.

In: a set of sequences. Out: pairs of rows with windows that share many 32-mers.
"""

from collections.abc import Iterator

import numpy as np

from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits.relations import Pairs, both_ways

K = 32
"""Length of the k-mers that are compared, the longest that fits into 64 bits. At 98 % identity about half of the k-mers
are unchanged."""

SHARE = 0.5
"""Two windows are nearly identical if at least this fraction of the k-mers of each window is also in the other."""

COMMON = 500
"""A k-mer in more windows than this is a repeat and is ignored."""

_MOST = 1 << 22
"""Number of k-mers to compare; in larger sets, k-mers are sampled by hash (the same ones in all windows)."""

_CHUNK = 256
"""Number of rows to process at a time."""


def similar_windows(genes: SequenceSet) -> Pairs:
    """Return pairs of rows with windows that have at least half of their distinct 32-mers in common, on either strand.

    The fraction refers to the window with more distinct 32-mers. 32-mers with letters other than A, C, G and T, and
    those in more than 500 windows, are ignored. In sets with more than 2^22 32-mers, a sample chosen by hash is
    compared (an idea of Ondov et al. 2016, Genome Biology 17:132). A gene has two windows, around its TSS and its TTS;
    a plain sequence (without coordinates) is one window.
    """
    words, windows, sizes = _words(genes)
    per_row = len(_spans(genes))
    one, other, shared = _shared(words, windows, len(sizes))
    close = shared >= SHARE * np.maximum(sizes[one], sizes[other])
    return both_ways(one[close] // per_row, other[close] // per_row)


def _spans(genes: SequenceSet) -> list[tuple[int, int]]:
    """Return the column ranges of the windows of a row."""
    geometry = genes.geometry
    if not geometry.has_genes:
        return [(0, geometry.columns)]
    return [(0, geometry.window), (geometry.columns - geometry.window, geometry.columns)]


def _words(genes: SequenceSet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sampled distinct k-mers of all windows (sorted), the window of each, and the number per window."""
    spans = _spans(genes)
    places = sum(max(0, end - start - K + 1) for start, end in spans) * len(genes)
    every = np.uint64(max(1, -(-places // _MOST)))
    found = [(np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64))]
    for first in range(0, len(genes), _CHUNK):
        codes = genes.codes(slice(first, first + _CHUNK))
        for number, (start, end) in enumerate(spans):
            if end - start < K:
                continue
            words, valid = _canonical(codes[:, start:end])
            row, column = np.nonzero(valid & (_hashed(words) % every == 0))
            found.append((words[row, column], (first + row) * len(spans) + number))
    words, windows = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((windows, words))
    words, windows = words[order], windows[order]
    again = (words[1:] == words[:-1]) & (windows[1:] == windows[:-1])
    kept = np.concatenate([np.ones(min(1, len(words)), dtype=bool), ~again])
    words, windows = words[kept], windows[kept]
    return words, windows, np.bincount(windows, minlength=len(genes) * len(spans))


def _canonical(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the k-mer at every column as a number (the smaller of both strands), and whether all its bases are known.

    Args:
        codes: base codes uint8 ``(rows, columns)``.

    Returns:
        uint64 and bool ``(rows, columns - 31)``.
    """
    forward = codes.astype(np.uint64) & np.uint64(3)
    backward = np.uint64(3) - forward
    unknown = (codes > 3).astype(np.uint8)
    width = 1
    while width < K:
        # A k-mer of 2n letters is two adjacent k-mers of n letters; on the other strand their order is reversed.
        shift, end = np.uint64(2 * width), forward.shape[1] - width
        forward = forward[:, :end] << shift | forward[:, width:]
        backward = backward[:, width:] << shift | backward[:, :end]
        unknown = unknown[:, :end] | unknown[:, width:]
        width *= 2
    return np.minimum(forward, backward), unknown == 0


def _hashed(words: np.ndarray) -> np.ndarray:
    """Hash numbers uniformly (the finaliser of splitmix64; Steele et al. 2014)."""
    mixed = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _shared(words: np.ndarray, windows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs of windows with a k-mer in common, the smaller number first, and the number of shared k-mers."""
    keys, shared = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    for one, other in _meetings(words, windows):
        met, times = np.unique(one * count + other, return_counts=True)
        keys, at = np.unique(np.concatenate([keys, met]), return_inverse=True)
        shared = np.bincount(at.ravel(), weights=np.concatenate([shared, times])).astype(np.int64)
    return keys // max(count, 1), keys % max(count, 1), shared


def _meetings(words: np.ndarray, windows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches of window pairs that share a k-mer, once per k-mer; ``words`` must be sorted."""
    _, run, times = np.unique(words, return_inverse=True, return_counts=True)
    kept = (times[run] > 1) & (times[run] <= COMMON)
    run, windows = run[kept], windows[kept]
    first = np.arange(len(run))
    for distance in range(1, COMMON):
        first = first[first + distance < len(run)]
        first = first[run[first] == run[first + distance]]
        if not len(first):
            return
        yield windows[first], windows[first + distance]
