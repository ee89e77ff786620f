"""Average attributions over models, in a temporary file.

In: attributions of some genes by one model at a time. Out: weighted sums for all genes, and the rows of their table.
"""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from kanseq.attribution.shares import Attribution
from kanseq.genome.pieces import Template, sum_by_piece, sum_by_token
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike, disk_errors
from kanseq.io.tables.model_tables import ATTRIBUTIONS
from kanseq.runs.held_out import Scorer
from kanseq.runs.parts import part_name
from kanseq.sequences.sequence_set import SequenceSet

ROW_GROUP = 256
"""Number of genes per row group of the Parquet file, which are held in memory together."""

COLUMNS = ATTRIBUTIONS.arrow()


class Sums(AbstractContextManager["Sums"]):
    """Weighted sums over models of the attributions of each gene, kept in a temporary file to save memory.

    Attributes:
        logit, reference_logit, total: weighted sums over models of the logit, mean reference logit and sum of
            attributions of each gene, ``(n,)`` float64.
        errors: completeness error for each reference, the largest over all models, ``(n, references)`` float64.
        models: for each gene, the names of the models whose attributions were added.
    """

    def __init__(self, n: int, geometry: Geometry, folder: PathLike | None, *, references: int, spread: bool) -> None:
        """Create a temporary file for ``n`` genes.

        Args:
            n: number of genes.
            geometry: the layout of their columns.
            folder: folder of the temporary file; None for the system's folder for temporary files.
            references: number of references per gene; 0 if the method does not use references.
            spread: whether some genes have several models, so that standard deviations over models are needed.
        """
        self.folder = Path(folder or tempfile.gettempdir())
        self.geometry, self.spread = geometry, spread
        self.row = np.dtype([("values", np.float32, geometry.columns), ("moments", np.float64, self._moments)])
        with disk_errors(self.folder):
            self.file: BinaryIO = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115
        self.logit, self.reference_logit, self.total, self.logit_square = np.zeros((4, n))
        self.errors = np.zeros((n, references))
        self.models: list[list[str]] = [[] for _ in range(n)]

    @property
    def _moments(self) -> tuple[int, int]:
        """Shape of the sums and sums of squares over models for each token of a gene; ``(2, 0)`` if not needed."""
        return (2, self.geometry.tokens if self.spread else 0)

    def __exit__(self, *failure: object) -> None:
        """Close the temporary file. Ignore errors (such as a full disk), because its data is no longer needed."""
        with suppress(OSError):
            self.file.close()

    def add(self, rows: np.ndarray, attribution: Attribution, weights: np.ndarray, scorer: Scorer) -> None:
        """Add the attributions of the genes in ``rows`` by the model ``scorer``, multiplied by ``weights (rows,)``."""
        self.logit[rows] += attribution.logit * weights
        self.logit_square[rows] += attribution.logit**2 * weights
        if self.errors.shape[1]:
            self.reference_logit[rows] += attribution.reference_logit * weights
            self.total[rows] += attribution.sums.mean(1) * weights
            self.errors[rows] = np.maximum(self.errors[rows], attribution.errors)
        entries = np.zeros(len(rows), dtype=self.row)
        entries["values"] = attribution.values * weights[:, None].astype(np.float32)
        if self.spread:
            tokens = sum_by_token(attribution.values, self.geometry).astype(np.float64)
            entries["moments"] = np.stack([tokens, tokens**2], axis=1) * weights[:, None, None]
        with disk_errors(self.folder):
            for row, share in zip(rows.tolist(), entries, strict=True):
                if self.models[row]:
                    self.file.seek(row * self.row.itemsize)
                    before = np.frombuffer(self.file.read(self.row.itemsize), dtype=self.row)[0]
                    share["values"] += before["values"]
                    share["moments"] += before["moments"]
                self.file.seek(row * self.row.itemsize)
                self.file.write(share.tobytes())
                self.models[row].append(part_name(scorer.fold, scorer.seed))
            self.file.flush()

    def read(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield slices of rows and their summed attributions, ``(rows, columns)`` float32, in the order of genes."""
        for rows, block in self._blocks():
            yield rows, np.ascontiguousarray(block["values"])

    def by_piece(self, template: Template) -> np.ndarray:
        """Return the attribution of each piece (the genome interval of a token), ``(n, pieces)`` float32."""
        values = np.zeros((len(self.logit), len(template.token)), dtype=np.float32)
        for rows, block in self.read():
            values[rows] = sum_by_piece(block, template)
        return values

    def tables(self, genes: SequenceSet, method: str) -> Iterator[pa.Table]:
        """Yield the rows of ``attributions.parquet`` in the order of ``genes``, one row group at a time."""
        several = np.array([len(names) > 1 for names in self.models])
        logit_spread = np.sqrt(np.maximum(self.logit_square - self.logit**2, 0))
        without = np.full(len(self.logit), self.errors.shape[1] == 0)
        largest = self.errors.max(1, initial=0.0)
        for rows, block in self._blocks():
            some = genes.table.iloc[rows]
            values = np.ascontiguousarray(block["values"])
            columns = {
                "species": pa.array(some["species"].astype(str), pa.string()),
                "id": pa.array(some["id"].astype(str), pa.string()),
                "attributions": _lists(values),
                "tokens": _lists(sum_by_token(values, self.geometry)),
                "token_spread": self._token_spread(block["moments"], several[rows]),
                "logit": self.logit[rows],
                "logit_spread": pa.array(logit_spread[rows], mask=~several[rows]),
                "reference_logit": pa.array(self.reference_logit[rows], mask=without[rows]),
                "sum": pa.array(self.total[rows], mask=without[rows]),
                "completeness_error": pa.array(largest[rows], mask=without[rows]),
                "completeness_errors": _lists(self.errors[rows]),
                "method": [method] * len(some),
                "model": [",".join(names) for names in self.models[rows]],
            }
            yield pa.table(columns, schema=COLUMNS)

    def _blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield slices of rows and all of their stored sums, in the order of the genes."""
        self.file.seek(0)
        for start in range(0, len(self.logit), ROW_GROUP):
            rows = slice(start, min(start + ROW_GROUP, len(self.logit)))
            yield rows, np.frombuffer(self.file.read(self.row.itemsize * (rows.stop - rows.start)), dtype=self.row)

    def _token_spread(self, moments: np.ndarray, several: np.ndarray) -> pa.Array:
        """Return the standard deviation of each token over models, a list per gene; null for genes with one model."""
        if not self.spread:
            return pa.nulls(len(several), pa.list_(pa.float32()))
        spread = np.sqrt(np.maximum(moments[:, 1] - moments[:, 0] ** 2, 0)).astype(np.float32)
        kept = _lists(spread[several])
        return kept.take(pa.array(np.cumsum(several) - 1, mask=~several))


def _lists(block: np.ndarray) -> pa.ListArray:
    """Convert an array ``(n, width)`` to ``n`` Arrow lists without copying it."""
    offsets = np.arange(len(block) + 1, dtype=np.int32) * block.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(block.ravel()))
