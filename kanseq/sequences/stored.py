"""Read sequences from disk on demand, by row groups, so that a set need not fit into memory.

In: Parquet files with a column ``sequence``. Out: letters and base codes of chosen rows.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kanseq.errors import BadTable, TruncatedFile

ROW_GROUP = 4096
"""Number of sequences per row group of the files that kanseq writes: 12 MB of letters by default."""

CODES = np.full(256, 4, dtype=np.uint8)
"""The base code of every letter: A 0, C 1, G 2, T 3, anything else 4."""
for _code, _letters in enumerate(("Aa", "Cc", "Gg", "Tt")):
    for _letter in _letters:
        CODES[ord(_letter)] = _code


class StoredSequences:
    """The sequences of some rows of one or several files, which are read on demand.

    Reading a row decompresses its entire row group, unless this group was read last. It is therefore fastest to request
    rows that are close together.
    """

    def __init__(self, files: Sequence["_File"], rows: np.ndarray) -> None:
        """Select ``rows``, numbered over the concatenated rows of all files."""
        self._files = list(files)
        self._rows = np.asarray(rows, dtype=np.int64)
        groups = [size for file in self._files for size in file.sizes]
        self._starts = np.concatenate([[0], np.cumsum(groups, dtype=np.int64)])
        self._groups = [(file, number) for file in self._files for number in range(len(file.sizes))]

    @classmethod
    def of_file(cls, path: Path, parquet: pq.ParquetFile) -> "StoredSequences":
        """Return the sequences of all rows of an open file."""
        file = _File(path, parquet)
        return cls([file], np.arange(sum(file.sizes)))

    @classmethod
    def joined(cls, parts: Sequence["StoredSequences"]) -> "StoredSequences":
        """Concatenate the rows of several sources without copying."""
        files, rows, before = [], [], 0
        for part in parts:
            files += part._files
            rows.append(part._rows + before)
            before += int(part._starts[-1])
        return cls(files, np.concatenate(rows))

    def __len__(self) -> int:
        """Count the sequences."""
        return len(self._rows)

    def select(self, rows: np.ndarray) -> "StoredSequences":
        """Return the sequences of some rows, selected by boolean mask or positions."""
        return StoredSequences(self._files, self._rows[rows])

    def letters(self, rows: np.ndarray | slice) -> list[str]:
        """Read the sequences of some rows, in their order."""
        rows = self._rows[rows]
        found = np.empty(len(rows), dtype=object)
        for places, column in self._read(rows):
            found[places] = column.to_pylist()
        return list(found)

    def codes(self, rows: np.ndarray | slice, columns: int) -> np.ndarray:
        """Read base codes of some rows, uint8 ``(rows, columns)``; shorter sequences are padded with 4.

        Raises:
            BadTable: a sequence is longer than ``columns``.
        """
        rows = self._rows[rows]
        found = np.empty((len(rows), columns), dtype=np.uint8)
        for places, column in self._read(rows):
            found[places] = _codes(column, columns)
        return found

    def _read(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, pa.Array]]:
        """Yield for each row group the positions of its requested rows, and their sequences."""
        group = np.searchsorted(self._starts, rows, side="right") - 1
        order = np.argsort(group, kind="stable")
        for places in np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else []:
            number = int(group[places[0]])
            file, own = self._groups[number]
            yield places, file.group(own).take(pa.array(rows[places] - self._starts[number]))


class _File:
    """An open Parquet file of a set; several threads may read it."""

    # One row group is cached for all files together, so that many small sets need no more memory than a large one.
    _last: "tuple[_File, int, pa.Array] | None" = None
    _lock = Lock()

    def __init__(self, path: Path, parquet: pq.ParquetFile) -> None:
        self.path, self._parquet = path, parquet
        about = parquet.metadata
        self.sizes = [about.row_group(number).num_rows for number in range(about.num_row_groups)]

    def group(self, number: int) -> pa.Array:
        """Read the sequences of a row group."""
        with _File._lock:
            if _File._last is None or _File._last[:2] != (self, number):
                try:
                    column = self._parquet.read_row_group(number, columns=["sequence"]).column(0)
                except (pa.ArrowException, OSError) as error:
                    hint = "make it again"
                    raise TruncatedFile("this is not a complete Parquet file", where=self.path, hint=hint) from error
                whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
                _File._last = self, number, whole
            return _File._last[2]


def _codes(column: pa.Array, columns: int) -> np.ndarray:
    """Convert an Arrow array of sequences to base codes without creating a Python string for each."""
    column = column.cast(pa.large_binary())
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    lengths = np.diff(ends)
    check_width(int(lengths.max(initial=0)), columns)
    read = np.frombuffer(data or b"", dtype=np.uint8)[ends[0] : ends[-1]]
    if (lengths == columns).all():
        return CODES[read].reshape(len(column), columns)
    letters = np.full((len(column), columns), ord("N"), dtype=np.uint8)
    letters[np.arange(columns) < lengths[:, None]] = read
    return CODES[letters]


def check_width(widest: int, columns: int) -> None:
    """Raise BadTable if the longest sequence (``widest`` bases) has more bases than there are columns."""
    if widest > columns:
        raise BadTable(f"a sequence of {widest} bases does not fit into {columns} columns")
