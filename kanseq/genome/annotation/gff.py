"""Stream the rows of a GTF or GFF3 file; only requested rows are parsed, but every line is counted and checked.

In: plain or gzip text, in any order. Out: rows with 0-based half-open coordinates and their line numbers.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from kanseq.errors import MalformedLine
from kanseq.genome.annotation.attributes import parse_attributes
from kanseq.io.files import PathLike, open_bytes

MOST_DIGITS = 18
"""Maximum number of digits of a coordinate, so that it fits into 64 bits."""

BLOCK = 1 << 20
"""Bytes read at a time; blocks that fit into the processor's cache are fastest."""

GENES = re.compile(rb"ene\t(?<=[Gg]ene\t)")
"""Matches rows whose type ends in ``gene``: gene, pseudogene, ncRNA_gene, Gene, … To search for letters is fast."""

TRANSCRIPTS = re.compile(rb"(?:transcript|RNA|exon|CDS)\t")
"""Matches rows of transcripts (transcript, mRNA, lnc_RNA, …) and of their exons and coding sequences."""

TRANSCRIPTS_ALONE = re.compile(rb"(?:transcript|RNA)\t")
"""Matches rows of transcripts, but not the many rows of their exons and coding sequences."""

ALL = re.compile(rb"^[^#\t\n][^\t\n]*\t[^\t\n]*\t[^\t\n]*\t", re.MULTILINE)
"""Matches every row."""


class Row(NamedTuple):
    """A row of an annotation, 0-based half-open ``[start, end)``; ``attributes`` is column 9, unparsed.

    ``phase`` is column 8: the number of bases at the start of a CDS row that belong to a codon begun in an earlier row
    (0, 1, 2 or a dot). ``source`` is column 2.
    """

    type: str
    contig: str
    start: int
    end: int
    strand: str
    attributes: str
    line: int
    phase: str = "."
    source: str = "."


def read_rows(path: PathLike, wanted: re.Pattern[bytes] = ALL) -> Iterator[Row]:
    """Stream the rows of an annotation whose type (column 3) matches ``wanted``, such as :data:`GENES`.

    The pattern must end with the tab after the type. A ``##FASTA`` section ends the annotation. Coordinates are
    converted to 0-based half-open by :func:`span_of` and nowhere else.

    Raises:
        MissingFile, TruncatedFile: the file is missing, or its compressed stream ends too early.
        MalformedLine: a line has fewer than nine columns, or the coordinates of a requested row are invalid.
    """
    for first, block in _blocks(path):
        counted, line = 0, first
        for match in wanted.finditer(block):
            start = block.rfind(b"\n", 0, match.end()) + 1
            if block.count(b"\t", start, match.end()) != 3 or block.startswith(b"#", start):
                continue
            line += block.count(b"\n", counted, start)
            counted = start
            end = block.find(b"\n", start)
            yield parse_row((block[start:] if end < 0 else block[start:end]).split(b"\t", 8), path, line)


def split_rows(path: PathLike) -> Iterator[tuple[int, list[bytes]]]:
    """Stream all rows as line number and nine columns, unparsed: the fastest way if most rows are needed.

    Raises:
        MissingFile, TruncatedFile, MalformedLine: see :func:`read_rows`; coordinates are not checked.
    """
    for first, block in _blocks(path):
        for line, text in enumerate(block.split(b"\n"), first):
            columns = text.split(b"\t", 8)
            if len(columns) == 9 and columns[0][:1] != b"#":
                if b"\t" in columns[8]:
                    columns[8] = _without_further_columns(columns[8])
                yield line, columns


def parse_row(columns: list[bytes], path: PathLike, line: int) -> Row:
    """Parse the columns of a line and convert its 1-based closed coordinates to 0-based half-open ones.

    Raises:
        MalformedLine: there are fewer than nine columns, or the coordinates are invalid.
    """
    where = f"{path}:{line}"
    if len(columns) < 9:
        raise MalformedLine(
            f"too few columns ({len(columns)})", where=where, hint="GTF and GFF3 have 9, separated by tabs"
        )
    if b"\t" in columns[8]:
        columns = [*columns[:8], _without_further_columns(columns[8])]
    # Decoding once is faster than nine times.
    texts = b"\t".join(columns).decode("utf-8", "replace").split("\t", 8)
    contig, source, kind, first, last, _, strand, phase, attributes = texts
    start, end = span_of(first, last, where)
    return Row(kind, contig, start, end, strand, attributes.rstrip("\r"), line, phase, source)


def span_of(first: str, last: str, where: str) -> tuple[int, int]:
    """Convert 1-based closed coordinates to 0-based half-open ones; ``where`` (``file:line``) is for messages.

    Raises:
        MalformedLine: the coordinates are invalid.
    """
    start, end = whole_number(first, "start", where), whole_number(last, "end", where)
    if start < 1:
        raise MalformedLine("the start is 0, but positions in GTF and GFF3 begin at 1", where=where)
    if start == end + 1:
        raise MalformedLine(
            f"the start {start} is after the end {end}", where=where, hint="the row is empty: remove it"
        )
    if start > end:
        raise MalformedLine(
            f"the start {start} is after the end {end}",
            where=where,
            hint="if the row crosses the origin of a circular contig, add the length of the contig to the end, "
            "otherwise correct the coordinates",
        )
    return start - 1, end


def attributes_of(row: Row) -> dict[str, str]:
    """Parse the attributes of a row, see :func:`kanseq.genome.annotation.attributes.parse_attributes`.

    A name without a key is that of the gene in rows of genes, and that of the transcript in other rows.

    >>> attributes_of(Row("transcript", "1", 0, 9, "+", "g1.t1", 1))
    {'transcript_id': 'g1.t1'}
    """
    return parse_attributes(row.attributes, "gene_id" if is_gene_type(row.type) else "transcript_id")


def is_gene_type(kind: str) -> bool:
    """Return whether a type is that of genes.

    >>> is_gene_type("ncRNA_gene"), is_gene_type("GENE"), is_gene_type("genes")
    (True, True, False)
    """
    return kind[-4:].lower() == "gene"


def whole_number(text: str, name: str, where: str) -> int:
    """Parse a coordinate; the error message includes ``name`` (such as ``start``) and ``where`` (``file:line``).

    Raises:
        MalformedLine: the text has characters other than digits, or too many digits.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise MalformedLine(f"the {name} '{text[: 2 * MOST_DIGITS]}' is not a whole number", where=where)
    return int(text)


def _without_further_columns(text: bytes) -> bytes:
    """Return column 9 without the columns that programs such as bedtools append; quoted values may contain tabs."""
    parts = text.split(b"\t")
    end = next((at for at in range(1, len(parts)) if b"\t".join(parts[:at]).count(b'"') % 2 == 0), len(parts))
    return b"\t".join(parts[:end])


def _blocks(path: PathLike) -> Iterator[tuple[int, bytes]]:
    """Yield blocks of complete lines, each with the line number of its first line; stop at a FASTA section."""
    first = 1
    with open_bytes(path) as handle:
        while block := handle.read(BLOCK):
            if not block.endswith(b"\n"):
                block += handle.readline()
            lines = block.count(b"\n")
            whole = block.endswith(b"\n") and block.count(b"\t") == 8 * lines
            # Eight tabs per line is the common case; only other blocks are checked line by line.
            end = len(block) if whole else _end_of_rows(block, first, path)
            yield first, block[:end]
            if end < len(block):
                return
            first += lines


def _end_of_rows(block: bytes, first: int, path: PathLike) -> int:
    """Check that every row of a block has nine columns; return the offset of a FASTA section or the block's length."""
    at = 0
    for number, line in enumerate(block.split(b"\n"), first):
        if line.count(b"\t") < 8:
            if line.startswith(b"##FASTA") or (line.startswith(b">") and number > 1):
                return at
            if line.strip() and not line.startswith(b"#"):
                columns = line.count(b"\t") + 1
                hint = "GTF and GFF3 have 9, separated by tabs"
                if line.startswith(b">"):
                    hint = "this looks like FASTA: the genome comes first, then the annotation"
                raise MalformedLine(f"too few columns ({columns})", where=f"{path}:{number}", hint=hint)
        at += len(line) + 1
    return len(block)
