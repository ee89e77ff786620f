"""Read files of labelled sequences in several formats.

In: CSV or TSV tables, FASTA, BED, tables of intervals, folders of text files. Out: a record per sequence; the letters
of intervals are read from a genome later.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kanseq.errors import BadOption, BadTable, MissingFile
from kanseq.genome.fasta import only_bases, read_contigs, unknown_letters
from kanseq.genome.intervals import Interval, TextTable, is_interval_table, open_table, read_bed
from kanseq.io.files import PathLike, check_input, fingerprint, open_bytes, some

BETWEEN = 20
"""Number of ``N`` inserted between the sequences of a row if a table has several sequence columns."""

TEXT = ".txt"
"""Suffix of the files in a folder of sequences; each file has one sequence."""


class SequenceSource(NamedTuple):
    """A file to read, and the class and split of all its sequences.

    Attributes:
        path: a table, a FASTA or BED file, a table of intervals, or a folder of ``NAME.txt`` with one sequence each.
        label: class of all sequences; None to use the column of the table.
        split: value of the column ``split`` for all sequences; None to use the column of the table.
    """

    path: PathLike
    label: str | None = None
    split: str | None = None


class LabelledSequence(NamedTuple):
    """A sequence from a file; ``where`` is its location for messages.

    If it has an ``interval``, its ``letters`` are empty until they are read from the genome.
    """

    id: str
    letters: str
    label: str | None
    split: str | None
    where: str
    interval: Interval | None = None


class Columns(NamedTuple):
    """Names of the columns to read from a table; ``id``, ``label`` and ``split`` are None if not specified."""

    sequences: tuple[str, ...] = ("sequence",)
    label: str | None = None
    id: str | None = None
    split: str | None = None


def read_source(
    source: SequenceSource, columns: Columns, *, placed: bool, width: int | None = None
) -> list[LabelledSequence]:
    """Read the sequences or intervals of one file, with their classes and splits.

    If the source has a class, names of sequences are prefixed with its split (if any) and class.

    Args:
        source: the file.
        columns: names of the columns in tables.
        placed: whether a genome is provided. BED files and tables then contain intervals; FASTA files and folders still
            contain sequences.
        width: final width of intervals, for names that show their coordinates.

    Raises:
        BadTable, MalformedLine: the file is invalid; the message names the line.
        BadOption: a file with one class for all its sequences is neither FASTA nor a folder, and there is no genome.
    """
    records = list(_records(source, columns, placed, width))
    label, split = source.label, source.split
    if label is not None:
        before = label if split is None else f"{split}:{label}"
        records = [one._replace(id=f"{before}:{one.id}", label=label) for one in records]
    return records if split is None else [one._replace(split=split) for one in records]


def check_source(path: PathLike) -> Path:
    """Return ``path`` if it is a readable file or a folder.

    Raises:
        MissingFile: there is no such file or folder, or the file cannot be read.
    """
    return Path(path) if os.path.isdir(path) else check_input(path)


def describe_source(path: PathLike) -> dict[str, str | int]:
    """Return name, size and SHA-256 of a file, or of a folder (over the names and contents of all its text files)."""
    if not os.path.isdir(path):
        return fingerprint(path)
    digest, size, files = hashlib.sha256(), 0, 0
    for name, content in _texts(path):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
        size, files = size + len(content), files + 1
    return {"name": Path(path).name, "files": files, "bytes": size, "sha256": digest.hexdigest()}


def stem(path: PathLike) -> str:
    """Return a file's name without its suffixes.

    >>> stem("gue/train.csv.gz")
    'train'
    """
    return re.sub(r"(\.[A-Za-z]+)?(\.b?gz)?$", "", Path(path).name) or Path(path).name


def _records(source: SequenceSource, columns: Columns, placed: bool, width: int | None) -> Iterator[LabelledSequence]:
    """Yield the sequences of a file or folder of any format, named as in the file."""
    path = source.path
    if os.path.isdir(path):
        for name, content in _texts(path):
            where = os.path.join(path, name)
            yield LabelledSequence(name[: -len(TEXT)], _letters(content.strip(), where), None, None, where)
        return
    with open_bytes(path) as handle:
        is_fasta = handle.read(4096).lstrip().startswith(b">")
    if is_fasta:
        for contig in read_contigs(path):
            where = f"{path}: '{contig.name}'"
            yield LabelledSequence(contig.name, _letters(contig.sequence, where), None, None, str(path))
    elif placed:
        is_table = is_interval_table(path)
        records = [*(_placed_rows(path, columns, source.label is None) if is_table else _bed_rows(path))]
        yield from records if is_table and columns.id is not None else _named(path, records, width)
    elif source.label is not None:
        hint = "for BED files and tables of intervals use --genome"
        raise BadOption(f"--class {source.label}: this is not a FASTA file", where=path, hint=hint)
    else:
        with open_table(path) as table:
            yield from _sequences(path, table, columns)


def _texts(folder: PathLike) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each text file in a folder, sorted by name; 100,000 files take seconds.

    Raises:
        BadTable: there are no text files.
        MissingFile: a file cannot be read.
    """
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.name.endswith(TEXT) and not entry.name.startswith("."))
    if not names:
        raise BadTable(f"the folder has no *{TEXT}", where=folder, hint=f"one sequence in each NAME{TEXT} is required")
    for name in names:
        path = os.path.join(folder, name)
        try:
            with open(path, "rb") as handle:
                yield name, handle.read()
        except OSError as error:
            raise MissingFile(f"it cannot be read ({os.strerror(error.errno or 0)})", where=path) from error


def _bed_rows(path: PathLike) -> Iterator[LabelledSequence]:
    """Yield the intervals of a BED file, with their names if the file has names."""
    for one in read_bed(path):
        yield LabelledSequence(one.name, "", None, None, one.where, one)


def _placed_rows(path: PathLike, columns: Columns, labelled: bool) -> Iterator[LabelledSequence]:
    """Yield the rows of a table of intervals; if ``labelled``, the class of each row is read from its column."""
    with open_table(path) as table:
        label = columns.label or ("label" if "label" in table.names else None)
        name = columns.id or ("id" if "id" in table.names else None)
        places = _places(path, table.names, columns._replace(sequences=(), label=label if labelled else None, id=name))
        for where, cells in table.rows:
            key, value, split = _cells(cells, places, where)
            yield LabelledSequence(key or "", "", value, split, where, table.interval(cells, where))


def _named(path: PathLike, records: list[LabelledSequence], width: int | None) -> list[LabelledSequence]:
    """Name intervals as in the file; if these names are not unique, by coordinates; if those are not, by number."""
    places = [one.interval.widened(width).place for one in records if one.interval is not None]
    for names in ([one.id for one in records], places):
        if "" not in names and len(set(names)) == len(names):
            break
    else:
        names = [f"{stem(path)}-{number}" for number in range(1, len(records) + 1)]
    return [one._replace(id=name) for one, name in zip(records, names, strict=True)]


def _sequences(path: PathLike, table: TextTable, columns: Columns) -> Iterator[LabelledSequence]:
    """Yield the sequences of a table, one per row."""
    if table.has_intervals and not set(columns.sequences) <= set(table.names):
        raise BadTable("this is a table of intervals", where=path, hint="use --genome")
    label = columns.label or ("label" if "label" in table.names else None)
    places = _places(path, table.names, columns._replace(label=label))
    between = "N" * BETWEEN
    for number, (where, cells) in enumerate(table.rows, 1):
        letters = between.join(_letters(cells[at].encode("utf-8"), where) for at in places["sequence"])
        key, value, split = _cells(cells, places, where)
        yield LabelledSequence(f"{stem(path)}-{number}" if key is None else key, letters, value, split, where)


def _places(path: PathLike, names: list[str], columns: Columns) -> dict[str, list[int]]:
    """Return the positions of the columns ``sequence, label, id, split`` in a header; empty lists if not requested."""
    requested = {
        "sequence": columns.sequences,
        "label": (columns.label,),
        "id": (columns.id,),
        "split": (columns.split,),
    }
    places: dict[str, list[int]] = {}
    for kind, listed in requested.items():
        places[kind] = []
        for column in listed:
            if column is None:
                continue
            if column not in names:
                what = f"column '{column}' is missing; the header has {some(names, 8)}"
                raise BadTable(what, where=f"{path}:1", hint=f"name it with --{kind}-column")
            places[kind].append(names.index(column))
    return places


def _cells(cells: list[str], places: dict[str, list[int]], where: str) -> tuple[str | None, str | None, str | None]:
    """Return name, label and split of a row; None for a column that does not exist.

    Raises:
        BadTable: a name, label or split is empty.
    """
    key, label, split = (cells[places[kind][0]] if places[kind] else None for kind in ("id", "label", "split"))
    for value, what in ((key, "name"), (label, "label"), (split, "split")):
        if value == "":
            raise BadTable(f"the {what} is empty", where=where)
    return key, label, split


def _letters(sequence: bytes, where: str) -> str:
    """Return a sequence converted to the letters A, C, G, T and N."""
    sequence = sequence.upper()
    if not sequence:
        raise BadTable("the sequence is empty", where=where)
    if unknown := unknown_letters(sequence):
        raise BadTable(f"{chr(unknown[0])!r} is not a nucleotide letter", where=where)
    return only_bases(sequence.replace(b"U", b"T")).decode("ascii")
