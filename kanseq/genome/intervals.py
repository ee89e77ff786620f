"""Read genome intervals from a BED file or a table, and extract their sequences.

In: BED, CSV or TSV, FASTA. Out: 0-based half-open intervals, and a sequence for each, in the direction of its strand.
"""

import csv
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from kanseq.errors import BadTable, ContigMismatch, MalformedLine
from kanseq.genome.annotation.gff import whole_number
from kanseq.genome.fasta import Contig, only_bases, reverse_complement
from kanseq.io.files import PathLike, open_text, some

CONTIG_COLUMNS = ("region", "chrom", "chromosome")
"""Accepted names of the contig column in a table of intervals."""

STRANDS = {**dict.fromkeys(("+", "1", "+1", "", ".", "NA", "nan"), "+"), "-": "-", "-1": "-"}
"""Maps accepted spellings of a strand to ``+`` or ``-``; a missing strand is forward."""

_NOT_ROWS = ("#", "track", "browser")
_LONGEST_CELL = 1 << 30
_MITOCHONDRION = frozenset(("M", "MT", "Mito", "MtDNA", "mitochondrion_genome"))
_TRANSCRIPT = re.compile(r"(ENS[A-Z]*T\d+)\.\d+")

_log = logging.getLogger(__name__)


class Interval(NamedTuple):
    """A genome interval from a file, 0-based half-open; ``name`` may be empty, ``where`` is its ``file:line``."""

    chrom: str
    start: int
    end: int
    name: str
    strand: str
    where: str

    @property
    def length(self) -> int:
        """Number of bases."""
        return self.end - self.start

    @property
    def place(self) -> str:
        """The interval in the notation of ``bedtools getfasta -s``."""
        return f"{self.chrom}:{self.start}-{self.end}({self.strand})"

    def widened(self, width: int | None) -> "Interval":
        """Return the interval, extended on both sides to a length of ``width``; an odd base is added on the right.

        The start may become negative. The interval is unchanged if it is longer than ``width``, or ``width`` is None.

        >>> Interval("1", 10, 13, "", "+", "").widened(8).place
        '1:8-16(+)'
        """
        if width is None or self.length > width:
            return self
        start = self.start - (width - self.length) // 2
        return self._replace(start=start, end=start + width)


class IntervalLetters(NamedTuple):
    """Sequences of intervals, read from a genome.

    Attributes:
        sequences: the letters A, C, G, T and ``N`` of every interval; empty if it was extended past a contig's end.
        contigs: contig name in the intervals -> contig name in the genome.
    """

    sequences: list[str]
    contigs: dict[str, str]


def read_bed(path: PathLike) -> Iterator[Interval]:
    """Stream the intervals of a BED file (columns separated by tabs or spaces); rows without a strand are forward.

    Raises:
        MalformedLine: a line has fewer than three columns, invalid coordinates or an invalid strand.
    """
    with open_text(path) as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip() or line.startswith(_NOT_ROWS):
                continue
            where = f"{path}:{number}"
            columns = [column.strip() for column in (line.split("\t") if "\t" in line else line.split())]
            if len(columns) < 3:
                raise MalformedLine(f"too few columns ({len(columns)})", where=where, hint="BED has at least 3")
            name = columns[3] if len(columns) > 3 and columns[3] != "." else ""
            yield _interval(columns[0], columns[1], columns[2], name, columns[5] if len(columns) > 5 else "", where)


class TextTable(NamedTuple):
    """A text table: the column names in its header, and an iterator over its rows, each as ``file:line`` and cells."""

    names: list[str]
    rows: Iterator[tuple[str, list[str]]]

    @property
    def has_intervals(self) -> bool:
        """Whether the rows are intervals: there are columns ``start``, ``end`` and one of :data:`CONTIG_COLUMNS`."""
        return {"start", "end"} <= set(self.names) and any(name in self.names for name in CONTIG_COLUMNS)

    def interval(self, cells: Sequence[str], where: str) -> Interval:
        """Return the interval of a row; the strand is forward if the column ``strand`` is missing or empty.

        Raises:
            MalformedLine: the coordinates or the strand are invalid.
            BadTable: the contig is empty.
        """
        cell = dict(zip(self.names, cells, strict=True))
        chrom = next(cell[name] for name in CONTIG_COLUMNS if name in cell)
        if not chrom:
            raise BadTable("the contig is empty", where=where)
        return _interval(chrom, cell["start"], cell["end"], "", cell.get("strand", ""), where)


@contextmanager
def open_table(path: PathLike) -> Iterator[TextTable]:
    """Open a table with a header; the delimiter is a tab, comma, semicolon or ``|``. Blank lines are skipped.

    Raises:
        BadTable: the file has no header, is not text, or the number of cells in a row differs from that in the header.
    """
    previous = csv.field_size_limit(_LONGEST_CELL)
    try:
        with open_text(path) as handle:
            names, separator = _header(handle.readline())
            if not any(names):
                raise BadTable("the first line is empty, but a header is required", where=f"{path}:1")
            yield TextTable(names, _rows(path, csv.reader(handle, delimiter=separator), len(names)))
    except csv.Error as error:
        raise BadTable(f"this is not a text table ({error})", where=path) from error
    finally:
        csv.field_size_limit(previous)


def is_interval_table(path: PathLike) -> bool:
    """Return whether a file begins with the header of a table of intervals; a BED file does not."""
    with open_text(path) as handle:
        return TextTable(_header(handle.readline())[0], iter(())).has_intervals


def cut_intervals(
    contigs: Iterable[Contig], intervals: Sequence[Interval], width: int | None = None
) -> IntervalLetters:
    """Return the sequences of intervals in a genome, in the order of ``intervals``.

    If the genome does not have the exact name of a contig, a contig with another spelling of the name is used and
    reported. Such spellings are names with or without ``chr``, other names of the mitochondrion (``MT``, ``chrM``, …),
    and Ensembl transcripts with or without their version.

    Args:
        contigs: the contigs of the genome.
        intervals: intervals of at most ``width`` bases.
        width: extend the intervals to this many bases first, see :meth:`Interval.widened`.

    Raises:
        MalformedLine: an interval ends past the end of its contig.
        ContigMismatch: an interval's contig is not in the genome, or matches two contigs.
    """
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, interval in enumerate(intervals):
        rows_of[interval.chrom].append(row)
    names_by_spelling: dict[str, list[str]] = defaultdict(list)
    for name in rows_of:
        names_by_spelling[_spelling(name)].append(name)
    sequences = [""] * len(intervals)
    found: dict[str, list[str]] = defaultdict(list)
    faults: dict[str, MalformedLine] = {}
    names = []
    for contig in contigs:
        names.append(contig.name)
        for name in names_by_spelling.get(_spelling(contig.name), ()):
            if name == contig.name:
                # The exact name takes precedence over other spellings found before.
                found[name] = [name]
                faults.pop(name, None)
            elif name in found[name]:
                continue
            else:
                found[name].append(contig.name)
            try:
                for row in rows_of[name]:
                    sequences[row] = _letters(contig, intervals[row], width)
            except MalformedLine as fault:
                faults.setdefault(name, fault)
        # Release this contig before the reader builds the next one, so that memory holds one contig only.
        del contig
    _check_found({name: intervals[rows[0]] for name, rows in rows_of.items()}, found, names)
    for fault in faults.values():
        raise fault
    return IntervalLetters(sequences, {name: found[name][0] for name in rows_of})


def _interval(chrom: str, first: str, last: str, name: str, strand: str, where: str) -> Interval:
    """Parse and check the coordinates and strand of an interval."""
    start, end = whole_number(first, "start", where), whole_number(last, "end", where)
    if start >= end:
        raise MalformedLine(f"the start {start} is not before the end {end}", where=where)
    if strand not in STRANDS:
        raise MalformedLine(f"the strand '{strand}' is unknown", where=where, hint="use + or -, or . if there is none")
    return Interval(chrom, start, end, name, STRANDS[strand], where)


def _header(line: str) -> tuple[list[str], str]:
    """Split the header line of a table; return the column names and the delimiter."""
    separator = next((sign for sign in "\t,;|" if sign in line), ",")
    return [name.strip() for name in next(csv.reader([line], delimiter=separator), [])], separator


def _rows(path: PathLike, reader: "Iterator[list[str]]", width: int) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows after the header of a table, each with ``file:line``; cells are stripped of spaces."""
    for cells in reader:
        if not cells:
            continue
        where = f"{path}:{reader.line_num + 1}"  # type: ignore[attr-defined]
        if len(cells) != width:
            raise BadTable(f"{len(cells)} cells, but the header has {width}", where=where)
        yield where, [cell.strip() for cell in cells]


def _spelling(name: str) -> str:
    """Normalise the spelling of a contig's name, so that names of Ensembl and UCSC are equal.

    >>> _spelling("chr2L"), _spelling("2L"), _spelling("chrM"), _spelling("Mito"), _spelling("ENST00000371014.5")
    ('2L', '2L', 'MT', 'MT', 'ENST00000371014')
    """
    transcript = _TRANSCRIPT.fullmatch(name)
    if transcript is not None:
        return transcript.group(1)
    bare = name[3:] if name.startswith(("chr", "Chr")) and len(name) > 3 else name
    return "MT" if bare in _MITOCHONDRION else bare


def _letters(contig: Contig, interval: Interval, width: int | None) -> str:
    """Return the sequence of an interval, or an empty string if it was extended past an end of the contig."""
    if interval.end > len(contig.sequence):
        raise MalformedLine(
            f"the end {interval.end} is past contig '{contig.name}', which has {len(contig.sequence)} bases",
            where=interval.where,
            hint="provide the genome assembly of these intervals",
        )
    start, end = interval.widened(width)[1:3]
    if start < 0 or end > len(contig.sequence):
        return ""
    letters = only_bases(contig.sequence[start:end])
    return (reverse_complement(letters) if interval.strand == "-" else letters).decode("ascii")


def _check_found(first: dict[str, Interval], found: dict[str, list[str]], names: Sequence[str]) -> None:
    """Raise ContigMismatch if a contig is missing or ambiguous in the genome; log contigs that have other names there.

    Args:
        first: contig of the intervals -> the first interval on it.
        found: contig of the intervals -> its names in the genome.
        names: all contigs of the genome.
    """
    other = [(name, found[name][0]) for name in first if found[name] and found[name][0] != name]
    for name, interval in first.items():
        if len(found[name]) == 1:
            continue
        what = f"'{name}' is not in the genome, which has {some(found[name] or names)}"
        raise ContigMismatch(what, where=interval.where, hint="use the genome's contig names")
    if other:
        shown = some([f"'{name}' is '{there}'" for name, there in other])
        _log.info("contigs have other names in the genome: %s", shown)
