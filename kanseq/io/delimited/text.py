"""Decode text files of spreadsheets and other programs. In: a path. Out: its text, with ``\\n`` as the line end."""

import codecs
import logging
import re
import sys

from kanseq.errors import TruncatedFile
from kanseq.io.files import STDOUT, PathLike, open_bytes

_BINARY = {
    b"PK\x03\x04": ("an Excel or OpenDocument workbook", "save the sheet as CSV (UTF-8) or as tab-separated text"),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "save the sheet as CSV (UTF-8) or as tab-separated text"),
    b"PAR1": ("a Parquet file", "write the table as tab-separated text"),
    b"\x89HDF": ("an HDF5 file", "write the table as tab-separated text"),
    b"RDX": ("an R data file", "write the table with write.table(x, sep='\\t')"),
    b"X\n\x00": ("an R data file", "write the table with write.table(x, sep='\\t')"),
    b"%PDF": ("a PDF document", "write the table as tab-separated text"),
    b"{\\rtf": ("an RTF document", "save it as plain text"),
}
"""First bytes of files that are not text: what they are, and what to do."""

_FIRST = 2**22
"""Number of bytes in which the first rows of a table are searched."""

_INVISIBLE = "\u200b\u2060\ufeff"
"""Characters without a width."""

_log = logging.getLogger(__name__)


def read_text(path: PathLike) -> str:
    """Read a plain or gzip file as text; ``-`` is standard input.

    The encodings are UTF-8, UTF-16 (Excel's "Unicode text") and, with a warning, Windows-1252. Line ends of Windows and
    of old Macs (a carriage return) become ``\\n``.

    Raises:
        MissingFile, TruncatedFile: as for :func:`kanseq.io.files.open_bytes`, or the file is not text.
    """
    if str(path) == STDOUT:
        binary = getattr(sys.stdin, "buffer", None)
        content = binary.read() if binary is not None else sys.stdin.read().encode()
    else:
        with open_bytes(path) as handle:
            content = handle.read()
    text = _decode(content, path)
    text = re.sub("\r\n?", "\n", text) if "\r" in text else text
    # Web pages and PDF documents have characters without a width between the letters of names.
    return text.translate(dict.fromkeys(map(ord, _INVISIBLE))) if any(mark in text for mark in _INVISIBLE) else text


def read_first_text(path: PathLike) -> str:
    """Read the first lines of a file as text, at most 4 MiB; warn of nothing, because the file will be read again.

    Raises:
        MissingFile, TruncatedFile: as for :func:`read_text`.
    """
    with open_bytes(path) as handle:
        content = handle.read(_FIRST)
    _check_text(content, path)
    decoder = codecs.getincrementaldecoder(_encoding(content))()
    try:
        text = decoder.decode(content)
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    text = re.sub("\r\n?", "\n", text)
    return text if len(content) < _FIRST else text[: text.rfind("\n") + 1]


def _decode(content: bytes, path: PathLike) -> str:
    """Decode the bytes of a file; ``path`` is for messages."""
    _check_text(content, path)
    encoding = _encoding(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig" or b"\x00" in content:
            raise TruncatedFile("this is not a text file", where=path, hint="save it as text in UTF-8") from error
        line = content.count(b"\n", 0, error.start) + 1
    _log.warning("%s:%d: not UTF-8; the file is read as Windows-1252, as written by spreadsheets", path, line)
    return content.decode("cp1252", errors="replace")


def _check_text(content: bytes, path: PathLike) -> None:
    """Raise TruncatedFile if the first bytes of a file are those of a workbook or another binary file."""
    for start, (what, hint) in _BINARY.items():
        if content.startswith(start):
            raise TruncatedFile(f"this is {what}, not a text table", where=path, hint=hint)


def _encoding(content: bytes) -> str:
    """Determine the encoding of a file by its first bytes: a byte order mark, or the zeros of UTF-16."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    start = content[:200]
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros = start[first::2].count(b"\x00")
        if zeros > len(start) // 4 and start[1 - first :: 2].count(b"\x00") == 0:
            return encoding
    return "utf-8-sig"
