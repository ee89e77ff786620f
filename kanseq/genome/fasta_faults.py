"""Describe what is wrong with a FASTA file, with line numbers; files are read a second time only for a message.

In: a path and what was found in the file. Out: errors to raise.
"""

import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from kanseq.errors import MalformedLine
from kanseq.io.file_kinds import in_command, kind_of
from kanseq.io.files import PathLike, open_bytes

IUPAC = b"ACGTURYSWKMBDHVNX"
LETTERS = IUPAC + b"-."
UPPER = bytes(range(256)).upper()
SPACE = b"\n\r \t"

_log = logging.getLogger(__name__)

_BOM = b"\xef\xbb\xbf"
_PROTEIN = 0.7
"""A contig of which a smaller share is A, C, G, T, U or N may be a protein."""


class _Stray(NamedTuple):
    """Letters of a contig that are not nucleotide codes.

    Attributes:
        line: number of the line with the first of them.
        text: that line, from the first of them on.
        before: that line, up to it.
        count: how many there are.
        acgt, bases, total: how many letters of the contig are A, C, G or T; are these, U or N; are there.
    """

    line: int
    text: bytes
    before: bytes
    count: int
    acgt: int
    bases: int
    total: int


def unknown_letters(sequence: bytes) -> bytes:
    """Return the letters of ``sequence`` (upper case) that are neither IUPAC nucleotide codes nor ``X`` nor gaps.

    >>> unknown_letters(b"ACGTRN-")
    b''
    >>> unknown_letters(b"MKLV*")
    b'L*'
    """
    return sequence.translate(None, LETTERS)


def check_head(path: PathLike, head: bytes) -> None:
    """Check the first bytes of a file that should be FASTA.

    Raises:
        MalformedLine: it is a file of another format, or its only line ends are carriage returns.
    """
    kind = kind_of(head)
    if kind is not None:
        raise MalformedLine(f"this is {kind.name}, and not a FASTA file", where=path, hint=kind.hint(path))
    if b"\r" in head and b"\n" not in head:
        raise MalformedLine(
            "the lines end in carriage returns only, as on old Macintosh computers", where=path, hint=_line_ends(path)
        )


def check_lead(path: PathLike, lead: bytes) -> None:
    """Check the text before the first header: blank lines and comments, which begin with ``;``.

    Raises:
        MalformedLine: there is other text; the message has its line.
    """
    for number, line in enumerate(map(bytes.strip, lead.split(b"\n")), 1):
        if line and not line.startswith(b";"):
            hint = "provide a FASTA file"
            if b"\t" in line or line.startswith(b"#"):
                is_index = len(line.split(b"\t")) == 5 and all(cell.isdigit() for cell in line.split(b"\t")[1:])
                table = "the genome comes first, then the annotation"
                hint = "this is an index (.fai): provide the FASTA file itself" if is_index else table
            elif not unknown_letters(line.translate(UPPER, SPACE)):
                hint = "provide a FASTA file: a line with '>' and a name is missing above the sequence"
            raise MalformedLine("text before the first '>'", where=f"{path}:{number}", hint=hint)


def check_header(path: PathLike, header: bytes) -> None:
    """Raise MalformedLine if a header has a carriage return within it, and thus sequence lines."""
    if b"\r" in header.rstrip(b"\r\n"):
        name = header[1:].split(None, 1)[0].decode("utf-8", "replace") if header[1:].split() else ""
        raise MalformedLine(
            f"carriage returns within the header of contig '{name}'", where=_at(path, name), hint=_line_ends(path)
        )


def nameless(path: PathLike, number: int) -> MalformedLine:
    """Return the error for a header without a name; ``number`` counts contigs from 1."""
    lines = [line for line, name in _headers(path) if not name]
    where = f"{path}:{lines[0]}" if lines else path
    return MalformedLine(f"contig number {number} has no name after its '>'", where=where)


def repeated(path: PathLike, name: str) -> MalformedLine:
    """Return the error for two contigs of the same name."""
    lines = [line for line, other in _headers(path) if other == name][:2]
    where = f"{path}:{lines[-1]}" if lines else path
    first = f" (the first one in line {lines[0]})" if lines else ""
    return MalformedLine(f"two contigs are named '{name}'{first}", where=where, hint="rename or remove one of them")


def empty(path: PathLike, name: str) -> MalformedLine:
    """Return the error for a contig without letters."""
    hint = "is the file complete? if it is, remove this header"
    return MalformedLine(f"contig '{name}' has no letters", where=_at(path, name), hint=hint)


def stray_letters(path: PathLike, name: str, unknown: bytes) -> MalformedLine:
    """Return the error for a contig with letters that are not nucleotide codes, such as ``unknown``."""
    stray = _find_stray(path, name)
    if stray is None:
        what = f"contig '{name}' has the letter {chr(unknown[0])!r}, which is not a nucleotide code"
        return MalformedLine(what, where=path, hint="is this a protein FASTA?")
    where, shown = f"{path}:{stray.line}", stray.text.decode("utf-8", "replace")[0]
    if shown == "\ufeff":
        hint = "files were joined: remove the byte order mark (U+FEFF) in this line"
        return MalformedLine(f"a byte order mark within contig '{name}'", where=where, hint=hint)
    if shown == ">":
        return MalformedLine(f"'>' within a line of contig '{name}'", where=where, hint=_join_hint(path, stray))
    share = math.floor(10_000 * stray.acgt / stray.total) / 100
    counts = f"letters that are no codes: {stray.count:,}; A, C, G or T: {share:g} % of {stray.total:,}"
    what = f"contig '{name}' has the letter {shown!r}, which is not a nucleotide code"
    return MalformedLine(what, where=where, hint=f"{_letter_hint(stray, shown)} ({counts})")


def warn_of_gaps(path: PathLike, gaps: Mapping[str, int]) -> None:
    """Log the number of gap letters in contigs, and the line of the first one; ``gaps`` maps contigs to numbers."""
    name = next(iter(gaps))
    inside, where = False, str(path)
    for number, line in _lines(path):
        if line.startswith(b">"):
            inside = _first_word(line) == name
        elif inside and (b"-" in line or b"." in line):
            where = f"{path}:{number}"
            break
    _log.warning(
        "%s: contig '%s' has a gap letter ('-' or '.'); %s in %d contigs are read as N",
        where,
        name,
        f"{sum(gaps.values()):,}",
        len(gaps),
    )


def _line_ends(path: PathLike) -> str:
    """Return how to convert carriage returns to line feeds."""
    is_gzip = str(path).endswith("gz")
    convert = "gzip -dc {path} | tr '\\r' '\\n' > {new}" if is_gzip else "tr '\\r' '\\n' < {path} > {new}"
    return f"convert the line ends: {in_command(convert, path)}"


def _join_hint(path: PathLike, stray: _Stray) -> str:
    """Return how to fix a ``>`` that is not at the start of its line."""
    if b"\r" in stray.before:
        return f"some lines end in carriage returns only; {_line_ends(path)}"
    if not stray.before.strip():
        return "remove the spaces before '>'"
    return "two files were joined without a line break: insert one before '>'"


def _letter_hint(stray: _Stray, shown: str) -> str:
    """Return how to fix a letter that is not a nucleotide code."""
    if stray.bases < _PROTEIN * (stray.total - (stray.count if shown.isdigit() else 0)):
        return "is this a protein FASTA?"
    if shown.isdigit():
        return "the lines are numbered, as in GenBank files: remove the numbers"
    if shown == ";":
        return "remove comments"
    if shown == "\0":
        return "the file is damaged: fetch it again"
    return f"replace {'it' if stray.count == 1 else 'them'} with N, or remove this contig"


def _find_stray(path: PathLike, name: str) -> _Stray | None:
    """Find the letters of a contig that are not nucleotide codes; None if the file cannot be read a second time."""
    first, count, acgt, bases, total, inside = None, 0, 0, 0, 0, False
    for number, line in _lines(path):
        if line.startswith(b">"):
            if inside:
                break
            inside = _first_word(line) == name
        elif inside:
            letters = line.translate(UPPER, SPACE)
            total += len(letters)
            four = sum(letters.count(base) for base in b"ACGT")
            acgt += four
            bases += four + letters.count(b"N") + letters.count(b"U")
            if unknown := unknown_letters(letters):
                count += len(unknown)
                at = line.upper().index(unknown[:1])
                first = first or (number, line[at:], line[:at])
    return None if first is None else _Stray(*first, count, acgt, bases, total)


def _at(path: PathLike, name: str) -> str | PathLike:
    """Return ``file:line`` of the header of a contig, or the path if the file cannot be read a second time."""
    return next((f"{path}:{number}" for number, other in _headers(path) if other == name), path)


def _headers(path: PathLike) -> Iterator[tuple[int, str]]:
    """Yield the line number and the first word of every header."""
    return ((number, _first_word(line)) for number, line in _lines(path) if line.startswith(b">"))


def _lines(path: PathLike) -> Iterator[tuple[int, bytes]]:
    """Yield the numbered lines of a file; none if it is a pipe, which cannot be read a second time."""
    if Path(path).is_file():
        with open_bytes(path) as handle:
            yield from enumerate(handle, 1)


def _first_word(header: bytes) -> str:
    """Return the name in a header line; empty if there is none."""
    return header[1:].split(None, 1)[0].decode("utf-8", "replace") if header[1:].split(None, 1) else ""
