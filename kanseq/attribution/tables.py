"""Attributions of a whole set: summed up on disk while models come one by one, then written as one Parquet file.

In: numbers per base for some rows at a time. Out: ``attributions.parquet``, a row a gene, and back.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from kanseq.attribution.methods import Attribution
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadTable, TruncatedFile
from kanseq.files import PathLike, check_input, disk_errors
from kanseq.genome.pieces import Template, sum_by_piece, sum_by_token
from kanseq.geometry import Geometry
from kanseq.training.assignment import Scorer

FORMAT = 1
"""Version of the file format that this kanseq writes; it reads every version up to it."""

KIND = "attributions"
"""What the metadata of the file calls it."""

ROW_GROUP = 256
"""Genes that are held in memory at a time."""

COLUMNS = pa.schema(
    [
        ("species", pa.string()),
        ("id", pa.string()),
        ("attributions", pa.list_(pa.float32())),
        ("tokens", pa.list_(pa.float32())),
        ("logit", pa.float64()),
        ("reference_logit", pa.float64()),
        ("completeness_error", pa.float64()),
        ("method", pa.string()),
        ("model", pa.string()),
    ]
)
"""``model`` is ``fold/seed-N`` of every model averaged over, with commas between."""


class Sums(AbstractContextManager["Sums"]):
    """Weighted sums per row, kept in an unnamed file, so that memory does not grow with the number of genes.

    Attributes:
        logit, reference_logit: ``(n,)`` float64.
        models: for each row the names of the models that had a share.
    """

    def __init__(self, n: int, columns: int, folder: PathLike | None) -> None:
        """Make room for ``n`` rows in ``folder`` (None: where the system keeps temporary files)."""
        self.folder = Path(folder or tempfile.gettempdir())
        self.columns = columns
        with disk_errors(self.folder):
            self.file: BinaryIO = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115
        self.logit, self.reference_logit = np.zeros(n), np.zeros(n)
        self.models: list[list[str]] = [[] for _ in range(n)]

    def __exit__(self, *failure: object) -> None:
        """Let the file go; what a full disk kept it from writing is lost anyway."""
        with suppress(OSError):
            self.file.close()

    def add(self, rows: np.ndarray, attribution: Attribution, weights: np.ndarray, scorer: Scorer) -> None:
        """Add one model's numbers for some rows, times ``weights (rows,)``."""
        self.logit[rows] += attribution.logit * weights
        self.reference_logit[rows] += attribution.reference_logit * weights
        width = 4 * self.columns
        shares = attribution.values * weights[:, None].astype(np.float32)
        with disk_errors(self.folder):
            for row, share in zip(rows.tolist(), shares, strict=True):
                total = share
                if self.models[row]:
                    self.file.seek(row * width)
                    total = share + np.frombuffer(self.file.read(width), dtype=np.float32)
                self.file.seek(row * width)
                self.file.write(total.tobytes())
                self.models[row].append(f"{scorer.fold}/seed-{scorer.seed}")
            self.file.flush()

    def read(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the sums of all rows in order, ``(some, columns)`` float32 at a time."""
        self.file.seek(0)
        for start in range(0, len(self.logit), ROW_GROUP):
            rows = slice(start, min(start + ROW_GROUP, len(self.logit)))
            block = self.file.read(4 * self.columns * (rows.stop - rows.start))
            yield rows, np.frombuffer(block, dtype=np.float32).reshape(-1, self.columns)

    def by_piece(self, template: Template) -> np.ndarray:
        """Sum over the columns of each piece, ``(n, pieces)`` float32."""
        values = np.zeros((len(self.logit), len(template.token)), dtype=np.float32)
        for rows, block in self.read():
            values[rows] = sum_by_piece(block, template)
        return values

    def completeness_errors(self) -> np.ndarray:
        """Give ``|Σ a − (logit − reference logit)| / max(1, Σ|a|)`` of every row, float64 ``(n,)``."""
        errors = np.zeros(len(self.logit))
        for rows, block in self.read():
            wide = block.astype(np.float64)
            missing = wide.sum(axis=1) - (self.logit[rows] - self.reference_logit[rows])
            errors[rows] = np.abs(missing) / np.maximum(1, np.abs(wide).sum(axis=1))
        return errors


def tables_of(sums: Sums, genes: SequenceSet, geometry: Geometry, method: str) -> Iterator[pa.Table]:
    """Yield the rows of ``attributions.parquet`` in the order of the set, one row group at a time."""
    errors = sums.completeness_errors()
    for rows, block in sums.read():
        some = genes.table.iloc[rows]
        columns = {
            "species": pa.array(some["species"].astype(str), pa.string()),
            "id": pa.array(some["id"].astype(str), pa.string()),
            "attributions": _lists(block),
            "tokens": _lists(sum_by_token(block, geometry)),
            "logit": sums.logit[rows],
            "reference_logit": sums.reference_logit[rows],
            "completeness_error": errors[rows],
            "method": [method] * len(some),
            "model": [",".join(names) for names in sums.models[rows]],
        }
        yield pa.table(columns, schema=COLUMNS)


def as_pandas(tables: Iterator[pa.Table]) -> pd.DataFrame:
    """Hold the rows in memory; ``attributions`` and ``tokens`` hold a float32 array a row."""
    return pa.concat_tables(tables).to_pandas()


def write_attributions(path: PathLike, tables: Iterator[pa.Table], described: dict[str, object]) -> None:
    """Write row groups as they come; the same ones give the same bytes."""
    metadata = json.dumps({"kind": KIND, "format": FORMAT, **described}, allow_nan=False)
    schema = COLUMNS.with_metadata({b"kanseq": metadata.encode()})
    repeated = ["species", "method", "model"]
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=3, use_dictionary=repeated) as writer:
        for table in tables:
            writer.write_table(table.cast(schema), row_group_size=ROW_GROUP)


@dataclass(frozen=True)
class Attributions:
    """What ``attributions.parquet`` holds.

    Attributes:
        table: its columns; ``attributions`` and ``tokens`` hold a float32 array a row.
        geometry: the columns that the models read.
        metadata: method, reference, models, inputs, contigs.
    """

    table: pd.DataFrame
    geometry: Geometry
    metadata: dict[str, object]


def read_attributions(path: PathLike) -> Attributions:
    """Read ``attributions.parquet``.

    Raises:
        MissingFile, TruncatedFile, BadTable: it is not there, no Parquet, or not made by ``kanseq explain``.
    """
    path = check_input(path)
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise TruncatedFile("this is not a whole Parquet file", where=path, mend="make it again") from error
    metadata = json.loads((table.schema.metadata or {}).get(b"kanseq", b"{}"))
    if metadata.get("kind") != KIND:
        raise BadTable("this Parquet file holds no attributions", where=path, mend="make it with kanseq explain -o")
    if metadata.get("format", 0) > FORMAT:
        raise BadTable(f"its format {metadata['format']} is newer than this kanseq", where=path, mend="update kanseq")
    return Attributions(table.to_pandas(), Geometry.from_json(metadata["geometry"]), metadata)


def _lists(block: np.ndarray) -> pa.ListArray:
    """Give ``(n, width)`` float32 as lists, without a copy of the numbers."""
    offsets = np.arange(len(block) + 1, dtype=np.int32) * block.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(block.ravel(), pa.float32()))
