"""Read FASTA files one contig at a time, and compute reverse complements.

In: plain, gzip or bgzip FASTA (no index is read or written). Out: contigs with name and sequence (upper-case bytes).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import BinaryIO, NamedTuple

from kanseq.errors import MalformedLine
from kanseq.genome.fasta_faults import (
    IUPAC,
    SPACE,
    UPPER,
    check_head,
    check_header,
    check_lead,
    empty,
    nameless,
    repeated,
    stray_letters,
    unknown_letters,
    warn_of_gaps,
)
from kanseq.io.files import PathLike, open_bytes

BLOCK = 1 << 20
"""Bytes read at a time; blocks that fit into the processor's cache are fastest."""

_COMPLEMENT = bytes.maketrans(IUPAC + IUPAC.lower(), b"TGCAAYRSWMKVHDBNX" * 2)
_NO_BASE = bytes(letter if letter in b"ACGT" else ord("N") for letter in UPPER)


class Contig(NamedTuple):
    """One sequence of a FASTA file: the first word of its header, and its letters in upper case."""

    name: str
    sequence: bytes


def read_contigs(
    path: PathLike, *, wanted: Callable[[str], bool] | None = None, headers: dict[str, str] | None = None
) -> Iterator[Contig]:
    """Stream the contigs of a FASTA file; only one contig is in memory if the caller releases the previous one.

    Letters are converted to upper case; IUPAC codes and ``X`` are kept. Gaps (``-`` and ``.``) are kept too, with a
    warning. Spaces are dropped. Blank lines
    and lines that begin with ``;`` are allowed before the first header.

    Args:
        path: plain, gzip or bgzip.
        wanted: tells by its name whether the caller needs a contig. The letters of all others are not checked.
        headers: a dictionary that gets the header of every contig, without ``>``.

    Raises:
        MissingFile, TruncatedFile: the file is missing, or its compressed stream ends too early.
        MalformedLine: the file is empty or of another format, or a contig has no name, a duplicate name, no letters, or
            letters that are not nucleotide codes.
    """
    name, letters, seen, lead, checked = None, BytesIO(), set[str](), b"", True
    gaps: Counter[str] = Counter()
    for is_header, piece in _pieces(path):
        if not is_header:
            if name is None:
                lead += piece
                check_lead(path, lead)
                continue
            kept = piece.translate(UPPER, SPACE)
            if checked and (unknown := unknown_letters(kept)):
                raise stray_letters(path, name, unknown)
            if checked and (missing := kept.count(b"-") + kept.count(b".")):
                gaps[name] += missing
            letters.write(kept)
            continue
        if name is not None:
            yield _contig(name, letters, path, checked)
        # Release the previous contig before reading the next one.
        letters = BytesIO()
        name = _name(piece, seen, path)
        checked = wanted is None or wanted(name)
        if headers is not None:
            headers[name] = piece[1:].decode("utf-8", "replace").strip()
    if name is None:
        raise MalformedLine("the file has no sequences", where=path, hint="provide a FASTA file")
    if gaps:
        warn_of_gaps(path, gaps)
    yield _contig(name, letters, path, checked)


def read_entries(path: PathLike) -> Iterator[tuple[str, bytes]]:
    """Stream the header (without ``>``) and upper-case letters of each sequence in a FASTA of nucleotides or proteins.

    Raises:
        MissingFile, TruncatedFile: the file is missing, or its compressed stream ends too early.
        MalformedLine: the file is empty or does not begin with ``>``.
    """
    header, letters, lead = None, BytesIO(), b""
    for is_header, piece in _pieces(path):
        if not is_header:
            if header is None:
                lead += piece
                check_lead(path, lead)
                continue
            letters.write(piece.translate(UPPER, SPACE))
            continue
        if header is not None:
            yield header, letters.getvalue()
        header, letters = piece[1:].decode("utf-8", "replace").strip(), BytesIO()
    if header is None:
        raise MalformedLine("the file has no sequences", where=path, hint="provide a FASTA file")
    yield header, letters.getvalue()


def read_headers(path: PathLike) -> Iterator[str]:
    """Stream the header lines of a FASTA file, without their ``>``."""
    for is_header, piece in _pieces(path):
        if is_header:
            yield piece[1:].decode("utf-8", "replace").strip()


def reverse_complement(sequence: bytes) -> bytes:
    """Return the reverse complement in upper case; IUPAC codes are complemented too.

    >>> reverse_complement(b"aacgRN")
    b'NYCGTT'
    """
    return sequence.translate(_COMPLEMENT)[::-1]


def only_bases(sequence: bytes) -> bytes:
    """Return the letters in upper case, with ``N`` for every letter other than A, C, G and T.

    >>> only_bases(b"acRT-n")
    b'ACNTNN'
    """
    return sequence.translate(_NO_BASE)


def _pieces(path: PathLike) -> Iterator[tuple[bool, bytes]]:
    """Yield the content of a FASTA file in order: complete header lines (True) and blocks of sequence lines (False)."""
    with open_bytes(path) as handle:
        check_head(path, handle.peek(1))  # type: ignore[attr-defined]
        line_start = True
        while block := handle.read(BLOCK):
            yield from _split(block, line_start, handle)
            line_start = block.endswith(b"\n") or _ends_in_header(block, line_start)


def _split(block: bytes, line_start: bool, handle: BinaryIO) -> Iterator[tuple[bool, bytes]]:
    """Split a block at headers, as in :func:`_pieces`; the rest of an incomplete header is read from ``handle``."""
    at = 0
    while at < len(block):
        if line_start and block.startswith(b">", at):
            end = block.find(b"\n", at)
            yield True, (block[at:] + handle.readline() if end < 0 else block[at:end])
            at = len(block) if end < 0 else end + 1
            continue
        following = block.find(b"\n>", at)
        end = len(block) if following < 0 else following + 1
        yield False, block[at:end]
        at, line_start = end, True


def _ends_in_header(block: bytes, line_start: bool) -> bool:
    """Return whether the block's last line is a header; :func:`_split` has then already read the rest of that line."""
    last = block.rfind(b"\n") + 1
    return block.startswith(b">", last) and (last > 0 or line_start)


def _name(header: bytes, seen: set[str], path: PathLike) -> str:
    """Return the contig name (first word) in a header line and add it to ``seen``; check that it is present and new."""
    words = header[1:].split(None, 1)
    if not words:
        raise nameless(path, len(seen) + 1)
    check_header(path, header)
    name = words[0].decode("utf-8", "replace")
    if name in seen:
        raise repeated(path, name)
    seen.add(name)
    return name


def _contig(name: str, letters: BytesIO, path: PathLike, checked: bool) -> Contig:
    """Return the contig; raise MalformedLine if it has no letters, and ``checked`` is True."""
    if checked and not letters.tell():
        raise empty(path, name)
    # getvalue() returns the buffer without a copy.
    return Contig(name, letters.getvalue())
