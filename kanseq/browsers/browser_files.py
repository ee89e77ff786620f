"""Describe the files that a genome browser session opens: their formats and indices, and the initial locus.

In: FASTA, annotation and tracks, which are not moved. Out: their formats, indices and relative paths.
"""

import json
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import quote

from kanseq.browsers.tracks import BED, BEDGRAPH, BIGWIG
from kanseq.errors import BadOption, MalformedLine
from kanseq.genome.annotation.gff import read_rows
from kanseq.io.files import PathLike, check_input, some, whole_file

Kind: TypeAlias = Literal["bigwig", "bedgraph", "bed", "gtf", "gff3"]
Json: TypeAlias = dict[str, object]

ENDINGS: dict[Kind, tuple[str, ...]] = {"bigwig": BIGWIG, "bedgraph": BEDGRAPH, "bed": BED}
"""File name extensions of each track format."""

SIGNED: tuple[Kind, ...] = ("bigwig", "bedgraph")
"""File formats with a signed value per base."""

HEIGHTS: dict[Kind, int] = {"bigwig": 90, "bedgraph": 90, "bed": 120, "gtf": 110, "gff3": 110}
"""Height of a track in pixels, by file format."""

WIDTH = 1200
"""Width of a view in pixels."""

_FASTA_ENDING = re.compile(r"(\.(fa|fasta|fna|fas|ffn))?(\.b?gz)?$", re.IGNORECASE)


class Data(NamedTuple):
    """A file to show in a genome browser, its format, and its tabix index (None if there is none)."""

    path: Path
    kind: Kind
    index: Path | None


class Genome(NamedTuple):
    """A FASTA file, its indices (``gzi`` for bgzip only), and the contig lengths."""

    path: Path
    fai: Path
    gzi: Path | None
    lengths: dict[str, int]

    @property
    def name(self) -> str:
        """Name of the FASTA file without its extension."""
        return _FASTA_ENDING.sub("", self.path.name)


class Locus(NamedTuple):
    """An interval of a contig, 0-based half-open. ``str()`` returns it 1-based, as in genome browsers."""

    contig: str
    start: int
    end: int

    def __str__(self) -> str:
        """Return ``CONTIG:START-END``, 1-based closed, as in genome browsers."""
        return f"{self.contig}:{self.start + 1}-{self.end}"


def is_bgzip(genome: PathLike) -> bool:
    """Return whether a FASTA file is compressed with bgzip, judged by its content; raise BadOption for plain gzip."""
    with open(check_input(genome), "rb") as handle:
        start = handle.read(16)
    if start[:2] != b"\x1f\x8b":
        return False
    if start[2:4] == b"\x08\x04" and start[12:16] == b"BC\x02\x00":
        return True
    better = f"{_FASTA_ENDING.sub('', str(genome))}.bgzip.fa.gz"
    raise BadOption(
        "genome browsers cannot open a FASTA file that is compressed with plain gzip",
        where=genome,
        hint=f"compress it with bgzip: gunzip -c {shlex.quote(str(genome))} | bgzip > {shlex.quote(better)}",
    )


def find_data(annotation: PathLike | None, tracks: Sequence[PathLike]) -> list[Data]:
    """Determine the format and index of the annotation (if any) and of each track; return them in this order.

    Raises:
        MissingFile: a file does not exist.
        MalformedLine: the annotation has no rows.
        BadOption: the name of a track has an unknown extension.
    """
    found = []
    if annotation is not None:
        path = check_input(annotation)
        row = next(read_rows(path), None)
        if row is None:
            raise MalformedLine("the annotation has no rows", where=path, hint="provide GTF or GFF3")
        found.append(Data(path, "gff3" if re.match(r'\s*[^\s="]+=', row.attributes) else "gtf", _tabix_index(path)))
    for path in map(check_input, tracks):
        kind = next((kind for kind, known in ENDINGS.items() if path.name.lower().endswith(known)), None)
        if kind is None:
            known = ", ".join(ending for group in ENDINGS.values() for ending in group)
            raise BadOption("unknown extension of a browser track", where=path, hint=f"the name must end in {known}")
        found.append(Data(path, kind, _tabix_index(path)))
    return found


def _tabix_index(path: Path) -> Path | None:
    """Return the path of the tabix index next to a file; None if there is none."""
    return next((index for end in (".tbi", ".csi") if (index := path.with_name(path.name + end)).is_file()), None)


def indexed_genome(genome: PathLike, folder: Path) -> tuple[Genome, list[Path]]:
    """Find the index of a FASTA file, or write one into ``folder``; return the genome and the files written.

    Raises:
        MalformedLine: the FASTA file cannot be indexed or has no sequences, or its index is invalid.
        BadOption: it is compressed with plain gzip.
    """
    path, bgzip = Path(genome), is_bgzip(genome)
    endings = (".fai", ".gzi") if bgzip else (".fai",)
    indices, written = [Path(f"{path}{ending}") for ending in endings], list[Path]()
    if not all(index.is_file() for index in indices):
        indices = [folder / f"{path.name}{ending}" for ending in endings]
        _write_index(path, *indices)
        written += indices
    lengths = {}
    for number, line in enumerate(indices[0].read_text(encoding="utf-8").splitlines(), 1):
        name, _, rest = line.partition("\t")
        if not re.match(r"[1-9]\d*\t\d+\t\d+\t\d+", rest):
            hint = "remove it, and a new index is created"
            raise MalformedLine("this is not an index of a FASTA file", where=f"{indices[0]}:{number}", hint=hint)
        lengths[name] = int(rest.partition("\t")[0])
    if not lengths:
        raise MalformedLine("the file has no sequences", where=path, hint="provide a FASTA file")
    return Genome(path, indices[0], indices[1] if bgzip else None, lengths), written


def _write_index(genome: Path, fai: Path, gzi: Path | None = None) -> None:
    """Index a FASTA file with samtools faidx; ``gzi`` is the second index, for bgzip."""
    import pysam

    loud = pysam.set_verbosity(0)
    try:
        if gzi is None:
            with whole_file(fai) as first:
                pysam.faidx(str(genome), "--fai-idx", str(first))
        else:
            with whole_file(fai) as first, whole_file(gzi) as second:
                pysam.faidx(str(genome), "--fai-idx", str(first), "--gzi-idx", str(second))
    except pysam.SamtoolsError as error:
        what = "this FASTA cannot be indexed; all lines of a sequence except the last must have the same length"
        raise MalformedLine(what, where=genome, hint="rewrap it, for example with seqkit seq -w 60") from error
    finally:
        pysam.set_verbosity(loud)


def find_locus(text: str | None, genome: Genome) -> Locus | None:
    """Parse a locus, ``CONTIG`` or ``CONTIG:START-END`` (1-based), and clip it at the end of the contig.

    Raises:
        BadOption: the locus is not in the genome.
    """
    if text is None:
        return None
    if text in genome.lengths:
        return Locus(text, 0, genome.lengths[text])
    what = f"the locus '{text}' is not in the genome"
    match = re.fullmatch(r"(.+):(\d[\d,]*)-(\d[\d,]*)", text)
    if match is None or match[1] not in genome.lengths:
        hint = f"specify CONTIG or CONTIG:START-END, with a contig of {some(list(genome.lengths))}"
        raise BadOption(what, where=genome.path, hint=hint)
    start, end = (int(number.replace(",", "")) for number in match.groups()[1:])
    length = genome.lengths[match[1]]
    if not 1 <= start <= min(end, length):
        raise BadOption(what, where=genome.path, hint=f"{match[1]} has {length:,} bases, counted from 1")
    return Locus(match[1], start - 1, min(end, length))


def relative(path: Path, folder: Path) -> str:
    """Return the path of a file relative to a folder, with forward slashes; symbolic links to folders are resolved."""
    return Path(os.path.relpath(path.parent.resolve() / path.name, folder.resolve())).as_posix()


def address(path: Path, folder: Path) -> str:
    """Return the path of a file relative to a folder as a percent-encoded URL, for web browsers."""
    return quote(relative(path, folder), safe="/")


def as_json(content: Json) -> bytes:
    """Convert content to indented JSON in UTF-8."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def write(path: Path, content: bytes) -> None:
    """Write bytes to a file atomically."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)
