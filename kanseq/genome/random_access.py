"""Letters at a few places of a genome, found by an index: for a handful of genes or variants of a large genome.

Plain FASTA is read by pyfaidx, bgzip by htslib (pysam), because pyfaidx reads bgzip only with Biopython. Whoever needs
every contig (lengths and checksums of a set) streams the file by :func:`kanseq.genome.fasta.read_contigs` instead.
"""

import logging
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from kanseq.errors import BadOption, ContigMismatch, MalformedLine, NotWritable, TruncatedFile
from kanseq.files import PathLike, check_input, some, whole_file
from kanseq.genome.fasta_index import is_of

logger = logging.getLogger(__name__)

_GZIP, _BGZIP_FIELD = b"\x1f\x8b", b"BC"
_Fetch = Callable[[str, int, int], bytes]


class IndexedFasta:
    """A FASTA file, plain or bgzip, whose letters are read at places.

    ``PATH.fai`` (of bgzip also ``PATH.gzi``), as ``samtools faidx`` writes them, are used where they are there and not
    older than the file. Else they are made: next to the file, or in a temporary folder where that cannot be written.
    An index that is damaged, or of another file, is left as it is, and one in a temporary folder is used instead.

    >>> from kanseq.genome.random_access import IndexedFasta
    >>> with IndexedFasta("genome.fa") as genome:  # doctest: +SKIP
    ...     genome.letters("1", 999, 1010)
    b'ACGTACGTNNA'

    Attributes:
        lengths: bases of every contig, in the order of the file.
    """

    lengths: dict[str, int]

    def __init__(self, path: PathLike) -> None:
        """Open a file and its index; make the index where there is none.

        Raises:
            MissingFile: there is no such file.
            MalformedLine: it is no FASTA file, or its lines have different lengths inside a contig.
            BadOption: it is gzip, which can only be read from its beginning.
        """
        self._path = check_input(path)
        self._open_files = ExitStack()
        try:
            self.lengths, self._fetch = self._open()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "IndexedFasta":
        """Return the open file."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file, and remove an index that was made in a temporary folder."""
        self._open_files.close()

    def letters(self, chrom: str, start: int, end: int, *, pad: bool = False) -> bytes:
        """Read ``chrom[start:end]`` on the forward strand, in upper case; IUPAC codes stay.

        Args:
            chrom: the contig, by its name in the file.
            start, end: 0-based, half-open.
            pad: fill what lies before the contig or past its end with ``N``.

        Raises:
            ContigMismatch: there is no such contig.
            BadOption: the end is before the start, or the place passes an end of the contig and ``pad`` is off.
            TruncatedFile: the letters cannot be read, because the file is damaged or has changed since it was opened.
        """
        if chrom not in self.lengths:
            raise ContigMismatch(
                f"there is no contig '{chrom}'", where=self._path, hint=f"the file has {some(list(self.lengths))}"
            )
        length = self.lengths[chrom]
        if end < start or not (pad or 0 <= start <= end <= length):
            raise BadOption(f"{chrom}:{start}-{end} does not lie in the contig's {length} bases", where=self._path)
        first, last = min(max(start, 0), length), min(max(end, 0), length)
        inside = self._inside(chrom, first, last) if first < last else b""
        left = min(max(-start, 0), end - start)
        return b"N" * left + inside + b"N" * (end - start - left - len(inside))

    def _inside(self, chrom: str, start: int, end: int) -> bytes:
        """Read letters that the contig has by the index."""
        try:
            found = self._fetch(chrom, start, end).upper()
        except (OSError, ValueError, IndexError):
            found = b""
        if len(found) != end - start:
            raise TruncatedFile(
                f"{chrom}:{start}-{end} cannot be read: the file is damaged, or has changed since it was opened",
                where=self._path,
                hint="fetch or compress it again",
            )
        return found

    def _open(self) -> tuple[dict[str, int], _Fetch]:
        """Choose the reader that the file's compression wants."""
        with open(self._path, "rb") as handle:
            head = handle.read(16)
        if not head.startswith(_GZIP):
            return self._open_plain()
        if head[12:14] != _BGZIP_FIELD:
            raise BadOption(
                "gzip cannot be read at a place", where=self._path, hint="unpack it, or compress it with bgzip"
            )
        return self._open_bgzip()

    def _open_plain(self) -> tuple[dict[str, int], _Fetch]:
        """Open by pyfaidx."""
        from pyfaidx import Faidx, FastaIndexingError

        def make(index: Path) -> None:
            Faidx(str(self._path), indexname=str(index)).close()

        try:
            (index,) = self._indices((".fai",), make)
            faidx = Faidx(str(self._path), indexname=str(index), rebuild=False, as_raw=True)
        except (FastaIndexingError, ValueError) as error:
            raise self._no_index(error) from error
        self._open_files.callback(faidx.close)
        lengths = {name: int(record.rlen) for name, record in faidx.index.items()}
        # pyfaidx counts from 1, and its ends are inside.
        return lengths, lambda chrom, start, end: str(faidx.fetch(chrom, start + 1, end)).encode("ascii")

    def _open_bgzip(self) -> tuple[dict[str, int], _Fetch]:
        """Open by htslib."""
        import pysam

        def make(fai: Path, gzi: Path) -> None:
            pysam.faidx("--fai-idx", str(fai), "--gzi-idx", str(gzi), str(self._path))

        try:
            fai, gzi = self._indices((".fai", ".gzi"), make)
            handle = pysam.FastaFile(str(self._path), filepath_index=str(fai), filepath_index_compressed=str(gzi))
        except (OSError, ValueError, pysam.SamtoolsError) as error:
            raise self._no_index(error) from error
        self._open_files.callback(handle.close)
        lengths = dict(zip(handle.references, handle.lengths, strict=True))
        return lengths, lambda chrom, start, end: handle.fetch(chrom, start, end).encode("ascii")

    def _indices(self, suffixes: tuple[str, ...], make: Callable[..., None]) -> list[Path]:
        """Return the files of an index of the FASTA file that is not older, made where there is none."""
        made = [self._path.with_name(self._path.name + suffix) for suffix in suffixes]
        age = self._path.stat().st_mtime
        is_there = all(path.exists() and path.stat().st_mtime >= age for path in made)
        if is_there and is_of(self._path, *made):
            return made
        folder = Path(self._open_files.enter_context(tempfile.TemporaryDirectory()))
        temporary = [folder / path.name for path in made]
        make(*temporary)
        if is_there:
            logger.warning("%s is damaged, or of another file, and is not used: make it again", made[0])
            return temporary
        try:
            for source, target in zip(temporary, made, strict=True):
                with whole_file(target) as part:
                    Path(part).write_bytes(source.read_bytes())
        except NotWritable:
            return temporary
        return made

    def _no_index(self, error: Exception) -> MalformedLine:
        """Say why a file has no index."""
        return MalformedLine(
            f"no index can be made ({str(error).splitlines()[0]})", where=self._path, hint="give a FASTA file"
        )
