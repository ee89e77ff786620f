"""Stretches of a genome that a BED file or a table names, and their letters.

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
from kanseq.files import PathLike, open_text, some
from kanseq.genome.fasta import Contig, only_bases, reverse_complement
from kanseq.genome.rows import whole_number

CONTIG_COLUMNS = ("region", "chrom", "chromosome")
"""What the column of contigs may be called in a table of intervals."""

STRANDS = {**dict.fromkeys(("+", "1", "+1", "", ".", "NA", "nan"), "+"), "-": "-", "-1": "-"}
"""What a strand may be written as; what has none is forward."""

_NOT_ROWS = ("#", "track", "browser")
_LONGEST_CELL = 1 << 30
_MITOCHONDRION = frozenset(("M", "MT", "Mito", "MtDNA", "mitochondrion_genome"))
_TRANSCRIPT = re.compile(r"(ENS[A-Z]*T\d+)\.\d+")

_log = logging.getLogger(__name__)


class Interval(NamedTuple):
    """A row of a BED file or table, 0-based half-open; ``where`` is ``file:line``; without a name ``name`` is empty."""

    chrom: str
    start: int
    end: int
    name: str
    strand: str
    where: str

    @property
    def length(self) -> int:
        """Count its bases."""
        return self.end - self.start

    @property
    def place(self) -> str:
        """Write the interval down, as ``bedtools getfasta -s`` does."""
        return f"{self.chrom}:{self.start}-{self.end}({self.strand})"

    def widened(self, width: int | None) -> "Interval":
        """Extend it to ``width`` bases; where both sides cannot get equally many, the right one gets one more.

        Its start may become negative. A longer one stays as it is, and any does for ``None``.

        >>> Interval("1", 10, 13, "", "+", "").widened(8).place
        '1:8-16(+)'
        """
        if width is None or self.length > width:
            return self
        start = self.start - (width - self.length) // 2
        return self._replace(start=start, end=start + width)


class Cut(NamedTuple):
    """What was read of a genome.

    Attributes:
        sequences: the letters A, C, G, T and ``N`` of every interval; of one that was widened past an end, none.
        contigs: the intervals' contig -> the genome's name for it.
    """

    sequences: list[str]
    contigs: dict[str, str]


def read_bed(path: PathLike) -> Iterator[Interval]:
    """Stream a BED file of three columns and more, split by tabs or spaces; without a strand they are forward.

    Raises:
        MalformedLine: a line has fewer than three columns, or coordinates or a strand that make no sense.
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


class Table(NamedTuple):
    """A table of text: the names in its header, and its rows, each with ``file:line``."""

    names: list[str]
    rows: Iterator[tuple[str, list[str]]]

    @property
    def has_intervals(self) -> bool:
        """Whether its rows are intervals: it has columns ``start``, ``end`` and one of :data:`CONTIG_COLUMNS`."""
        return {"start", "end"} <= set(self.names) and any(name in self.names for name in CONTIG_COLUMNS)

    def interval(self, cells: Sequence[str], where: str) -> Interval:
        """Read the interval of a row; without a column ``strand``, or where that is empty, it is forward.

        Raises:
            MalformedLine: coordinates make no sense.
            BadTable: the contig is empty.
        """
        cell = dict(zip(self.names, cells, strict=True))
        chrom = next(cell[name] for name in CONTIG_COLUMNS if name in cell)
        if not chrom:
            raise BadTable("the contig is empty", where=where)
        return _interval(chrom, cell["start"], cell["end"], "", cell.get("strand", ""), where)


@contextmanager
def open_table(path: PathLike) -> Iterator[Table]:
    """Open a table with a header; a tab, comma, semicolon or ``|`` parts its cells. Blank lines are passed over.

    Raises:
        BadTable: it has no header, is no text, or a row has another number of cells than the header.
    """
    previous = csv.field_size_limit(_LONGEST_CELL)
    try:
        with open_text(path) as handle:
            names, separator = _header(handle.readline())
            if not any(names):
                raise BadTable("the first line is empty, and a header is wanted", where=f"{path}:1")
            yield Table(names, _rows(path, csv.reader(handle, delimiter=separator), len(names)))
    except csv.Error as error:
        raise BadTable(f"this is no table of text ({error})", where=path) from error
    finally:
        csv.field_size_limit(previous)


def is_interval_table(path: PathLike) -> bool:
    """Whether a file begins with the header of a table of intervals; a BED file does not."""
    with open_text(path) as handle:
        return Table(_header(handle.readline())[0], iter(())).has_intervals


def cut_intervals(contigs: Iterable[Contig], intervals: Sequence[Interval], width: int | None = None) -> Cut:
    """Read the letters of every interval, in the order of ``intervals``.

    A contig that the genome has under another spelling alone is taken, and a line says so: with or without ``chr``, one
    of the names of a mitochondrion (``MT``, ``chrM``, …), an Ensembl transcript with or without its version.

    Args:
        contigs: the genome.
        intervals: at most ``width`` wide.
        width: extend them to so many bases first, see :meth:`Interval.widened`.

    Raises:
        MalformedLine: an interval passes its contig's end.
        ContigMismatch: an interval's contig is not in the genome, or two contigs there could be meant.
    """
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, interval in enumerate(intervals):
        rows_of[interval.chrom].append(row)
    alike: dict[str, list[str]] = defaultdict(list)
    for name in rows_of:
        alike[_spelling(name)].append(name)
    sequences = [""] * len(intervals)
    found: dict[str, list[str]] = defaultdict(list)
    faults: dict[str, MalformedLine] = {}
    names = []
    for contig in contigs:
        names.append(contig.name)
        for name in alike.get(_spelling(contig.name), ()):
            if name == contig.name:
                # Whatever stood there under another spelling was not meant.
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
        # The reader builds the next contig while this name is still bound: let go of it first.
        del contig
    _check_found({name: intervals[rows[0]] for name, rows in rows_of.items()}, found, names)
    for fault in faults.values():
        raise fault
    return Cut(sequences, {name: found[name][0] for name in rows_of})


def _interval(chrom: str, first: str, last: str, name: str, strand: str, where: str) -> Interval:
    """Read coordinates, and check them."""
    start, end = whole_number(first, "start", where), whole_number(last, "end", where)
    if start >= end:
        raise MalformedLine(f"the start {start} is not before the end {end}", where=where)
    if strand not in STRANDS:
        raise MalformedLine(f"the strand '{strand}' is unknown", where=where, hint="write + or -, or . for none")
    return Interval(chrom, start, end, name, STRANDS[strand], where)


def _header(line: str) -> tuple[list[str], str]:
    """Part the first line of a table; gives its names, and what parts them."""
    separator = next((sign for sign in "\t,;|" if sign in line), ",")
    return [name.strip() for name in next(csv.reader([line], delimiter=separator), [])], separator


def _rows(path: PathLike, reader: "Iterator[list[str]]", width: int) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows of a table behind its header, each with its line; cells lose the spaces around them."""
    for cells in reader:
        if not cells:
            continue
        where = f"{path}:{reader.line_num + 1}"  # type: ignore[attr-defined]
        if len(cells) != width:
            raise BadTable(f"{len(cells)} cells, and the header has {width}", where=where)
        yield where, [cell.strip() for cell in cells]


def _spelling(name: str) -> str:
    """Reduce a contig's name to what Ensembl's and UCSC's spellings have in common.

    >>> _spelling("chr2L"), _spelling("2L"), _spelling("chrM"), _spelling("Mito"), _spelling("ENST00000371014.5")
    ('2L', '2L', 'MT', 'MT', 'ENST00000371014')
    """
    transcript = _TRANSCRIPT.fullmatch(name)
    if transcript is not None:
        return transcript.group(1)
    bare = name[3:] if name.startswith(("chr", "Chr")) and len(name) > 3 else name
    return "MT" if bare in _MITOCHONDRION else bare


def _letters(contig: Contig, interval: Interval, width: int | None) -> str:
    """Read one interval; what was widened past an end has no letters."""
    if interval.end > len(contig.sequence):
        raise MalformedLine(
            f"the end {interval.end} is past contig '{contig.name}', which has {len(contig.sequence)} bases",
            where=interval.where,
            hint="take the genome that these intervals were made for",
        )
    start, end = interval.widened(width)[1:3]
    if start < 0 or end > len(contig.sequence):
        return ""
    letters = only_bases(contig.sequence[start:end])
    return (reverse_complement(letters) if interval.strand == "-" else letters).decode("ascii")


def _check_found(first: dict[str, Interval], found: dict[str, list[str]], names: Sequence[str]) -> None:
    """Refuse contigs that the genome lacks, or has twice; say which have other names there.

    Args:
        first: each contig of the intervals, with the first of them.
        found: what the genome calls it.
        names: all contigs of the genome.
    """
    other = [(name, found[name][0]) for name in first if found[name] and found[name][0] != name]
    for name, interval in first.items():
        if len(found[name]) == 1:
            continue
        what = f"'{name}' is not in the genome, which has {some(found[name] or names)}"
        raise ContigMismatch(what, where=interval.where, hint="name contigs as in the genome")
    if other:
        shown = some([f"'{name}' is '{there}'" for name, there in other])
        _log.info("contigs have other names in the genome: %s", shown)
