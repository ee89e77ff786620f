"""Recognise files of other formats by their first bytes, to say what they are and how to convert them.

In: the first bytes of a file. Out: a name and a hint for an error message.
"""

import re
import shlex
from typing import NamedTuple

from kanseq.io.files import PathLike, free_name

_ENDING = re.compile(
    r"(?:\.(?:fa|fna|fasta|2bit|gb|gbk|gbff|embl|fq|fastq|txt))?(?:\.(?:b?gz|xz|bz2|zst|Z))?$", re.IGNORECASE
)

_TAR = slice(257, 262)
"""Position of the signature of a tar archive."""


class FileKind(NamedTuple):
    """A file format: its name, and how to convert it; ``{path}`` and ``{new}`` stand for quoted names of files."""

    name: str
    advice: str

    def hint(self, path: PathLike) -> str:
        """Return the advice for a file; a command in it writes a file that does not exist yet."""
        return in_command(self.advice, path)


_BINARY = {
    b"\xfd7zXZ\0": FileKind("a file compressed with xz", "unpack it: xz -dc {path} > {new}"),
    b"BZh": FileKind("a file compressed with bzip2", "unpack it: bzip2 -dc {path} > {new}"),
    b"PK\x03\x04": FileKind("a zip archive", "unpack it: unzip {path}"),
    b"\x28\xb5\x2f\xfd": FileKind("a file compressed with zstd", "unpack it: zstd -dc {path} > {new}"),
    b"7z\xbc\xaf\x27\x1c": FileKind("a 7z archive", "unpack it: 7z x {path}"),
    b"\x1f\x9d": FileKind("a file compressed with compress", "unpack it: gzip -dc {path} > {new}"),
    b"\x1f\x8b": FileKind("a file compressed with gzip twice", "unpack it once: gzip -dc {path} > {new}"),
    b"\x43\x27\x41\x1a": FileKind("a 2bit file", "convert it: twoBitToFa {path} {new}"),
    b"\x1a\x41\x27\x43": FileKind("a 2bit file", "convert it: twoBitToFa {path} {new}"),
    b"BAM\1": FileKind("a BAM file", "it contains alignments; provide the sequences as FASTA"),
    b"CRAM": FileKind("a CRAM file", "it contains alignments; provide the sequences as FASTA"),
    b"PAR1": FileKind("a Parquet file", "provide the sequences as FASTA"),
    b"%PDF": FileKind("a PDF document", "provide a text file"),
    b"{\\rtf": FileKind("a rich text document", "save it as plain text"),
    b"\xff\xfe": FileKind("text in UTF-16", "convert it: iconv -f UTF-16 -t UTF-8 {path} > {new}"),
    b"\xfe\xff": FileKind("text in UTF-16", "convert it: iconv -f UTF-16 -t UTF-8 {path} > {new}"),
}

_PAGE = FileKind("a web page", "the download failed or saved a page: download the file itself, and check its address")

_TEXT = {
    b"version https://git-lfs": FileKind("a Git LFS pointer, without the content of the file", "run: git lfs pull"),
    b"<!doctype": _PAGE,
    b"<html": _PAGE,
    b"<?xml": FileKind("an XML file", "the download failed, or the file has another format"),
    b'{"': FileKind("a JSON file", "the download failed, or the file has another format"),
    b"locus  ": FileKind("a GenBank file", "convert it: seqret genbank::{path} fasta::{new} (EMBOSS)"),
    b"id   ": FileKind("an EMBL file", "convert it: seqret embl::{path} fasta::{new} (EMBOSS)"),
    b"@hd\t": FileKind("a SAM file", "it contains alignments; provide the sequences as FASTA"),
    b"@sq\t": FileKind("a SAM file", "it contains alignments; provide the sequences as FASTA"),
    b"@": FileKind("a FASTQ file", "it contains reads; to convert reads to FASTA: seqtk seq -A {path} > {new}"),
}


def in_command(text: str, path: PathLike) -> str:
    """Replace ``{path}`` by the quoted path, and ``{new}`` by the quoted name of a new FASTA file next to it."""
    new = free_name(f"{_ENDING.sub('', str(path))}.new.fa")
    return text.replace("{path}", shlex.quote(str(path))).replace("{new}", shlex.quote(str(new)))


def kind_of(head: bytes) -> FileKind | None:
    """Return the format of a file, from its first bytes; None if it is not among those that are mistaken for others.

    >>> kind_of(b"BZh91AY").name, kind_of(b"<!DOCTYPE html>").name, kind_of(b">1\\nACGT\\n")
    ('a file compressed with bzip2', 'a web page', None)
    """
    if head[_TAR] == b"ustar":
        return FileKind("a tar archive", "unpack it: tar -xf {path}")
    text = head[:100].lstrip().lower()
    found = [kind for start, kind in _BINARY.items() if head.startswith(start)]
    found += [kind for start, kind in _TEXT.items() if text.startswith(start)]
    return found[0] if found else None
