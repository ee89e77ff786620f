"""Read plain and compressed files, and write files atomically and reproducibly.

In: paths. Out: handles that decompress if necessary, and outputs that get their final name only when they are complete.
"""

import codecs
import gzip
import hashlib
import io
import json
import os
import secrets
import shlex
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, TypeAlias

from kanseq.errors import BadOption, KanseqError, MissingFile, NotWritable, TruncatedFile

PathLike: TypeAlias = str | os.PathLike[str]

_BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every bgzip file (SAM specification, section 4.1.2)."""

STDOUT = "-"
"""File name that means standard output or, for inputs, standard input; only for text."""


def check_input(path: PathLike, *, pipes: bool = False) -> Path:
    """Check that an input is a readable file or, with ``pipes``, a pipe; return its path.

    Raises:
        MissingFile: the path does not exist, is a folder or (without ``pipes``) a pipe, or is not readable.
    """
    path = Path(path)
    if not path.exists():
        raise MissingFile("no such file", where=path)
    if path.is_dir():
        raise MissingFile("this is a folder, but a file is required", where=path)
    if not (path.is_file() or (pipes and path.is_fifo())):
        # Most inputs are read more than once: for their kind, their content and their checksum.
        raise MissingFile("this is a pipe or a device, but a file is required", where=path, hint="save it to a file")
    if not os.access(path, os.R_OK):
        raise MissingFile("no permission to read this file", where=path)
    return path


def check_output(*paths: PathLike | None, inputs: Iterable[object] = (), binary: PathLike | None = None) -> None:
    """Check, before any work is done, that all outputs can be written; ``None`` and ``-`` are accepted.

    Args:
        paths: text outputs.
        inputs: input files, which must not be overwritten; objects other than paths (tables in memory) are ignored.
        binary: a binary output, which cannot be written to standard output.

    Raises:
        NotWritable: the folder does not exist or is not writable, the path is a folder or a device, or two outputs
            are the same.
        BadOption: an output is an input, or an output cannot be written to standard output.
    """
    if binary is not None and str(binary) == STDOUT:
        raise BadOption("this output is not text, and cannot go to standard output", hint="use -o with a file name")
    if sum(str(path) == STDOUT for path in paths) > 1:
        raise BadOption("two outputs cannot both go to standard output", hint="specify a file name for one of them")
    outputs = [Path(path) for path in (binary, *paths) if path is not None and str(path) != STDOUT]
    for path in outputs:
        folder = path.parent
        if folder.exists() and not folder.is_dir():
            raise NotWritable(f"'{folder}' is a file, but a folder is required", where=path)
        if not folder.is_dir():
            hint = f"create it: mkdir -p {shlex.quote(str(folder))}"
            raise NotWritable(f"the folder '{folder}' does not exist", where=path, hint=hint)
        if path.is_dir():
            raise NotWritable("this is a folder, but a file is required", where=path)
        if path.exists() and not path.is_file():
            hint = "use - for standard output (text only)"
            raise NotWritable("this is a device or a pipe, but a file is required", where=path, hint=hint)
        if not os.access(folder, os.W_OK):
            raise NotWritable(f"the folder '{folder}' is not writable", where=path, hint="specify another folder")
    if len({path.parent.resolve() / path.name for path in outputs}) < len(outputs):
        raise NotWritable("two outputs have the same name", where=outputs[-1], hint="specify different names")
    here = [Path(path) for path in inputs if isinstance(path, (str, os.PathLike)) and Path(path).exists()]
    for path in outputs:
        if path.exists() and any(path.samefile(one) for one in here):
            raise BadOption("this output would overwrite an input", where=path, hint="specify another name")


@contextmanager
def whole_file(path: PathLike) -> Iterator[Path]:
    """Yield a temporary path next to ``path``; rename the file to ``path`` when the block ends, or remove it on errors.

    Raises:
        NotWritable: the folder is missing or not writable, or the disk is full.
    """
    path = Path(path)
    check_output(path)
    # The suffix is kept, because libraries choose a format by it.
    # Processes on two machines may have the same id, so add random letters.
    temporary = path.with_name(f".{os.getpid()}-{secrets.token_hex(3)}.part.{path.name}")
    try:
        with disk_errors(path):
            yield temporary
            os.replace(temporary, path)
    except NotWritable as error:
        if error.where != temporary:
            raise
        # The error of the code that wrote the file names the temporary path.
        raise NotWritable(error.what, where=path, hint=error.hint) from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


@contextmanager
def disk_errors(path: PathLike) -> Iterator[None]:
    """Convert errors of the operating system, raised while the block writes ``path``, to :class:`NotWritable`."""
    try:
        yield
    except (BrokenPipeError, gzip.BadGzipFile, KanseqError):
        raise
    except OSError as error:
        # Errors of libraries with their own I/O (htslib) have no error number.
        reason = str(error) if error.errno is None else os.strerror(error.errno)
        raise NotWritable(f"cannot write ({reason})", where=path) from error


@contextmanager
def whole_text(path: PathLike) -> Iterator[IO[str]]:
    """Open a text file (UTF-8, ``\\n``) for writing; it gets its name when the block ends without an error.

    The name ``-`` means standard output; files ending in ``.gz`` are compressed. Compressed files contain neither time
    nor name, so that the same text yields the same bytes.
    """
    if str(path) == STDOUT:
        yield sys.stdout
        sys.stdout.flush()
        return
    with whole_file(path) as temporary, open(temporary, "wb") as raw:
        binary: BinaryIO = raw
        if str(path).endswith(".gz"):
            binary = gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6)  # type: ignore[assignment]
        with io.TextIOWrapper(binary, encoding="utf-8", newline="\n") as text:
            yield text


def write_json(path: PathLike, content: object) -> None:
    """Write ``content`` to a file as indented JSON, with keys in insertion order."""
    with whole_text(path) as handle:
        handle.write(json.dumps(content, indent=2, allow_nan=False) + "\n")


@contextmanager
def open_bytes(path: PathLike) -> Iterator[BinaryIO]:
    """Open a plain, gzip or bgzip file (detected by content) for reading bytes; a byte order mark is skipped.

    The file is opened once and read sequentially, so it may be a pipe.

    Raises:
        MissingFile: there is no such file.
        TruncatedFile: the compressed stream ends too early or is damaged (raised inside the block, on reading).
    """
    path = check_input(path, pipes=True)
    try:
        with open(path, "rb") as raw, _unpacked(raw) as handle:
            if handle.peek(len(codecs.BOM_UTF8)).startswith(codecs.BOM_UTF8):
                handle.read(len(codecs.BOM_UTF8))
            yield handle  # type: ignore[misc]
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TruncatedFile(
            "the compressed file ends too early or is damaged", where=path, hint="fetch or compress it again"
        ) from error


def _unpacked(raw: io.BufferedReader) -> "gzip.GzipFile | io.BufferedReader":
    """Return a handle that decompresses gzip, if the file is gzip; raise EOFError if a bgzip file has no end block."""
    start = raw.peek(14)
    if start[:2] != b"\x1f\x8b":
        return raw
    # Decompressors do not notice if complete blocks are missing at the end.
    if raw.seekable() and start[:4] == b"\x1f\x8b\x08\x04" and start[12:14] == b"BC":
        raw.seek(-min(len(_BGZIP_END), os.fstat(raw.fileno()).st_size), os.SEEK_END)
        if raw.read() != _BGZIP_END:
            raise EOFError
        raw.seek(0)
    return gzip.GzipFile(fileobj=raw)


@contextmanager
def open_text(path: PathLike) -> Iterator[IO[str]]:
    """Open a plain, gzip or bgzip text file (UTF-8) for reading; ``-`` is standard input.

    Raises:
        MissingFile, TruncatedFile: as for :func:`open_bytes`, or the file is not UTF-8.
    """
    if str(path) == STDOUT:
        yield sys.stdin
        return
    with open_bytes(path) as binary:
        try:
            with io.TextIOWrapper(binary, encoding="utf-8-sig") as text:
                yield text
        except UnicodeDecodeError as error:
            raise TruncatedFile("this is not a text file in UTF-8", where=path) from error


def free_name(path: PathLike) -> Path:
    """Return ``path`` if there is no such file, else the first free name with a number, such as ``aliases-2.tsv``."""
    wanted = Path(path)
    number, free = 2, wanted
    while os.path.lexists(free):
        number, free = number + 1, wanted.with_stem(f"{wanted.stem}-{number}")
    return free


def fingerprint(path: PathLike) -> dict[str, str | int]:
    """Return the name (without folder), size in bytes and SHA-256 of a file, as recorded for inputs of a run."""
    with open(check_input(path), "rb") as handle:
        digest = hashlib.file_digest(handle, "sha256") if hasattr(hashlib, "file_digest") else _digest(handle)
        return {"name": Path(path).name, "bytes": os.fstat(handle.fileno()).st_size, "sha256": digest.hexdigest()}


def _digest(handle: BinaryIO) -> "hashlib._Hash":
    """Compute the SHA-256 of a file on Python 3.10, which has no ``hashlib.file_digest``."""
    digest = hashlib.sha256()
    while block := handle.read(1 << 20):
        digest.update(block)
    return digest


def some(names: Sequence[object], most: int = 3) -> str:
    """Format a list of names for a message: the first few and, if there are more, the total number.

    >>> some(["a", "b", "c", "d"])
    'a, b, c, … (4)'
    >>> some(["a"])
    'a'
    """
    shown = ", ".join(str(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown}, … ({len(names):,})"


def comma_separated(values: str | Sequence[str]) -> list[str]:
    """Return all names in the values of an option, which may be repeated and may list several names with commas.

    >>> comma_separated(["IV,VII", "XII"])
    ['IV', 'VII', 'XII']
    """
    values = [values] if isinstance(values, str) else values
    return [name.strip() for value in values for name in str(value).split(",") if name.strip()]
