"""The BLOSUM62 matrix, and proteins as numbers. In: proteins. Out: scores of letters, and numbers of letters."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LETTERS = "ARNDCQEGHILKMFPSTWYV"
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
"""The lower triangle of BLOSUM62 (Henikoff and Henikoff 1992) in the order of ``LETTERS``."""

UNKNOWN, OUTSIDE = 20, 21
"""Numbers of an unknown letter, and of a place before or after a protein."""

_BEYOND = -14
"""Score of a place outside a protein: below every other score, and small enough for an int8."""

_NUMBER = np.full(256, UNKNOWN, dtype=np.uint8)
_NUMBER[np.frombuffer(LETTERS.encode(), dtype=np.uint8)] = np.arange(20, dtype=np.uint8)


class Texts(NamedTuple):
    """Proteins as numbers, one after the other.

    Attributes:
        letters: the number of each letter, its index in ``LETTERS``, uint8 ``(letters,)``.
        starts, lengths: place of the first letter, and number of letters, of each protein, int64 ``(proteins,)``.
    """

    letters: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    def backwards(self) -> "Texts":
        """Return the proteins, each from its last to its first letter."""
        ends = np.repeat(2 * self.starts + self.lengths - 1, self.lengths)
        return self._replace(letters=self.letters[ends - np.arange(len(self.letters))])


def numbered(proteins: Sequence[bytes]) -> Texts:
    """Return proteins as numbers; any letter that is not one of the twenty amino acids is ``UNKNOWN``."""
    lengths = np.array([len(letters) for letters in proteins], dtype=np.int64)
    letters = _NUMBER[np.frombuffer(b"".join(proteins), dtype=np.uint8)]
    return Texts(letters, np.cumsum(lengths) - lengths, lengths)


def gains(unit: int = 1) -> np.ndarray:
    """Return the gain of aligning two letters, int64 ``(22, 22)``.

    The gain is the score times ``unit``; if ``unit`` is above 1, one is added for equal letters, so that a sum of at
    most ``unit - 1`` gains contains the score and the number of identities.

    >>> gains()[LETTERS.index("W"), LETTERS.index("W")], gains(100)[LETTERS.index("W"), LETTERS.index("W")]
    (np.int64(11), np.int64(1101))
    """
    scores = np.full((22, 22), -1, dtype=np.int64)
    for row, line in enumerate(_BLOSUM62.split("\n")[1:-1]):
        values = [int(value) for value in line.split()]
        scores[row, : row + 1] = scores[: row + 1, row] = values
    scores[OUTSIDE], scores[:, OUTSIDE] = _BEYOND, _BEYOND
    made = scores * unit
    if unit > 1:
        made[np.arange(20), np.arange(20)] += 1
    return made
