"""The set of sequences that every model eats: one Parquet file, a row per gene (or per plain sequence).

In: a table with ``id, species, length, sequence`` (places, labels). Out: pandas, uint8 base codes, torch batches.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from kanseq.errors import BadTable, TruncatedFile, UnknownGene
from kanseq.files import PathLike, check_input, some, whole_file
from kanseq.geometry import Geometry

if TYPE_CHECKING:
    import torch

FORMAT = 2
"""Newest version of the file format; every version up to it is read.

Version 2 is written where the contigs of several species stand in one set, which version 1 could not tell apart.
"""

NO_SPECIES = "."
"""What stands in the column ``species`` when nobody named one."""

REQUIRED = ("id", "species", "length", "sequence")
PLACE = ("chrom", "strand", "tss", "tts", "tss_start", "tss_end", "tts_start", "tts_end")

_CODES = np.full(256, 4, dtype=np.uint8)
for _code, _letters in enumerate(("Aa", "Cc", "Gg", "Tt")):
    for _letter in _letters:
        _CODES[ord(_letter)] = _code


@dataclass
class SequenceSet:
    """Sequences with their names, and for genes their places.

    Attributes:
        table: a row per sequence: ``id, species, length, sequence``; for genes also ``chrom, strand`` and, 0-based,
            ``tss, tts`` (first and last transcribed base) and the half-open windows ``tss_start, tss_end, tts_start,
            tts_end`` (not cut at contig ends); ``label`` where sequences came with one.
        geometry: the columns of a row.
        metadata: what the file says of itself: contigs, inputs, options.
    """

    table: pd.DataFrame
    geometry: Geometry
    metadata: dict[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the sequences."""
        return len(self.table)

    @property
    def keys(self) -> pd.MultiIndex:
        """The ``(species, id)`` of every row, in order."""
        return pd.MultiIndex.from_frame(self.table[["species", "id"]])

    @property
    def contigs(self) -> dict[str, dict[str, int | str]]:
        """Contig -> ``{"length": bases, "md5": checksum of its upper-case letters}``; empty for plain sequences.

        Where sets were combined the key is ``SPECIES:CONTIG``, and ``species`` and ``name`` stand beside the length.
        """
        return self.metadata.get("contigs", {})  # type: ignore[return-value]

    def contigs_of(self, species: str) -> dict[str, dict[str, int | str]]:
        """Give the contigs of one species under their own names, in the genome's order."""
        contigs = self.contigs.items()
        return {str(c.get("name", key)): c for key, c in contigs if c.get("species", species) == species}

    def of_contigs(self, fact: str) -> list[int | str | None]:
        """Give the ``length`` or ``md5`` of every row's contig, None where it is not known."""
        if "chrom" not in self.table:
            return [None] * len(self)
        known = {name: self.contigs_of(name) for name in self.table["species"].unique()}
        places = zip(self.table["species"], self.table["chrom"], strict=True)
        return [known[species].get(str(chrom), {}).get(fact) for species, chrom in places]

    @classmethod
    def read(cls, path: PathLike, columns: list[str] | None = None) -> "SequenceSet":
        """Read a set; ``columns`` leaves the others (such as ``sequence``) on disk.

        Raises:
            MissingFile, TruncatedFile, BadTable: the file is not there, is no Parquet, or is no set of kanseq.
        """
        path = check_input(path)
        try:
            parquet = pq.ParquetFile(path)
            described = (parquet.schema_arrow.metadata or {}).get(b"kanseq")
            names = parquet.schema_arrow.names
            table = parquet.read(columns).to_pandas()
        except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
            raise TruncatedFile("this is not a whole Parquet file", where=path, mend="make it again") from error
        if described is None or any(name not in names for name in REQUIRED):
            raise BadTable(
                "this Parquet file is not a set of kanseq", where=path, mend="make one with kanseq extract or import"
            )
        metadata = json.loads(described)
        if metadata.get("format", 0) > FORMAT:
            raise BadTable(
                f"its format {metadata['format']} is newer than this kanseq", where=path, mend="update kanseq"
            )
        return cls(table, Geometry.from_json(metadata["geometry"]), metadata)

    def write(self, path: PathLike) -> None:
        """Write the set as zstd Parquet; the same set gives the same bytes."""
        version = FORMAT if any("species" in contig for contig in self.contigs.values()) else 1
        metadata = {**self.metadata, "format": version, "geometry": self.geometry.to_json()}
        arrow = pa.Table.from_pandas(self.table, preserve_index=False)
        arrow = arrow.replace_schema_metadata({b"kanseq": json.dumps(metadata).encode()})
        with whole_file(path) as temporary:
            pq.write_table(arrow, temporary, compression="zstd", compression_level=3, row_group_size=4096)

    def codes(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Base codes of some rows, shape ``(rows, columns)`` uint8: A 0, C 1, G 2, T 3, anything else 4.

        Shorter sequences are filled up with 4 on the right. Masked columns still hold their bases: models mask.

        Raises:
            BadTable: a sequence is longer than the geometry has columns.
        """
        sequences = self.table["sequence"].iloc[rows]
        columns = self.geometry.columns
        widest = max(map(len, sequences), default=0)
        if widest > columns:
            raise BadTable(f"a sequence of {widest} bases does not fit into {columns} columns")
        letters = "".join(sequence.ljust(columns, "N") for sequence in sequences).encode("ascii", "replace")
        return _CODES[np.frombuffer(letters, dtype=np.uint8)].reshape(len(sequences), columns)

    def batches(self, batch_size: int = 64, rows: np.ndarray | None = None) -> Iterator["torch.Tensor"]:
        """Yield the rows in order as torch tensors ``(batch, columns)`` uint8; one-hot encoding is the model's."""
        import torch

        order = np.arange(len(self)) if rows is None else rows
        for start in range(0, len(order), batch_size):
            yield torch.from_numpy(self.codes(order[start : start + batch_size]).copy())

    def select(self, wanted: np.ndarray) -> "SequenceSet":
        """Keep some rows, by boolean mask or by positions."""
        mask = np.asarray(wanted)
        table = self.table[mask] if mask.dtype == bool else self.table.iloc[mask]
        return SequenceSet(table.reset_index(drop=True), self.geometry, self.metadata)

    def positions(self, ids: list[str]) -> np.ndarray:
        """Rows of the genes named ``ids``, in the order of the set.

        Raises:
            UnknownGene: a name is not in the set; the message shows some of it and some that are there.
        """
        known = self.table["id"].isin(ids)
        missing = sorted(set(ids) - set(self.table["id"][known]))
        if missing:
            raise UnknownGene(f"not in the set: {some(missing)}", mend=f"it holds {some(list(self.table['id']))}")
        return np.flatnonzero(known)


def check_name(name: str, what: str, where: PathLike | None = None) -> None:
    """Refuse a name that the tab-separated tables of splits and labels could not hold.

    Raises:
        BadTable: it is empty, or holds a tab or a line break.
    """
    if not name or any(sign in name for sign in "\t\r\n"):
        raise BadTable(f"{what} {name!r} is empty, or holds a tab or a line break", where=where)


def md5_of_letters(sequence: bytes) -> str:
    """MD5 of a contig's letters in upper case, as SAM's ``M5`` tag has it.

    >>> md5_of_letters(b"acgt")
    'f1f8f4bf413b16ad135722aa4591043e'
    """
    # A contig may have a billion letters: no copy where none is needed.
    letters = sequence if sequence.isupper() else sequence.upper()
    return hashlib.md5(letters, usedforsecurity=False).hexdigest()
