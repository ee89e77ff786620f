"""Align many pairs of proteins at once by banded local alignment. In: letters, pairs. Out: scores, aligned ranges."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

BAND = 64
"""Number of diagonals in a band."""

GAP_OPEN, GAP_EXTEND = 11, 1
"""A gap of n letters costs ``GAP_OPEN + n * GAP_EXTEND``, as in BLAST."""

LAMBDA, K = 0.267, 0.041
"""Karlin-Altschul parameters of BLOSUM62 with these gap costs (Altschul et al. 1997, table 1)."""

_LETTERS = "ARNDCQEGHILKMFPSTWYV"
_BLOSUM62 = """
 4
-1  5
-2  0  6
-2 -2  1  6
 0 -3 -3 -3  9
-1  1  0  0 -3  5
-1  0  0  2 -4  2  5
 0 -2  0 -1 -3 -2 -2  6
-2  0  1 -1 -3  0  0 -2  8
-1 -3 -3 -3 -1 -3 -3 -4 -3  4
-1 -2 -3 -4 -1 -2 -3 -4 -3  2  4
-1  2  0 -1 -3  1  1 -2 -1 -3 -2  5
-1 -1 -2 -3 -1  0 -2 -3 -2  1  2 -1  5
-2 -3 -3 -3 -2 -3 -3 -3 -1  0  0 -3  0  6
-1 -2 -2 -1 -3 -1 -1 -2 -2 -3 -3 -1 -2 -4  7
 1 -1  1  0 -1  0  0  0 -1 -2 -2  0 -1 -2 -1  4
 0 -1  0 -1 -1 -1 -1 -2 -2 -1 -1 -1 -1 -2 -1  1  5
-3 -3 -4 -4 -2 -2 -3 -2 -2 -3 -2 -3 -1  1 -4 -3 -2 11
-2 -2 -2 -3 -2 -1 -2 -3  2 -1 -1 -2 -1  3 -3 -2 -2  2  7
 0 -3 -3 -3 -1 -2 -2 -3 -3  3  1 -2  1 -1 -2 -2  0 -3 -1  4
"""
"""The lower triangle of BLOSUM62 (Henikoff and Henikoff 1992) in the order of ``_LETTERS``."""

_UNKNOWN, _OUTSIDE = 20, 21
_BATCH = 1024

# One int64 holds a cell: its score, the start of its alignment in the query, and the number of identities.
_START, _SCORE = 20, 40
_NEVER = np.int64(-1) << 60

_NUMBER = np.full(256, _UNKNOWN, dtype=np.uint8)
_NUMBER[np.frombuffer(_LETTERS.encode(), dtype=np.uint8)] = np.arange(20, dtype=np.uint8)


class Alignments(NamedTuple):
    """The best local alignment of each pair of proteins, int64 ``(pairs,)`` each.

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
    proteins: Sequence[bytes], queries: np.ndarray, subjects: np.ndarray, diagonals: np.ndarray
) -> Alignments:
    """Align pairs of proteins locally (Smith and Waterman 1981, affine gaps after Gotoh 1982, BLOSUM62).

    Args:
        proteins: letters of amino acids; any other letter scores -1.
        queries, subjects: indices of the proteins of each pair, int64 ``(pairs,)``.
        diagonals: the middle diagonal of each pair's band, that is position in the query minus position in the subject;
            alignments use diagonals from ``BAND / 2`` below it to ``BAND / 2 - 1`` above it.
    """
    lengths = np.array([len(letters) for letters in proteins], dtype=np.int64)
    text = np.concatenate([_NUMBER[np.frombuffer(b"".join(proteins), dtype=np.uint8)], [_OUTSIDE]]).astype(np.int64)
    offsets = np.cumsum(lengths) - lengths
    result = Alignments(*(np.zeros(len(queries), dtype=np.int64) for _ in Alignments._fields))
    # Pairs of a batch have queries of similar length, so that few rows are idle.
    order = np.argsort(-lengths[queries], kind="stable")
    for at in range(0, len(order), _BATCH):
        rows = order[at : at + _BATCH]
        query, subject = queries[rows], subjects[rows]
        made = _align_batch(text, offsets[query], lengths[query], offsets[subject], lengths[subject], diagonals[rows])
        for field, values in zip(result, made, strict=True):
            field[rows] = values
    return result


def bit_scores(scores: np.ndarray) -> np.ndarray:
    """Convert raw scores to bit scores, float64: ``(LAMBDA * score - ln K) / ln 2``.

    >>> bit_scores(np.array([100])).round(1).tolist()
    [43.1]
    """
    return (LAMBDA * scores - np.log(K)) / np.log(2)


def _align_batch(
    text: np.ndarray,
    query_at: np.ndarray,
    query_length: np.ndarray,
    subject_at: np.ndarray,
    subject_length: np.ndarray,
    diagonal: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the fields of :class:`Alignments` for pairs sorted by descending query length.

    The bands of all pairs are filled in parallel, row by row; each row corresponds to a letter of the query.
    """
    pairs = len(query_at)
    columns = np.arange(BAND)
    open_, extend = np.int64(GAP_OPEN + GAP_EXTEND) << _SCORE, np.int64(GAP_EXTEND) << _SCORE
    gains = _gains()
    best, ends = np.zeros(pairs, dtype=np.int64), np.zeros(pairs, dtype=np.int64)
    cells = np.zeros((pairs, BAND), dtype=np.int64)
    down = np.full((pairs, BAND), _NEVER)
    first = (1 - diagonal - BAND // 2)[:, None] + columns
    for row in range(int(query_length[0]) if pairs else 0):
        live = int(np.searchsorted(-query_length, -row, side="left"))
        cells, down, first = cells[:live], down[:live], first[:live]
        place = first + row
        inside = (place >= 0) & (place < subject_length[:live, None])
        letters = text[np.where(inside, place + subject_at[:live, None], len(text) - 1)]
        gain = gains[text[query_at[:live] + row][:, None], letters]
        # A diagonal keeps its column from row to row, so the cell above is one column to the right.
        matched = np.maximum(cells, np.int64(row) << _START) + gain
        above = np.full_like(matched, _NEVER)
        above[:, :-1] = np.maximum(cells[:, 1:] - open_, down[:, 1:] - extend)
        down = above
        cells = np.maximum(matched, down)
        # A gap in the query: from any column on the left, at the cost of its length.
        reached = np.maximum.accumulate(cells + columns * extend, axis=1)
        cells[:, 1:] = np.maximum(cells[:, 1:], reached[:, :-1] - (open_ - extend) - columns[1:] * extend)
        cells = np.maximum(cells, 0)
        top = cells.max(axis=1)
        better = np.flatnonzero((top >> _SCORE) > (best[:live] >> _SCORE))
        best[better], ends[better] = top[better], row + 1
    low = (np.int64(1) << _START) - 1
    return best >> _SCORE, (best >> _START) & low, ends, best & low


def _gains() -> np.ndarray:
    """Return the amount that aligning two letters adds to a cell: their score, and one identity if they are equal."""
    scores = np.full((22, 22), -1, dtype=np.int64)
    for row, line in enumerate(_BLOSUM62.split("\n")[1:-1]):
        values = [int(value) for value in line.split()]
        scores[row, : row + 1] = scores[: row + 1, row] = values
    scores[_OUTSIDE], scores[:, _OUTSIDE] = -10_000, -10_000
    gains = scores << _SCORE
    gains[np.arange(20), np.arange(20)] += 1
    return gains
