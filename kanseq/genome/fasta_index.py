"""Check that an index (``.fai``, for bgzip also ``.gzi``) belongs to a FASTA file.

In: the file and its index. Out: a bool. With a damaged index, or the index of another file, the wrong letters would be
read.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

_ReadAt = Callable[[int, int], bytes]

_LONGEST_HEADER = 1 << 20
"""Maximum number of bytes of a header line."""

_LONGEST_BLOCK = 1 << 16
"""Maximum number of bytes of an uncompressed bgzip block (SAM specification, section 4.1)."""


class _IndexRow(NamedTuple):
    """A row of a ``.fai`` index (see ``samtools faidx``); offsets and sizes refer to the uncompressed file."""

    name: str
    length: int
    offset: int
    width: int
    bytes: int

    @property
    def line_end(self) -> int:
        """Number of bytes of a line break."""
        return self.bytes - self.width

    @property
    def end(self) -> int:
        """Offset of the end of the contig's last line."""
        lines = -(-self.length // self.width) if self.width else 0
        return self.offset + self.length + lines * self.line_end


def is_of(fasta: Path, fai: Path, gzi: Path | None = None) -> bool:
    """Return whether an index belongs to a FASTA file: it locates every contig of the file correctly.

    Args:
        fasta: plain, or bgzip if there is a ``gzi``.
        fai: offsets of the contigs.
        gzi: offsets of the bgzip blocks.
    """
    try:
        rows = [_row(line) for line in fai.read_text(encoding="utf-8").splitlines()]
        with _plain(fasta) if gzi is None else _bgzip(fasta, gzi) as read_at:
            return _names_all(rows, read_at)
    except (OSError, ValueError, struct.error):
        # An unreadable file is not a valid index.
        return False


def _row(line: str) -> _IndexRow:
    """Parse a row of a ``.fai`` file.

    Raises:
        ValueError: the columns are invalid.
    """
    name, *numbers = line.split("\t")
    length, offset, width, wide = map(int, numbers)
    if min(length, offset, width, wide - width) < 0 or (length and not width):
        raise ValueError(line)
    return _IndexRow(name, length, offset, width, wide)


def _names_all(rows: list[_IndexRow], read_at: _ReadAt) -> bool:
    """Return whether an index fits a file.

    It fits if each contig follows a header line with its name, and nothing follows the last contig.
    """
    position = 0
    for row in rows:
        if not 0 < row.offset - position <= _LONGEST_HEADER:
            return False
        header = read_at(position, row.offset - position).lstrip(b"\r\n")
        named = header.startswith(b">") and header[1:].split(maxsplit=1)[:1] == [row.name.encode()]
        if not named or header.find(b"\n") != len(header) - 1:
            return False
        position = row.end
    if not rows:
        return False
    # The last line may end without a line break.
    rest = read_at(max(position - rows[-1].line_end - 1, 0), _LONGEST_HEADER)
    return bool(rest) and not rest[1:].strip()


@contextmanager
def _plain(fasta: Path) -> Iterator[_ReadAt]:
    """Yield a function ``(start, count)`` that reads bytes of an uncompressed file."""
    with open(fasta, "rb") as handle:

        def read_at(start: int, count: int) -> bytes:
            handle.seek(start)
            return handle.read(count)

        yield read_at


@contextmanager
def _bgzip(fasta: Path, gzi: Path) -> Iterator[_ReadAt]:
    """Yield a function ``(start, count)`` that reads uncompressed bytes of a bgzip file.

    Raises:
        ValueError, struct.error: the ``gzi`` is damaged.
    """
    import pysam

    content = gzi.read_bytes()
    (count,) = struct.unpack_from("<Q", content)
    # The first block, at 0, is not listed.
    packed, unpacked = np.frombuffer(content[8:], dtype="<u8").reshape(count, 2).astype(np.int64).T
    packed, unpacked = np.insert(packed, 0, 0), np.insert(unpacked, 0, 0)
    if (np.diff(packed) <= 0).any() or (np.diff(unpacked) < 0).any() or packed[-1] >= fasta.stat().st_size:
        raise ValueError(gzi)
    with pysam.BGZFile(str(fasta), "rb") as handle:
        # Cache blocks, because many contigs may begin in one block.
        @lru_cache(maxsize=2)
        def block(number: int) -> bytes:
            handle.seek(int(packed[number]) << 16)
            last = number + 1 == len(unpacked)
            return bytes(handle.read(_LONGEST_BLOCK if last else int(unpacked[number + 1] - unpacked[number])))

        def read_at(start: int, count: int) -> bytes:
            number = int(np.searchsorted(unpacked, start, side="right")) - 1
            found = block(number)[start - int(unpacked[number]) :][:count]
            while len(found) < count and (number := number + 1) < len(unpacked):
                found += block(number)[: count - len(found)]
            return found

        yield read_at
