"""Base codes of chosen rows of a set: an array where it is small, else blocks that are read when they are asked for.

In: a set and rows. Out: something to index like an array ``(n, columns)`` uint8.
"""

from collections import OrderedDict
from typing import TypeAlias

import numpy as np

from kanseq.data.sequences import SequenceSet

BLOCK = 4096
"""Rows that are read together."""

BLOCKS = 16
"""Blocks that are held at a time."""

HELD = BLOCK * BLOCKS
"""Rows up to which codes are held as an array: 200 MB by default."""


class RowCodes:
    """Base codes of many rows; a few blocks of them are held, those that were asked for last.

    Cheap where rows are asked for in ascending order, or blockwise as :func:`kanseq.training.batches.epoch_order` has
    them; the result is that of the array in any case.
    """

    def __init__(self, genes: SequenceSet, rows: np.ndarray) -> None:
        """Describe ``rows`` of the set, in this order."""
        self._genes, self._rows = genes, rows
        self._held: OrderedDict[int, np.ndarray] = OrderedDict()

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._rows)

    def __getitem__(self, which: np.ndarray | slice) -> np.ndarray:
        """Give codes of some of the rows, uint8 ``(n, columns)``; by a slice, a boolean mask, or positions."""
        at = np.arange(len(self))[which]
        codes = np.empty((len(at), self._genes.geometry.columns), dtype=np.uint8)
        blocks = at // BLOCK
        # What is held comes first, so that reading the rest does not push it out before.
        for block in sorted(set(blocks.tolist()), key=lambda number: (number not in self._held, number)):
            mine = blocks == block
            codes[mine] = self._block(block)[at[mine] - block * BLOCK]
        return codes

    def _block(self, number: int) -> np.ndarray:
        """Give the codes of one block."""
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number]
        if len(self._held) >= BLOCKS:
            self._held.popitem(last=False)
        self._held[number] = self._genes.codes(self._rows[number * BLOCK : (number + 1) * BLOCK])
        return self._held[number]


Codes: TypeAlias = np.ndarray | RowCodes
"""Base codes ``(n, columns)`` uint8, in memory or on demand."""


def codes_of(genes: SequenceSet, rows: np.ndarray) -> Codes:
    """Give the base codes of some rows: up to :data:`HELD` of them as an array."""
    return genes.codes(rows) if len(rows) <= HELD else RowCodes(genes, rows)
