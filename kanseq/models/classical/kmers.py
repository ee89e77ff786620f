"""Compute the features of baseline models: k-mer counts in bins along the sequence, and base composition.

In: uint8 base codes ``(n, columns)``. Out: float32 features ``(n, features)``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.architecture import option
from kanseq.models.config import Config
from kanseq.models.estimators import ROWS

MOST_FEATURES = 2**20
"""Maximum number of features; as float32 they take 4 MB per sequence."""


@dataclass(frozen=True, kw_only=True)
class KmerConfig(Config):
    """Base class for the configuration of models on binned k-mer counts."""

    k: int = option(3, "length of the k-mers that are counted", least=1, most=8)
    bin: int = option(125, "columns per bin", least=1)

    def __post_init__(self) -> None:
        """Check the ranges, and that the number of features is at most :data:`MOST_FEATURES`."""
        super().__post_init__()
        if (width := bin_count(self.geometry, self.bin) * 4**self.k) > MOST_FEATURES:
            raise BadOption(f"k = {self.k} in bins of {self.bin} yields {width:,} features", hint="use wider bins")


class BinnedKmers:
    """Mixin for models whose features are k-mer counts in bins along the sequence."""

    config: KmerConfig

    @property
    def width(self) -> int:
        """Number of features: the number of bins times the number of possible k-mers."""
        return bin_count(self.config.geometry, self.config.bin) * 4**self.config.k

    def features(self, codes: np.ndarray) -> np.ndarray:
        """Count each k-mer in each bin of codes ``(n, columns)``: ``(n, width)`` float32."""
        return kmer_counts(codes, self.config.geometry, self.config.k, self.config.bin)


def base_fractions(codes: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Return the fractions of A, C, G and T among the visible bases of each sequence, ``(n, 4)``; 0 if it has none."""
    fractions = np.empty((len(codes), 4), dtype=np.float32)
    for part in _parts(len(codes)):
        visible = geometry.hide(codes[part])
        counts = np.stack([np.count_nonzero(visible == base, axis=1) for base in range(4)], axis=1)
        fractions[part] = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    return fractions


def bins_of_kmers(geometry: Geometry, k: int, width: int) -> np.ndarray:
    """Return the index of the bin of the k-mer that starts at each column, ``(columns − k + 1,)``.

    Each window (its visible columns) is divided into bins of ``width`` columns, starting at its left end; the last bin
    may be narrower. A k-mer belongs to the bin in which it starts. The index is −1 if the k-mer does not lie
    completely within a window.

    >>> bins_of_kmers(Geometry(upstream=4, downstream=2, pad=2), k=2, width=3).tolist()
    [0, 0, 0, 1, 1, -1, -1, -1, 2, 2, 2, 3, 3]
    """
    bins = np.full(max(0, geometry.columns - k + 1), -1)
    first = 0
    for start, stop in geometry.windows:
        inside = np.arange(max(0, stop - start - k + 1))
        bins[start + inside] = first + inside // width
        first += -(-(stop - start) // width)
    return bins


def bin_count(geometry: Geometry, width: int) -> int:
    """Return how many bins, each ``width`` columns wide, cover the visible columns of all windows.

    >>> bin_count(Geometry(), 125), bin_count(Geometry(visible="flanks"), 125), bin_count(Geometry.plain(70), 125)
    (24, 16, 1)
    """
    return sum(-(-(stop - start) // width) for start, stop in geometry.windows)


def kmer_counts(codes: np.ndarray, geometry: Geometry, k: int, width: int) -> np.ndarray:
    """Count k-mers per bin. K-mers with a masked column or a base other than A, C, G or T are not counted.

    Args:
        codes: base codes ``(n, columns)`` uint8.
        geometry: the layout of the columns.
        k: length of the k-mers.
        width: columns per bin, see :func:`bins_of_kmers`.

    Returns:
        Counts ``(n, bins·4**k)`` float32. Within a bin, k-mers are in alphabetical order.
    """
    bins = bins_of_kmers(geometry, k, width)
    features = bin_count(geometry, width) * 4**k
    counts = np.empty((len(codes), features), dtype=np.float32)
    for part in _parts(len(codes)):
        visible = geometry.hide(codes[part])
        counts[part] = _count(visible, bins, k, features)
    return counts


def _parts(rows: int) -> Iterator[slice]:
    """Divide ``rows`` rows into slices of at most :data:`ROWS` rows."""
    for start in range(0, rows, ROWS):
        yield slice(start, min(start + ROWS, rows))


def _count(codes: np.ndarray, bins: np.ndarray, k: int, features: int) -> np.ndarray:
    """Count k-mers per bin in a batch of sequences: ``(rows, features)``. ``bins`` is from :func:`bins_of_kmers`."""
    rows, starts = len(codes), len(bins)
    value = np.zeros((rows, starts), dtype=np.int64)
    counted = np.broadcast_to(bins >= 0, (rows, starts)).copy()
    for offset in range(k):
        letter = codes[:, offset : offset + starts]
        value = value * 4 + letter
        counted &= letter < 4
    value += bins * 4**k
    value += np.arange(rows)[:, None] * features
    return np.bincount(value[counted], minlength=rows * features).reshape(rows, features)
