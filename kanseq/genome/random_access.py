"""Read a few regions of a large genome by an index, for a small number of genes or variants.

Plain FASTA is read with pyfaidx, bgzip with htslib (pysam), because pyfaidx reads bgzip only with Biopython. To read
every contig (lengths and checksums of a set), stream the file with :func:`kanseq.genome.fasta.read_contigs` instead.
"""

import logging
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from kanseq.errors import BadOption, ContigMismatch, MalformedLine, NotWritable, TruncatedFile
from kanseq.genome.fasta_faults import check_head
from kanseq.genome.fasta_index import is_of
from kanseq.io.files import PathLike, check_input, open_bytes, some, whole_file

logger = logging.getLogger(__name__)

_GZIP, _BGZIP_FIELD = b"\x1f\x8b", b"BC"
_Fetch = Callable[[str, int, int], bytes]


class IndexedFasta:
    """A FASTA file, plain or bgzip, with random access.

    ``PATH.fai`` (for bgzip also ``PATH.gzi``), as written by ``samtools faidx``, are used if they exist and are not
    older than the file. Otherwise they are created next to the file, or in a temporary folder if that is not possible.
    An index that is damaged or belongs to another file is not overwritten; a new index in a temporary folder is used
    instead.

    >>> from kanseq.genome.random_access import IndexedFasta
    >>> with IndexedFasta("genome.fa") as genome:  # doctest: +SKIP
    ...     genome.letters("1", 999, 1010)
    b'ACGTACGTNNA'

    Attributes:
        lengths: contig -> length in bases, in the order of the file.
    """

    lengths: dict[str, int]

    def __init__(self, path: PathLike) -> None:
        """Open a file and its index; create the index if there is none.

        Raises:
            MissingFile: there is no such file.
            MalformedLine: it is not a FASTA file, its lines end in carriage returns only, or the lines of a contig
                differ in length.
            BadOption: it is compressed with plain gzip, which has no random access.
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
        """Close the file, and remove an index in a temporary folder."""
        self._open_files.close()

    def letters(self, chrom: str, start: int, end: int, *, pad: bool = False) -> bytes:
        """Read ``chrom[start:end]`` on the forward strand, in upper case; IUPAC codes are kept.

        Args:
            chrom: the contig, by its name in the file.
            start, end: 0-based, half-open.
            pad: return ``N`` for positions outside of the contig.

        Raises:
            ContigMismatch: there is no such contig.
            BadOption: the end is before the start, or the interval exceeds the contig and ``pad`` is False.
            TruncatedFile: the letters cannot be read, because the file is damaged or has changed since it was opened.
        """
        if chrom not in self.lengths:
            raise ContigMismatch(
                f"there is no contig '{chrom}'", where=self._path, hint=f"the file has {some(list(self.lengths))}"
            )
        length = self.lengths[chrom]
        if end < start or not (pad or 0 <= start <= end <= length):
            raise BadOption(f"{chrom}:{start}-{end} is not within the contig's {length} bases", where=self._path)
        first, last = min(max(start, 0), length), min(max(end, 0), length)
        inside = self._inside(chrom, first, last) if first < last else b""
        left = min(max(-start, 0), end - start)
        return b"N" * left + inside + b"N" * (end - start - left - len(inside))

    def _inside(self, chrom: str, start: int, end: int) -> bytes:
        """Read the letters of an interval within a contig; raise TruncatedFile if that fails."""
        try:
            letters = self._fetch(chrom, start, end).upper()
        except (OSError, ValueError, IndexError):
            letters = b""
        if len(letters) != end - start:
            raise TruncatedFile(
                f"{chrom}:{start}-{end} cannot be read: the file is damaged, or has changed since it was opened",
                where=self._path,
                hint="fetch or compress it again",
            )
        return letters

    def _open(self) -> tuple[dict[str, int], _Fetch]:
        """Open the file with the reader for its format; return the contig lengths, and a function to fetch letters."""
        with open(self._path, "rb") as handle:
            head = handle.read(16)
        with open_bytes(self._path) as unpacked:
            check_head(self._path, unpacked.peek(1))  # type: ignore[attr-defined]
        if not head.startswith(_GZIP):
            return self._open_plain()
        if head[12:14] != _BGZIP_FIELD:
            raise BadOption(
                "plain gzip has no random access", where=self._path, hint="unpack it, or compress it with bgzip"
            )
        return self._open_bgzip()

    def _open_plain(self) -> tuple[dict[str, int], _Fetch]:
        """Open a plain file with pyfaidx; return the same as :meth:`_open`."""
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
        # pyfaidx coordinates are 1-based and closed.
        return lengths, lambda chrom, start, end: str(faidx.fetch(chrom, start + 1, end)).encode("ascii")

    def _open_bgzip(self) -> tuple[dict[str, int], _Fetch]:
        """Open a bgzip file with htslib; return the same as :meth:`_open`."""
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
        """Return the paths of a valid index (files with ``suffixes``); if there is none, create it with ``make``."""
        made = [self._path.with_name(self._path.name + suffix) for suffix in suffixes]
        age = self._path.stat().st_mtime
        is_there = all(path.exists() and path.stat().st_mtime >= age for path in made)
        if is_there and is_of(self._path, *made):
            return made
        folder = Path(self._open_files.enter_context(tempfile.TemporaryDirectory()))
        temporary = [folder / path.name for path in made]
        make(*temporary)
        if is_there:
            logger.warning("%s is damaged or belongs to another file, and is not used: create it again", made[0])
            return temporary
        try:
            for source, target in zip(temporary, made, strict=True):
                with whole_file(target) as part:
                    Path(part).write_bytes(source.read_bytes())
        except NotWritable:
            return temporary
        return made

    def _no_index(self, error: Exception) -> MalformedLine:
        """Return the error for a file that cannot be indexed."""
        return MalformedLine(
            f"no index can be created ({str(error).splitlines()[0]})", where=self._path, hint="provide a FASTA file"
        )
