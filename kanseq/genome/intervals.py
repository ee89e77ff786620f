"""Stretches of a genome that a BED file names, and their letters.

In: BED, FASTA. Out: 0-based half-open intervals, and a sequence for each, in the direction of its strand.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kanseq.errors import ContigMismatch, MalformedLine
from kanseq.files import PathLike, open_text, some
from kanseq.genome.fasta import Contig, only_bases, reverse_complement
from kanseq.genome.rows import whole_number

_NOT_ROWS = ("#", "track", "browser")


class Interval(NamedTuple):
    """A row of a BED file, 0-based half-open; ``where`` is ``file:line``; ``name`` is empty where there is none."""

    chrom: str
    start: int
    end: int
    name: str
    strand: str
    where: str

    @property
    def place(self) -> str:
        """Write the interval down, as ``bedtools getfasta -s`` does."""
        return f"{self.chrom}:{self.start}-{self.end}({self.strand})"


def read_bed(path: PathLike) -> Iterator[Interval]:
    """Stream a BED file of three columns and more, split by tabs or spaces; a strand other than ``-`` is ``+``.

    Raises:
        MalformedLine: a line has fewer than three columns, or coordinates that make no sense.
    """
    with open_text(path) as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip() or line.startswith(_NOT_ROWS):
                continue
            where = f"{path}:{number}"
            columns = [column.strip() for column in (line.split("\t") if "\t" in line else line.split())]
            if len(columns) < 3:
                raise MalformedLine(f"too few columns ({len(columns)})", where=where, mend="BED has at least 3")
            start, end = whole_number(columns[1], "start", where), whole_number(columns[2], "end", where)
            if start >= end:
                raise MalformedLine(f"the start {start} is not before the end {end}", where=where)
            name = columns[3] if len(columns) > 3 and columns[3] != "." else ""
            strand = "-" if len(columns) > 5 and columns[5] == "-" else "+"
            yield Interval(columns[0], start, end, name, strand, where)


def cut_intervals(contigs: Iterable[Contig], intervals: Sequence[Interval]) -> list[str]:
    """Read the letters A, C, G, T and ``N`` of every interval, in the order of ``intervals``.

    Raises:
        MalformedLine: an interval passes its contig's end.
        ContigMismatch: an interval's contig is not in the genome.
    """
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, interval in enumerate(intervals):
        rows_of[interval.chrom].append(row)
    sequences = [""] * len(intervals)
    names = []
    for contig in contigs:
        names.append(contig.name)
        for row in rows_of.pop(contig.name, ()):
            interval = intervals[row]
            if interval.end > len(contig.sequence):
                raise MalformedLine(
                    f"the end {interval.end} is past contig '{contig.name}', which has {len(contig.sequence)} bases",
                    where=interval.where,
                    mend="take the genome that these intervals were made for",
                )
            letters = only_bases(contig.sequence[interval.start : interval.end])
            letters = reverse_complement(letters) if interval.strand == "-" else letters
            sequences[row] = letters.decode("ascii")
        # The reader builds the next contig while this name is still bound: let go of it first.
        del contig
    if rows_of:
        first = intervals[min(min(rows) for rows in rows_of.values())]
        raise ContigMismatch(
            f"'{first.chrom}' is not in the genome, which has {some(names)}",
            where=first.where,
            mend="name contigs as in the genome",
        )
    return sequences
