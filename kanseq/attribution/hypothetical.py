"""Hypothetical contributions: the contribution that each of the four bases would have in every column.

In: contributions ``(rows, 4, columns)`` of some genes by one model at a time. Out: their sums over models.
"""

import os
import tempfile
from contextlib import AbstractContextManager, suppress

import numpy as np

from kanseq.io.files import PathLike
from kanseq.models.network import BASES


class HypotheticalSums(AbstractContextManager["HypotheticalSums"]):
    """Hypothetical contributions of all genes, summed over models in a temporary file to save memory.

    Attributes:
        values: the sums, ``(genes, 4, columns)`` float32.
    """

    def __init__(self, genes: int, columns: int, folder: PathLike) -> None:
        """Create a temporary file for the contributions of some genes.

        Args:
            genes: number of genes.
            columns: number of columns per gene.
            folder: folder of the temporary file.

        Raises:
            OSError: the folder does not exist, or has too little space.
        """
        shape = (genes, BASES, columns)
        self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        size = 4 * max(1, int(np.prod(shape)))
        if hasattr(os, "posix_fallocate"):
            # Without reserved space, writing to the memory map on a full disk would kill the process.
            os.posix_fallocate(self.file.fileno(), 0, size)
        else:
            self.file.truncate(size)
        self.values = np.memmap(self.file, dtype=np.float32, mode="r+", shape=shape)

    def __exit__(self, *failure: object) -> None:
        """Close the temporary file."""
        del self.values
        with suppress(OSError):
            self.file.close()

    def add(self, rows: np.ndarray, values: np.ndarray, weights: np.ndarray) -> None:
        """Add the contributions by one model for some genes, ``(rows, 4, columns)``, times ``weights (rows,)``."""
        self.values[rows] += values * weights[:, None, None].astype(np.float32)
