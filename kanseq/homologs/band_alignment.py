"""Align many pairs of proteins at once by banded local alignment. In: letters, pairs. Out: scores, aligned ranges.

Bands are filled twice. The first time, only the scores are computed, in the smallest type of numbers. The second time,
the pairs with a sufficient score are filled from the end of the alignment to its start, with the number of identities.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from kanseq.homologs.band_filling import BAND, Bands, Kind, fill
from kanseq.homologs.blosum import Texts, numbered

LAMBDA, K = 0.267, 0.041
"""Karlin-Altschul parameters of BLOSUM62 with the gap costs of a band (Altschul et al. 1997, table 1)."""

_BATCH = 1280

_LONG = 2048
"""From this number of rows, values do not fit into the small types."""

_SCORES = Kind(1, np.int8, np.int16), Kind(1, np.int8, np.int32)
_IDENTITIES = Kind(_LONG, np.int16, np.int32), Kind(1 << 20, np.int32, np.int64)
"""What is computed first and second, for pairs of fewer than ``_LONG`` rows and for others."""


class Alignments(NamedTuple):
    """The best local alignment of each pair of proteins, int64 ``(pairs,)`` each.

    If several alignments have the best score, it is one that ends first, then one that starts last, then one with most
    identities.

    Attributes:
        score: raw score, the sum of BLOSUM62 scores and gap costs; 0 if nothing aligns.
        start, end: the aligned part of the query, 0-based half-open.
        identities: number of letters of the query that are aligned to the same letter.
    """

    score: np.ndarray
    start: np.ndarray
    end: np.ndarray
    identities: np.ndarray


def align_in_bands(
    proteins: Sequence[bytes],
    queries: np.ndarray,
    subjects: np.ndarray,
    diagonals: np.ndarray,
    *,
    least: int = 1,
    advance: Callable[[int], None] | None = None,
) -> Alignments:
    """Align pairs of proteins locally (Smith and Waterman 1981, affine gaps after Gotoh 1982, BLOSUM62).

    Args:
        proteins: letters of amino acids; any other letter scores -1.
        queries, subjects: indices of the proteins of each pair, int64 ``(pairs,)``.
        diagonals: the middle diagonal of each pair's band, that is position in the query minus position in the subject;
            alignments use diagonals from ``BAND / 2`` below it to ``BAND / 2 - 1`` above it.
        least: smallest score to report; all fields of pairs with a lower score are 0.
        advance: called with the number of pairs that are finished, twice for every pair.
    """
    texts, advance = numbered(proteins), advance or (lambda pairs: None)
    lengths = texts.lengths
    pairs = len(queries)
    first = 1 - diagonals - BAND // 2
    bands = Bands(queries, subjects, np.zeros(pairs, dtype=np.int64), lengths[queries], first)
    score, end = _fill(texts, bands, _SCORES, np.full(pairs, max(least, 1) - 1), once=False, advance=advance)
    found = np.flatnonzero(score)
    advance(pairs - len(found))
    # The same band, seen from the end of the alignment: the last letter of both proteins and the last column are first.
    query, subject, length = queries[found], subjects[found], end[found]
    first = lengths[subject] - first[found] - length - (BAND - 1)
    bands = Bands(query, subject, lengths[query] - length, length, first)
    packed, rows = _fill(texts.backwards(), bands, _IDENTITIES, score[found], once=True, advance=advance)
    start, identities = (np.zeros(pairs, dtype=np.int64) for _ in range(2))
    start[found], identities[found] = length - rows, packed
    return Alignments(score, start, end, identities)


def bit_scores(scores: np.ndarray) -> np.ndarray:
    """Convert raw scores to bit scores, float64: ``(LAMBDA * score - ln K) / ln 2``.

    >>> bit_scores(np.array([100])).round(1).tolist()
    [43.1]
    """
    return (LAMBDA * scores - np.log(K)) / np.log(2)


def _fill(
    texts: Texts,
    bands: Bands,
    kinds: tuple[Kind, Kind],
    scores: np.ndarray,
    *,
    once: bool,
    advance: Callable[[int], None],
) -> tuple[np.ndarray, np.ndarray]:
    """Fill short and long bands; return values and rows.

    The first time, ``scores`` are the largest that are not reported, and the values are scores. The second time
    (``once``), they are the scores of the alignments, and the values are numbers of identities.
    """
    values, rows = (np.zeros(len(scores), dtype=np.int64) for _ in range(2))
    is_long = bands.rows >= _LONG
    for kind, chosen in zip(kinds, (np.flatnonzero(~is_long), np.flatnonzero(is_long)), strict=True):
        limits = scores[chosen] * kind.unit - once
        part = Bands(*(field[chosen] for field in bands))
        best, rows[chosen] = fill(texts, part, kind, limits, once=once, lanes=_BATCH, advance=advance)
        values[chosen] = best % kind.unit if once else best
    return values, rows
