"""Edit base codes: substitute single bases, or replace ranges of columns with those of another sequence.

In: codes, uint8 ``(columns,)``. Out: edited copies ``(n, columns)``, yielded in batches.
"""

from collections.abc import Iterator

import numpy as np

from kanseq.sequences.shuffles import UNKNOWN

BASES = 4
"""Number of codes of known bases: A 0, C 1, G 2, T 3."""

ROWS = 256
"""Maximum number of edited sequences in a batch."""


def substituted(codes: np.ndarray, columns: np.ndarray, bases: np.ndarray) -> np.ndarray:
    """Return one copy of a sequence per substitution, with one base changed in each copy.

    Args:
        codes: uint8 ``(columns,)``.
        columns: columns of the substitutions, ``(n,)``.
        bases: the new codes in these columns, ``(n,)``.

    Returns:
        uint8 ``(n, columns)``.
    """
    edited = np.repeat(codes[None], len(columns), axis=0)
    edited[np.arange(len(columns)), columns] = bases
    return edited


def replaced(codes: np.ndarray, other: np.ndarray, starts: np.ndarray, width: int) -> np.ndarray:
    """Return one copy of a sequence per range, with the columns of that range taken from another sequence.

    Args:
        codes: uint8 ``(columns,)``.
        other: the other sequence, uint8 ``(columns,)``.
        starts: first columns of the ranges, ``(n,)``.
        width: columns of a range; the last one may end earlier.

    Returns:
        uint8 ``(n, columns)``.
    """
    edited = np.repeat(codes[None], len(starts), axis=0)
    for copy, start in zip(edited, starts.tolist(), strict=True):
        copy[start : start + width] = other[start : start + width]
    return edited


def all_substitutions(codes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield batches of copies of a sequence, one copy for each possible single-base substitution.

    A batch has at most :data:`ROWS` copies. Unknown bases (code 4) are not substituted.

    Args:
        codes: uint8 ``(columns,)``.

    Yields:
        New bases and columns of the substitutions, ``(n,)`` each, and the edited codes ``(n, columns)``.
    """
    bases, columns = np.nonzero((np.arange(BASES)[:, None] != codes) & (codes != UNKNOWN))
    for start in range(0, len(bases), ROWS):
        some = slice(start, start + ROWS)
        yield bases[some], columns[some], substituted(codes, columns[some], bases[some])


def all_replacements(codes: np.ndarray, other: np.ndarray, width: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches of copies of a sequence; in each copy, one range is replaced with that of another sequence.

    A batch has at most :data:`ROWS` copies. The ranges are adjacent; the first one starts at column 0. Ranges that are
    the same in both sequences are skipped.

    Args:
        codes: uint8 ``(columns,)``.
        other: the other sequence, uint8 ``(columns,)``.
        width: columns of a range.

    Yields:
        Numbers of the replaced ranges, ``(n,)``, and the edited codes ``(n, columns)``.
    """
    starts = np.arange(0, len(codes), width)
    differ = np.flatnonzero(np.add.reduceat(codes != other, starts))
    for start in range(0, len(differ), ROWS):
        some = differ[start : start + ROWS]
        yield some, replaced(codes, other, some * width, width)
