"""The content of an attribution track: genes, and a value for each piece (the genome interval of a token).

In: a table of genes with coordinates, and values per piece. Out: pieces and values, contig by contig.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kanseq.genome.pieces import Pieces, find_pieces
from kanseq.geometry import Geometry


@dataclass(frozen=True)
class PieceTrack:
    """Genes, and a value for each of their pieces (the genome intervals of tokens).

    Attributes:
        table: ``id, chrom, strand`` and the windows, a row per gene, as for :func:`kanseq.genome.pieces.find_pieces`.
        geometry: the layout of the columns, including those that are masked.
        contigs: contig -> length, in the order of the genome.
        values: float32 ``(genes, pieces)``, in the order of :func:`kanseq.genome.pieces.piece_template`.
        codes: function that returns the base codes ``(rows, columns)`` that the model reads for some rows of the table,
            with 4 in masked columns.
    """

    table: pd.DataFrame
    geometry: Geometry
    contigs: Mapping[str, int]
    values: np.ndarray
    codes: Callable[[np.ndarray], np.ndarray]

    def on_contig(self, chrom: str, strands: str = "+-") -> tuple[np.ndarray, Pieces, np.ndarray]:
        """Return the rows of the genes on a contig, their pieces, and the values of the pieces.

        ``strands`` contains the strands of the genes to return.
        """
        genes = np.flatnonzero((self.table["chrom"] == chrom) & self.table["strand"].isin(list(strands)))
        pieces = find_pieces(self.table.iloc[genes], self.geometry, self.contigs)
        return genes, pieces, self.values[genes[pieces.row], pieces.index]
