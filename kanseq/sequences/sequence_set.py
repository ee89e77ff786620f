"""The set of sequences that is the input of every model: one Parquet file with a row per gene or plain sequence.

In: a table with ``id, species, length, sequence`` (coordinates, labels). Out: pandas, uint8 base codes, torch batches.
Sequences are in memory (:meth:`SequenceSet.read`) or stay in their file (:meth:`SequenceSet.open`). A *plain sequence*
has no genome coordinates.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from kanseq.errors import BadTable, TruncatedFile, UnknownGene
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike, check_input, some, whole_file
from kanseq.io.tables.gene_tables import GENES
from kanseq.sequences.python_inputs import label_texts, name_texts, sequence_texts
from kanseq.sequences.stored import CODES, ROW_GROUP, StoredSequences, check_width

if TYPE_CHECKING:
    import torch

FORMAT = GENES.version
"""Newest version of the file format; older versions can also be read.

Version 2 is written if a set has contigs of several species, which version 1 could not distinguish.
"""

Contigs: TypeAlias = dict[str, dict[str, int | str]]
"""Contig name -> properties of the contig, such as its length and MD5 checksum."""

NO_SPECIES = "."
"""Value of the column ``species`` if no species was specified."""

REQUIRED = GENES.required
PLACE = ("chrom", "strand", "tss", "tts", "tss_start", "tss_end", "tts_start", "tts_end")


@dataclass
class SequenceSet:
    """A set of sequences with their names and, for genes, their coordinates.

    Attributes:
        table: a row per sequence: ``id, species, length, sequence``; for genes also ``chrom, strand`` and, 0-based,
            ``tss, tts`` (first and last transcribed base) and the half-open windows ``tss_start, tss_end, tts_start,
            tts_end`` (not clipped at contig ends); ``label`` if the sequences were imported with labels. The column
            ``sequence`` is missing if the sequences are :attr:`stored` or were not read.
        geometry: meaning of the columns of a sequence.
        metadata: metadata of the file: contigs, inputs, options.
        stored: the sequences on disk, which are read on demand; None if they are in memory or were not read.
    """

    table: pd.DataFrame
    geometry: Geometry
    metadata: dict[str, object] = field(default_factory=dict)
    stored: StoredSequences | None = None

    def __len__(self) -> int:
        """Count the sequences."""
        return len(self.table)

    def __repr__(self) -> str:
        """Show the number of sequences, their width, and whether they are in memory."""
        what = "genes" if "tss" in self.table else "sequences"
        where = ", on disk" if self.stored is not None else "" if self.has_sequences else ", names only"
        return f"SequenceSet of {len(self):,} {what}, {self.geometry.columns:,} columns{where}"

    @classmethod
    def from_strings(
        cls,
        sequences: Sequence[str | bytes],
        ids: Sequence[str | int] | None = None,
        *,
        labels: Sequence[str | int | float | None] | None = None,
        species: str = NO_SPECIES,
        geometry: Geometry | None = None,
    ) -> "SequenceSet":
        """Create a set from strings.

        Args:
            sequences: letters in any case; every letter but A, C, G, T is read as ``N``.
            ids: a unique name for each sequence; ``1``, ``2``, … by default.
            labels: the class or number of each sequence, for training on the labels of the set; None and NaN mean no
                label.
            species: name of the species of all sequences.
            geometry: meaning of the columns. By default, plain sequences with the length of the longest one; shorter
                ones are padded with ``N`` on the right. Gene windows must have exactly :attr:`Geometry.columns`
                letters.

        Raises:
            BadTable: there are no sequences; a sequence is empty, not text, or does not fit the geometry; the number of
                names or labels differs from the number of sequences; a name is empty, repeated, or contains a tab or
                line break.

        >>> SequenceSet.from_strings(["ACGT", "ttaa"], labels=["low", "high"])
        SequenceSet of 2 sequences, 4 columns
        """
        letters = sequence_texts(sequences)
        names = name_texts(ids) if ids is not None else [str(at + 1) for at in range(len(letters))]
        for what, values in (("ids", names), ("labels", labels)):
            if values is not None and len(values) != len(letters):
                raise BadTable(f"{len(values):,} {what} for {len(letters):,} sequences", hint="pass one for each")
        if not letters or not all(letters):
            empty = f"sequence '{names[letters.index('')]}' is empty" if letters else "there are no sequences"
            raise BadTable(empty, hint="pass sequences of at least one base")
        for name in names:
            check_name(name, "the id")
        if len(set(names)) < len(names):
            raise BadTable(f"the id '{_first_twice(names)}' occurs twice", hint="use a unique id for each sequence")
        geometry = geometry or Geometry.plain(max(map(len, letters)))
        for name, sequence in zip(names, letters, strict=True):
            if len(sequence) > geometry.columns or (geometry.has_genes and len(sequence) < geometry.columns):
                raise BadTable(f"sequence '{name}' has {len(sequence):,} letters; {geometry.columns:,} are required")
        columns = {"id": names, "species": species, "length": [len(sequence) for sequence in letters]}
        table = pd.DataFrame({**columns, "sequence": letters})
        if labels is not None:
            table["label"] = label_texts(labels)
        kind = "genes" if geometry.has_genes else "sequences"
        return cls(table, geometry, {"kind": kind, "contigs": {}, "inputs": []})

    @property
    def keys(self) -> pd.MultiIndex:
        """The ``(species, id)`` of every row, in order."""
        return pd.MultiIndex.from_frame(self.table[["species", "id"]])

    @property
    def contigs(self) -> Contigs:
        """Contig -> ``{"length": bases, "md5": checksum of its upper-case letters}``; empty for plain sequences.

        In combined sets the key is ``SPECIES:CONTIG``, and the values include ``species`` and ``name``.
        """
        return self.metadata.get("contigs", {})  # type: ignore[return-value]

    def contigs_of(self, species: str) -> Contigs:
        """Return the contigs of one species by their original names, in the order of the genome."""
        contigs = self.contigs.items()
        return {str(c.get("name", key)): c for key, c in contigs if c.get("species", species) == species}

    def of_contigs(self, fact: str) -> list[int | str | None]:
        """Return the ``length`` or ``md5`` (the ``fact``) of the contig of every row; None if it is unknown."""
        if "chrom" not in self.table:
            return [None] * len(self)
        known = {name: self.contigs_of(name) for name in self.table["species"].unique()}
        places = zip(self.table["species"], self.table["chrom"], strict=True)
        return [known[species].get(str(chrom), {}).get(fact) for species, chrom in places]

    @classmethod
    def read(cls, path: PathLike, columns: list[str] | None = None) -> "SequenceSet":
        """Read a set into memory; ``columns`` selects the columns to read (``sequence`` may be omitted).

        Raises:
            MissingFile, TruncatedFile, BadTable: the file is missing, is not Parquet, or is not a set of kanseq.
        """
        return _read(check_input(path), columns)[0]

    @classmethod
    def open(cls, path: PathLike) -> "SequenceSet":
        """Read all columns of a set except the sequences, which are read from the file on demand.

        Results are the same as with :meth:`read`, but the set need not fit into memory. The file stays open.

        Raises:
            MissingFile, TruncatedFile, BadTable: as :meth:`read` does.
        """
        path = check_input(path)
        genes, parquet = _read(path, without="sequence")
        genes.stored = StoredSequences.of_file(path, parquet)
        return genes

    @property
    def has_sequences(self) -> bool:
        """Whether the sequences are available, in memory or on disk."""
        return self.stored is not None or "sequence" in self.table

    def write(self, path: PathLike) -> None:
        """Write the set as zstd Parquet, a row group at a time; output bytes are reproducible."""
        version = FORMAT if any("species" in contig for contig in self.contigs.values()) else 1
        metadata = {**self.metadata, "format": version, "geometry": self.geometry.to_json()}
        schema = None
        with whole_file(path) as temporary, ExitStack() as opened:
            for start in range(0, max(1, len(self)), ROW_GROUP):
                table = self.rows(slice(start, start + ROW_GROUP))
                if schema is None:
                    # Types are those of the complete table: a column may be empty in the first rows.
                    others = pa.Schema.from_pandas(self.table.drop(columns="sequence", errors="ignore"), False)
                    letters = pa.Schema.from_pandas(table[["sequence"]], False).field("sequence")
                    schema = others.append(letters).with_metadata({b"kanseq": json.dumps(metadata).encode()})
                    writer = pq.ParquetWriter(temporary, schema, compression="zstd", compression_level=3)
                    opened.enter_context(writer)
                arrow = pa.Table.from_pandas(table, schema, preserve_index=False)
                writer.write_table(arrow.cast(schema), ROW_GROUP)

    def rows(self, rows: np.ndarray | slice) -> pd.DataFrame:
        """Return some rows of the table, with ``sequence`` as the last column."""
        table = self.table.iloc[rows]
        return table.drop(columns="sequence", errors="ignore").assign(sequence=self.letters(rows))

    def letters(self, rows: np.ndarray | slice = slice(None)) -> list[str]:
        """Return the sequences of some rows as strings, with their original letters."""
        if self.stored is not None:
            return self.stored.letters(rows)
        return list(self.table["sequence"].iloc[rows])

    def codes(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return base codes of some rows, shape ``(rows, columns)`` uint8: A 0, C 1, G 2, T 3, anything else 4.

        Shorter sequences are padded with 4 on the right. Masked columns keep their bases; models apply the mask.

        Raises:
            BadTable: a sequence is longer than the geometry has columns.
        """
        columns = self.geometry.columns
        if self.stored is not None:
            return self.stored.codes(rows, columns)
        sequences = self.table["sequence"].iloc[rows]
        check_width(max(map(len, sequences), default=0), columns)
        letters = "".join(sequence.ljust(columns, "N") for sequence in sequences).encode("ascii", "replace")
        return CODES[np.frombuffer(letters, dtype=np.uint8)].reshape(len(sequences), columns)

    def batches(self, batch_size: int = 64, rows: np.ndarray | None = None) -> Iterator["torch.Tensor"]:
        """Yield the rows in order as torch tensors ``(batch, columns)`` uint8; models do the one-hot encoding."""
        import torch

        order = np.arange(len(self)) if rows is None else rows
        for start in range(0, len(order), batch_size):
            yield torch.from_numpy(self.codes(order[start : start + batch_size]).copy())

    def select(self, wanted: np.ndarray) -> "SequenceSet":
        """Return a set with some of the rows, selected by boolean mask or by positions."""
        mask = np.asarray(wanted)
        table = self.table[mask] if mask.dtype == bool else self.table.iloc[mask]
        stored = None if self.stored is None else self.stored.select(mask)
        return SequenceSet(table.reset_index(drop=True), self.geometry, self.metadata, stored)

    def positions(self, ids: list[str]) -> np.ndarray:
        """Return the rows of the genes named ``ids``, in the order of the set.

        Raises:
            UnknownGene: a name is not in the set; the message shows some missing names and some names in the set.
        """
        known = self.table["id"].isin(ids)
        missing = sorted(set(ids) - set(self.table["id"][known]))
        if missing:
            raise UnknownGene(f"not in the set: {some(missing)}", hint=f"the set has {some(list(self.table['id']))}")
        return np.flatnonzero(known)


def _read(
    path: Path, columns: list[str] | None = None, without: str | None = None
) -> tuple[SequenceSet, pq.ParquetFile]:
    """Read a set with some columns (by default all except ``without``); return the set and the open file."""
    try:
        parquet = pq.ParquetFile(path)
        described = (parquet.schema_arrow.metadata or {}).get(b"kanseq")
        names = parquet.schema_arrow.names
        if without is not None:
            columns = [name for name in names if name != without]
        table = parquet.read(columns).to_pandas()
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        raise TruncatedFile("this is not a complete Parquet file", where=path, hint="make it again") from error
    if described is None or any(name not in names for name in REQUIRED):
        raise BadTable(
            "this Parquet file is not a set of kanseq", where=path, hint="make one with kanseq extract or import"
        )
    metadata = json.loads(described)
    if metadata.get("format", 0) > FORMAT:
        raise BadTable(f"its format {metadata['format']} is newer than this kanseq", where=path, hint="update kanseq")
    return SequenceSet(table, Geometry.from_json(metadata["geometry"]), metadata), parquet


def _first_twice(names: Sequence[str]) -> str:
    """Return the first name that repeats an earlier one in the list."""
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))


def check_name(name: str, what: str, where: PathLike | None = None) -> None:
    """Check that the tab-separated tables of splits and labels can contain a name.

    Raises:
        BadTable: the name is empty, or contains a tab or a line break.
    """
    if not name or any(sign in name for sign in "\t\r\n"):
        raise BadTable(f"{what} {name!r} is empty, or contains a tab or a line break", where=where)


def md5_of_letters(sequence: bytes) -> str:
    """Return the MD5 of a contig's letters in upper case, as in the ``M5`` tag of SAM.

    >>> md5_of_letters(b"acgt")
    'f1f8f4bf413b16ad135722aa4591043e'
    """
    # A contig may have a billion letters: avoid an unnecessary copy.
    letters = sequence if sequence.isupper() else sequence.upper()
    return hashlib.md5(letters, usedforsecurity=False).hexdigest()
