"""Windows that are nearly the same, wherever they lie: copies that neither places nor whole sequences give away.

In: a set of sequences. Out: pairs of rows, found by the 32-mers that their windows share.
"""

from collections.abc import Iterator

import numpy as np

from kanseq.data.relations import Pairs, both_ways
from kanseq.data.sequences import SequenceSet

K = 32
"""Length of the words that are compared: the longest that fits into 64 bits. A word survives at 98 % identity in every
second place."""

SHARE = 0.5
"""Two windows are nearly the same if they share this share of the words of either."""

COMMON = 500
"""A word that more windows have than this is a repeat and tells nothing of two of them."""

_MOST = 1 << 22
"""Number of words to compare; of larger sets every n-th word by hash is taken, the same ones in all windows."""

_CHUNK = 256
"""Rows at a time."""


def similar_windows(genes: SequenceSet) -> Pairs:
    """Rows of which a window shares at least half of its distinct 32-mers, on either strand, with another row's window.

    Half of either window's: of the one that has more. Words with letters other than A, C, G and T do not count, nor
    those that over 500 windows have; of sets with more than 2^22 words a sample of them is compared, chosen by their
    hash. A window of a gene is what lies around its TSS or TTS; of a plain sequence it is the whole. The idea of
    comparing such samples is that of Ondov et al. (2016), Genome Biology 17:132.
    """
    words, windows, sizes = _words(genes)
    per_row = len(_spans(genes))
    one, other, shared = _shared(words, windows, len(sizes))
    close = shared >= SHARE * np.maximum(sizes[one], sizes[other])
    return both_ways(one[close] // per_row, other[close] // per_row)


def _spans(genes: SequenceSet) -> list[tuple[int, int]]:
    """Give the columns of a row's windows."""
    geometry = genes.geometry
    if not geometry.has_genes:
        return [(0, geometry.columns)]
    return [(0, geometry.window), (geometry.columns - geometry.window, geometry.columns)]


def _words(genes: SequenceSet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the sampled distinct words of all windows, sorted by word and window; and their number per window."""
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
    """Give the word that begins at every column as a number, the smaller one of both strands, and whether it is one.

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
        # A word of 2n letters is two of n letters beside each other; on the other strand they change places.
        shift, end = np.uint64(2 * width), forward.shape[1] - width
        forward = forward[:, :end] << shift | forward[:, width:]
        backward = backward[:, width:] << shift | backward[:, :end]
        unknown = unknown[:, :end] | unknown[:, width:]
        width *= 2
    return np.minimum(forward, backward), unknown == 0


def _hashed(words: np.ndarray) -> np.ndarray:
    """Scatter numbers evenly (the finaliser of splitmix64; Steele et al. 2014)."""
    mixed = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _shared(words: np.ndarray, windows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give pairs of windows with a word in common, the smaller number in front, and how many words they share."""
    keys, shared = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    for one, other in _meetings(words, windows):
        met, times = np.unique(one * count + other, return_counts=True)
        keys, at = np.unique(np.concatenate([keys, met]), return_inverse=True)
        shared = np.bincount(at.ravel(), weights=np.concatenate([shared, times])).astype(np.int64)
    return keys // max(count, 1), keys % max(count, 1), shared


def _meetings(words: np.ndarray, windows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pairs of windows for every word that they share, first those next to each other in the word's list."""
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
