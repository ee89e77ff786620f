"""Base codes of selected rows of a set: an array if there are few rows, otherwise blocks that are read on demand.

In: a set and rows. Out: an object that is indexed like an array ``(n, columns)`` uint8.
"""

from collections import OrderedDict
from typing import TypeAlias

import numpy as np

from kanseq.sequences.sequence_set import SequenceSet

BLOCK = 4096
"""Number of rows that are read together."""

BLOCKS = 16
"""Maximum number of blocks in memory."""

HELD = BLOCK * BLOCKS
"""Largest number of rows for which codes are kept as an array (200 MB with the default geometry)."""


class RowCodes:
    """Base codes of many rows, indexed like an array; only the most recently used blocks are in memory.

    Access is fast in ascending order, or block by block as in :func:`kanseq.training.objectives.batches.epoch_order`.
    Results do not depend on the order of access.
    """

    def __init__(self, genes: SequenceSet, rows: np.ndarray) -> None:
        """Select ``rows`` of the set, in this order."""
        self._genes, self._rows = genes, rows
        self._held: OrderedDict[int, np.ndarray] = OrderedDict()

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._rows)

    def __getitem__(self, which: np.ndarray | slice) -> np.ndarray:
        """Return the codes of rows that are selected by slice, boolean mask or positions, uint8 ``(n, columns)``."""
        at = np.arange(len(self))[which]
        codes = np.empty((len(at), self._genes.geometry.columns), dtype=np.uint8)
        blocks = at // BLOCK
        # Blocks in memory come first, so that reading the others does not evict them before they are used.
        for block in sorted(set(blocks.tolist()), key=lambda number: (number not in self._held, number)):
            mine = blocks == block
            codes[mine] = self._block(block)[at[mine] - block * BLOCK]
        return codes

    def _block(self, number: int) -> np.ndarray:
        """Return the codes of one block, from memory if possible."""
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
    """Return the base codes of some rows: an array for at most :data:`HELD` rows, else :class:`RowCodes`."""
    return genes.codes(rows) if len(rows) <= HELD else RowCodes(genes, rows)
