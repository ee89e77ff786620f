"""Genes and a number for each of their pieces: the content of every attribution track.

In: a table of genes with coordinates, and numbers per piece. Out: pieces and values, contig by contig.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kanseq.genome.pieces import Pieces, find_pieces
from kanseq.geometry import Geometry


@dataclass(frozen=True)
class PieceTrack:
    """Genes, and a value for each of their pieces.

    Attributes:
        table: ``id, chrom, strand`` and the windows, a row per gene, as for :func:`kanseq.genome.pieces.find_pieces`.
        geometry: the columns of a row, and which are masked.
        contigs: contig -> length, in the genome's order.
        values: float32 ``(genes, pieces)``, in the order of the geometry's piece template.
        codes: function of row positions that returns the base codes ``(rows, columns)`` that the model reads, masked
            columns 4.
    """

    table: pd.DataFrame
    geometry: Geometry
    contigs: Mapping[str, int]
    values: np.ndarray
    codes: Callable[[np.ndarray], np.ndarray]

    def on_contig(self, chrom: str, strands: str = "+-") -> tuple[np.ndarray, Pieces, np.ndarray]:
        """Return the genes on one contig (row positions), their pieces and the values of the pieces."""
        genes = np.flatnonzero((self.table["chrom"] == chrom) & self.table["strand"].isin(list(strands)))
        pieces = find_pieces(self.table.iloc[genes], self.geometry, self.contigs)
        return genes, pieces, self.values[genes[pieces.row], pieces.index]
