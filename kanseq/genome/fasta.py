"""Read FASTA files one contig at a time, and compute reverse complements.

In: plain, gzip or bgzip FASTA (no index is read or written). Out: contigs with name and sequence (upper-case bytes).
"""

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, NamedTuple

from kanseq.errors import MalformedLine
from kanseq.io.files import PathLike, open_bytes

BLOCK = 1 << 20
"""Bytes read at a time; blocks that fit into the processor's cache are fastest."""

_IUPAC = b"ACGTURYSWKMBDHVNX"
_COMPLEMENT = bytes.maketrans(_IUPAC + _IUPAC.lower(), b"TGCAAYRSWMKVHDBNX" * 2)
_UPPER = bytes(range(256)).upper()
_NO_BASE = bytes(letter if letter in b"ACGT" else ord("N") for letter in _UPPER)
_SPACE = b"\n\r \t"
_LETTERS = _IUPAC + b"-."


class Contig(NamedTuple):
    """One sequence of a FASTA file: the first word of its header, and its letters in upper case."""

    name: str
    sequence: bytes


def read_contigs(path: PathLike) -> Iterator[Contig]:
    """Stream the contigs of a FASTA file; only one contig is in memory if the caller releases the previous one.

    Letters are converted to upper case (IUPAC codes, ``X``, ``-`` and ``.`` are kept); spaces are dropped.

    Raises:
        MissingFile, TruncatedFile: the file is missing, or its compressed stream ends too early.
        MalformedLine: the file is empty, does not begin with ``>``, or a contig has no name, a duplicate name, no
            letters, or letters that are not nucleotide codes.
    """
    name, letters, seen = None, BytesIO(), set[str]()
    for is_header, piece in _pieces(path):
        if not is_header:
            if name is None:
                if piece.strip():
                    raise _not_fasta(path, piece)
                continue
            letters.write(_checked(piece.translate(_UPPER, _SPACE), name, path))
            continue
        if name is not None:
            yield _contig(name, letters, path)
        # Release the previous contig before reading the next one.
        letters = BytesIO()
        name = _name(piece, seen, path)
    if name is None:
        raise MalformedLine("the file has no sequences", where=path, hint="provide a FASTA file")
    yield _contig(name, letters, path)


def read_entries(path: PathLike) -> Iterator[tuple[str, bytes]]:
    """Stream the header (without ``>``) and upper-case letters of each sequence in a FASTA of nucleotides or proteins.

    Raises:
        MissingFile, TruncatedFile: the file is missing, or its compressed stream ends too early.
        MalformedLine: the file is empty or does not begin with ``>``.
    """
    header, letters = None, BytesIO()
    for is_header, piece in _pieces(path):
        if not is_header:
            if header is None and piece.strip():
                raise _not_fasta(path, piece)
            letters.write(piece.translate(_UPPER, _SPACE))
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


def unknown_letters(sequence: bytes) -> bytes:
    """Return the letters of ``sequence`` (upper case) that are neither IUPAC nucleotide codes nor ``X`` nor gaps.

    >>> unknown_letters(b"ACGTRN-")
    b''
    >>> unknown_letters(b"MKLV*")
    b'L*'
    """
    return sequence.translate(None, _LETTERS)


def _pieces(path: PathLike) -> Iterator[tuple[bool, bytes]]:
    """Yield the content of a FASTA file in order: complete header lines (True) and blocks of sequence lines (False)."""
    with open_bytes(path) as handle:
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
        raise MalformedLine(f"contig number {len(seen) + 1} has no name after its '>'", where=path)
    name = words[0].decode("utf-8", "replace")
    if name in seen:
        raise MalformedLine(f"two contigs are named '{name}'", where=path, hint="rename or remove one of them")
    seen.add(name)
    return name


def _contig(name: str, letters: BytesIO, path: PathLike) -> Contig:
    """Return the contig; raise MalformedLine if it has no letters."""
    if not letters.tell():
        raise MalformedLine(f"contig '{name}' has no letters", where=path, hint="is the file complete?")
    # getvalue() returns the buffer without a copy.
    return Contig(name, letters.getvalue())


def _checked(letters: bytes, name: str, path: PathLike) -> bytes:
    """Return the letters, or raise MalformedLine if some are not nucleotide codes."""
    if unknown := unknown_letters(letters):
        shown = chr(unknown[0])
        raise MalformedLine(
            f"contig '{name}' has the letter {shown!r}, which is not a nucleotide code",
            where=path,
            hint="is this a protein FASTA?",
        )
    return letters


def _not_fasta(path: PathLike, text: bytes) -> MalformedLine:
    """Return the error for a file whose first line is not a header."""
    blank = len(text) - len(text.lstrip())
    line = text.count(b"\n", 0, blank) + 1
    is_table = b"\t" in text.lstrip().split(b"\n", 1)[0] or text.lstrip().startswith(b"#")
    hint = "the genome comes first, then the annotation" if is_table else "provide a FASTA file"
    return MalformedLine("text before the first '>'", where=f"{path}:{line}", hint=hint)
