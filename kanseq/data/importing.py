"""``kanseq import``: labelled sequences that need no annotation, as the same kind of set that ``extract`` makes.

In: CSV or TSV tables, FASTA files, BED files with a genome. Out: a row per sequence, with its label where it has one.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from kanseq.data.sequences import NO_SPECIES, SequenceSet, check_name, md5_of_letters
from kanseq.errors import BadOption, BadTable
from kanseq.files import PathLike, check_input, check_output, fingerprint, open_bytes, open_text, some
from kanseq.genome.fasta import Contig, only_bases, read_contigs, unknown_letters
from kanseq.genome.intervals import Interval, cut_intervals, read_bed
from kanseq.geometry import Geometry

_LONGEST_CELL = 1 << 30


class Imported(NamedTuple):
    """What ``import_sequences`` made: counts and the set."""

    sequences: int
    longest: int
    labels: dict[str, int]
    output: Path | None
    set: SequenceSet


class _Sequence(NamedTuple):
    """A sequence on its way into the set; ``letters`` of an interval come last, ``where`` is for messages."""

    id: str
    letters: str
    label: str | None
    source: str
    where: str
    interval: Interval | None = None


def import_sequences(
    inputs: PathLike | Sequence[PathLike] = (),
    *,
    output: PathLike | None = None,
    classes: Mapping[str, PathLike] | Sequence[str] = (),
    genome: PathLike | None = None,
    sequence_column: str = "sequence",
    label_column: str | None = None,
    id_column: str | None = None,
    species: str = NO_SPECIES,
) -> Imported:
    """Make a set of plain sequences, as wide as the longest of them.

    Letters become upper case, ``U`` becomes ``T``, and IUPAC codes, ``X`` and gaps become ``N``. A row of a table is
    named by ``id_column``, or by its file and number (``train-1``); a FASTA entry by its first word; an interval by its
    BED name where all rows have different ones, else by its place. A class stands before the names of its sequences
    (``enhancer:peak7``).

    The set has the columns ``id, species, length, sequence``, for intervals ``chrom, strand, start, end`` (0-based
    half-open), ``label`` (text) where there are labels, and, of several inputs, ``split``: the name of the file
    (``train``, ``dev``, ``test``).

    Args:
        inputs: tables with a header (CSV or TSV), or FASTA or BED files without labels.
        output: the set, a Parquet file.
        classes: FASTA or BED files with all sequences of one class: a mapping, or ``NAME=FILE`` each.
        genome: FASTA from which the intervals of BED files are read; files that are no FASTA are BED then.
        sequence_column: the tables' column of sequences.
        label_column: the tables' column of labels; by default ``label`` if there is one.
        id_column: the tables' column of names.
        species: what to call the species, for sets that are put together.

    Raises:
        BadTable: a column is missing, a sequence is empty or holds letters that no nucleotide has, a label is empty, or
            two sequences have one name; with file and line.
        MalformedLine, ContigMismatch: a FASTA or BED file has a fault, or intervals do not fit the genome.
        BadOption: nothing to read, or inputs and classes at once.
    """
    files = [inputs] if isinstance(inputs, (str, Path)) else list(inputs)
    by_class = _classes(classes)
    if bool(files) == bool(by_class):
        raise BadOption("give either input files or --class NAME=FILE, and not both")
    paths = [check_input(path) for path in (*files, *by_class.values(), genome) if path is not None]
    check_output(inputs=paths, binary=output)
    check_name(species, "the species")

    columns = (sequence_column, label_column, id_column)
    rows: list[_Sequence] = []
    for path in files:
        rows += _read(path, genome, columns)
    for name, path in by_class.items():
        read = _read(path, genome, columns, name)
        rows += [row._replace(id=f"{name}:{row.id}") for row in read]
    if not rows:
        raise BadTable("no sequences", where=(files or list(by_class.values()))[0])
    contigs: dict[str, dict[str, int | str]] = {}
    intervals = [row.interval for row in rows if row.interval is not None]
    if intervals and genome is not None:
        letters = iter(cut_intervals(_described(genome, contigs), intervals))
        rows = [row if row.interval is None else row._replace(letters=next(letters)) for row in rows]
    _check_ids(rows)

    options = {
        "classes": {name: Path(path).name for name, path in by_class.items()},
        "sequence_column": sequence_column,
        "label_column": label_column,
        "id_column": id_column,
        "species": species,
    }
    metadata = {
        "kind": "sequences",
        "contigs": contigs,
        "inputs": [fingerprint(path) for path in paths],
        "options": options,
    }
    table = _table(rows, species, several=len(files) > 1)
    result = SequenceSet(table, Geometry.plain(int(table["length"].max())), metadata)
    if output is not None:
        result.write(output)
    labels = dict(sorted(Counter(row.label for row in rows if row.label is not None).items()))
    path = None if output is None else Path(output)
    return Imported(len(result), result.geometry.columns, labels, path, result)


def _classes(classes: Mapping[str, PathLike] | Sequence[str]) -> dict[str, PathLike]:
    """Take ``NAME=FILE`` apart."""
    if isinstance(classes, Mapping):
        return dict(classes)
    found: dict[str, PathLike] = {}
    for item in classes:
        name, equals, path = item.partition("=")
        if not (name and equals and path):
            raise BadOption(f"--class {item}: NAME=FILE is wanted")
        if name in found:
            raise BadOption(f"--class {name} is given twice", mend="put its sequences into one file")
        found[name] = path
    return found


def _read(
    path: PathLike, genome: PathLike | None, columns: tuple[str, str | None, str | None], label: str | None = None
) -> list[_Sequence]:
    """Read one file, of whatever kind it is; ``label`` is that of a whole class."""
    source = _stem(path)
    with open_bytes(path) as handle:
        is_fasta = handle.read(4096).lstrip().startswith(b">")
    if is_fasta:
        return [
            _Sequence(contig.name, _letters(contig.sequence, f"{path}: '{contig.name}'"), label, source, str(path))
            for contig in read_contigs(path)
        ]
    if genome is not None:
        intervals = list(read_bed(path))
        names = Counter(interval.name for interval in intervals)
        named = "" not in names and len(names) == len(intervals)
        return [_Sequence(one.name if named else one.place, "", label, source, one.where, one) for one in intervals]
    if label is not None:
        raise BadOption(f"--class {label}: this is no FASTA", where=path, mend="for BED files give --genome")
    return list(_read_table(path, columns))


def _read_table(path: PathLike, columns: tuple[str, str | None, str | None]) -> Iterator[_Sequence]:
    """Read a CSV or TSV with a header."""
    source = _stem(path)
    previous = csv.field_size_limit(_LONGEST_CELL)
    try:
        with open_text(path) as handle:
            header = handle.readline()
            separator = "\t" if "\t" in header else ";" if ";" in header and "," not in header else ","
            names = [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
            if not any(names):
                raise BadTable("the first line is empty, and a header is wanted", where=f"{path}:1")
            sequence, label, name = _places(path, names, columns)
            reader = csv.reader(handle, delimiter=separator)
            for number, cells in enumerate((cells for cells in reader if cells), 1):
                where = f"{path}:{reader.line_num + 1}"
                if len(cells) != len(names):
                    raise BadTable(f"{len(cells)} cells, and the header has {len(names)}", where=where)
                letters = _letters(cells[sequence].strip().encode("utf-8"), where)
                key = f"{source}-{number}" if name is None else cells[name].strip()
                value = None if label is None else cells[label].strip()
                if not key or value == "":
                    raise BadTable(f"the {'label' if key else 'name'} is empty", where=where)
                yield _Sequence(key, letters, value, source, where)
    except csv.Error as error:
        raise BadTable(f"this is no table of text ({error})", where=path) from error
    finally:
        csv.field_size_limit(previous)


def _places(
    path: PathLike, names: list[str], columns: tuple[str, str | None, str | None]
) -> tuple[int, int | None, int | None]:
    """Find the columns in a header; ``label`` may be missing if nobody asked for it."""
    options = ("--sequence-column", "--label-column", "--id-column")
    for column, option in zip(columns, options, strict=True):
        if column is not None and column not in names:
            raise BadTable(
                f"column '{column}' is missing; the header has {some(names, 8)}",
                where=f"{path}:1",
                mend=f"name it with {option}",
            )
    sequence, label, name = columns
    if label is None and "label" in names:
        label = "label"
    return (
        names.index(sequence),
        None if label is None else names.index(label),
        None if name is None else names.index(name),
    )


def _letters(sequence: bytes, where: str) -> str:
    """Give a sequence in the letters A, C, G, T and N."""
    sequence = sequence.upper()
    if not sequence:
        raise BadTable("the sequence is empty", where=where)
    if unknown := unknown_letters(sequence):
        raise BadTable(f"{chr(unknown[0])!r} is no nucleotide letter", where=where)
    return only_bases(sequence.replace(b"U", b"T")).decode("ascii")


def _described(genome: PathLike, contigs: dict[str, dict[str, int | str]]) -> Iterator[Contig]:
    """Stream a genome, and note every contig's length and checksum on the way."""
    for contig in read_contigs(genome):
        contigs[contig.name] = {"length": len(contig.sequence), "md5": md5_of_letters(contig.sequence)}
        yield contig
        del contig


def _check_ids(rows: Iterable[_Sequence]) -> None:
    """Refuse names that tables of labels and splits could not hold, or that two sequences share."""
    first: dict[str, str] = {}
    for row in rows:
        check_name(row.id, "the name", row.where)
        if row.label is not None:
            check_name(row.label, "the label", row.where)
        if row.id in first:
            raise BadTable(
                f"the name '{row.id}' was there before, at {first[row.id]}",
                where=row.where,
                mend="give every sequence its own",
            )
        first[row.id] = row.where


def _stem(path: PathLike) -> str:
    """Give a file's name without its suffixes.

    >>> _stem("gue/train.csv.gz")
    'train'
    """
    return re.sub(r"(\.[A-Za-z]+)?(\.b?gz)?$", "", Path(path).name) or Path(path).name


def _table(rows: Sequence[_Sequence], species: str, several: bool) -> pd.DataFrame:
    """Put the sequences into the columns of a set."""
    columns: dict[str, object] = {
        "id": [row.id for row in rows],
        "species": species,
        "length": [len(row.letters) for row in rows],
    }
    intervals = [row.interval for row in rows if row.interval is not None]
    if len(intervals) == len(rows):
        for name in ("chrom", "strand", "start", "end"):
            columns[name] = [getattr(interval, name) for interval in intervals]
    columns["sequence"] = [row.letters for row in rows]
    if any(row.label is not None for row in rows):
        columns["label"] = [row.label for row in rows]
    if several:
        columns["split"] = [row.source for row in rows]
    return pd.DataFrame(columns)
