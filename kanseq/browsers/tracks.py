"""Write values per piece as browser tracks: BED9 with a row per gene and piece, bedGraph and bigWig per base.

In: genes with coordinates and a value for each of their pieces. Out: sorted ``.bed(.gz)``, ``.bedgraph(.gz)``, ``.bw``.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kanseq.browsers.bed_rows import CHUNK, as_text, check_folder, check_top, join_text, write_bed, write_gene_beds
from kanseq.browsers.piece_track import PieceTrack
from kanseq.errors import BadOption, NotWritable
from kanseq.io.files import PathLike, whole_file

Combine: TypeAlias = Literal["mean", "sum", "max-abs"]

COMBINE = ("mean", "sum", "max-abs")
"""Ways to combine the values of all pieces that overlap a base."""

BED, BEDGRAPH, BIGWIG = (".bed", ".bed.gz"), (".bedgraph", ".bedgraph.gz", ".bg", ".bg.gz"), (".bw", ".bigwig")
"""File name extensions, ignoring letter case."""

_TBI_LIMIT = 2**29
_BIGWIG_STEP, _BIGWIG_ZOOM = 12, 16
"""Maximum number of bytes per step in the data of a bigWig, and in all of its zoom levels."""


class Steps(NamedTuple):
    """Values per base of one contig as ascending, disjoint intervals; equal neighbours are merged, gaps omitted."""

    start: np.ndarray
    end: np.ndarray
    value: np.ndarray


def check_track_names(bed: PathLike | None, bedgraph: PathLike | None, bigwig: PathLike | None) -> None:
    """Check that each track's name has an extension of its format.

    Raises:
        BadOption: it does not.
    """
    for path, endings, kind in ((bed, BED, "BED"), (bedgraph, BEDGRAPH, "bedGraph"), (bigwig, BIGWIG, "bigWig")):
        if path is not None and not Path(path).name.lower().endswith(endings):
            raise BadOption(f"the name of a {kind} track must end in {' or '.join(endings)}", where=path)


def check_combine(combine: str) -> None:
    """Check that this is a known way to combine pieces.

    Raises:
        BadOption: it is not.
    """
    if combine not in COMBINE:
        raise BadOption(f"'{combine}' is not a way to combine pieces", hint=f"choose one of {', '.join(COMBINE)}")


def track_files(
    bed: PathLike | None,
    bedgraph: PathLike | None,
    bigwig: PathLike | None,
    contigs: Mapping[str, int],
    strand_specific: bool = False,
) -> list[Path]:
    """List every file that :func:`write_tracks` will write, indices included."""
    files = []
    for path in (bed, bedgraph, bigwig):
        for _, part in _strands(path, strand_specific and path is not bed):
            files += [part, *_index_of(part, contigs)]
    return files


def write_tracks(
    track: PieceTrack,
    *,
    bed: PathLike | None = None,
    bedgraph: PathLike | None = None,
    bigwig: PathLike | None = None,
    combine: Combine = "mean",
    strand_specific: bool = False,
    top: int | None = None,
    per_gene: PathLike | None = None,
    stack: ExitStack | None = None,
) -> int | None:
    """Write a track in up to three formats; ``.gz`` is bgzip with an index next to it. Output is reproducible bytewise.

    BED9: a row per gene and piece, sorted by contig name (byte order), start, end and name; name = gene id, ``|``, and
    the letters of the piece in the direction of transcription, ``N`` for bases hidden from the model; score = 1000 *
    min(1, |a| / 99th percentile of |a|) over all pieces; itemRgb by sign. bedGraph and bigWig hold the signed value per
    base, combined over all pieces there, of both strands or, with ``strand_specific``, in a pair of files with
    ``.plus`` and ``.minus`` before the extension. Indices are ``.tbi``, or ``.csi`` if a contig is longer than 2**29.

    Args:
        track: the values.
        bed, bedgraph, bigwig: output paths, any may be None.
        combine: ``mean``, ``sum`` or ``max-abs`` (the value of largest magnitude; the positive one of a tie).
        strand_specific: write a pair of bedGraphs and bigWigs.
        top: write BED rows for only this many pieces per gene, those of largest magnitude (ties are broken by column
            order); scores, bedGraph and bigWig are not affected.
        per_gene: folder for a BED file of each gene, see :func:`kanseq.browsers.bed_rows.write_gene_beds`.
        stack: outputs get their final names when it closes; without one, when this function returns.

    Returns:
        Number of rows of the BED file; None without one.

    Raises:
        BadOption: a name has the wrong extension, ``combine`` is unknown, or ``top`` is less than 1.
        NotWritable: the folder is missing or not writable, or the disk is full.
    """
    check_track_names(bed, bedgraph, bigwig)
    check_combine(combine)
    check_top(top)
    check_folder(per_gene)
    rows = None
    with ExitStack() if stack is None else nullcontext(stack) as outputs:
        if bed is not None:
            rows = _write_text(Path(bed), track.contigs, partial(write_bed, track, top), outputs)
        if per_gene is not None:
            write_gene_beds(track, top, per_gene, outputs)
        for strand, part in _strands(bedgraph, strand_specific):
            _write_text(part, track.contigs, partial(_write_bedgraph, track, strand, combine), outputs)
        for strand, part in _strands(bigwig, strand_specific):
            _write_bigwig(outputs.enter_context(whole_file(part)), part, track, strand, combine)
    return rows


def combine_pieces(start: np.ndarray, end: np.ndarray, values: np.ndarray, combine: Combine) -> Steps:
    """Combine overlapping pieces of one contig into one value per base.

    Args:
        start, end: half-open intervals, int64 ``(pieces,)``, in any order.
        values: float32 ``(pieces,)``.
        combine: ``mean``, ``sum`` or ``max-abs``.

    >>> start, end, values = np.array([0, 4]), np.array([8, 12]), np.array([1, 3], dtype=np.float32)
    >>> combine_pieces(start, end, values, "mean").value.tolist()
    [1.0, 2.0, 3.0]
    """
    borders = np.unique(np.concatenate([start, end]))
    first, behind = np.searchsorted(borders, start), np.searchsorted(borders, end)
    spans = behind - first
    piece = np.repeat(np.arange(len(start)), spans)
    begin = np.cumsum(spans) - spans
    segment = np.arange(len(piece)) - begin[piece] + first[piece]
    depth = np.bincount(segment, minlength=len(borders))
    if combine == "max-abs":
        over = values[piece]
        # Each segment's last value is kept, so sort the value of largest magnitude last.
        order = np.lexsort((over, np.abs(over), segment))
        combined = np.zeros(len(borders), dtype=np.float32)
        ends = np.flatnonzero(np.diff(segment[order], append=-1))
        combined[segment[order][ends]] = over[order][ends]
    else:
        combined = np.bincount(segment, weights=values[piece].astype(np.float64), minlength=len(borders))
        combined = combined / np.maximum(depth, 1) if combine == "mean" else combined
    covered = np.flatnonzero(depth)
    return _merge_equal(borders[covered], borders[covered + 1], combined[covered].astype(np.float32))


def _merge_equal(start: np.ndarray, end: np.ndarray, value: np.ndarray) -> Steps:
    """Merge adjacent intervals with the same value."""
    begins = np.ones(len(start), dtype=bool)
    begins[1:] = (start[1:] != end[:-1]) | (value[1:] != value[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(start))[: len(first)] - 1
    return Steps(start[first], end[last], value[first])


def _strands(path: PathLike | None, apart: bool) -> list[tuple[str, Path]]:
    """Return the strands that go into each file, and its path."""
    if path is None:
        return []
    path = Path(path)
    if not apart:
        return [("+-", path)]
    ending = next((known for known in (*BEDGRAPH, *BIGWIG) if path.name.lower().endswith(known)), path.suffix)
    stem = path.name[: len(path.name) - len(ending)]
    kept = path.name[len(stem) :]
    return [("+", path.with_name(f"{stem}.plus{kept}")), ("-", path.with_name(f"{stem}.minus{kept}"))]


def _index_of(path: Path, contigs: Mapping[str, int]) -> list[Path]:
    """Return the path of a bgzip file's index; a ``.tbi`` cannot hold contigs of more than 2**29 bases."""
    if not path.name.lower().endswith(".gz"):
        return []
    return [path.with_name(path.name + (".csi" if max(contigs.values(), default=0) > _TBI_LIMIT else ".tbi"))]


def _write_text(path: Path, contigs: Mapping[str, int], write: Callable[[BinaryIO], None], outputs: ExitStack) -> None:
    """Write a sorted text track, plain or bgzip with its index."""
    import pysam

    temporary = outputs.enter_context(whole_file(path))
    indices = [outputs.enter_context(whole_file(index)) for index in _index_of(path, contigs)]
    opened: AbstractContextManager[BinaryIO] = (
        pysam.BGZFile(str(temporary), "wb") if indices else temporary.open("wb")  # type: ignore[assignment]
    )
    try:
        with opened as handle:
            rows = write(handle)
        for index in indices:
            csi = index.suffix == ".csi"
            pysam.tabix_index(str(temporary), index=str(index), preset="bed", force=True, csi=csi, keep_original=True)
    except OSError as error:
        if error.errno:
            raise
        # htslib does not report why it could not write.
        raise _no_space(path) from error
    return rows


def _write_bedgraph(track: PieceTrack, strand: str, combine: Combine, handle: BinaryIO) -> int:
    """Write the steps of all contigs, in byte order of their names, and return the number of rows."""
    rows = 0
    for chrom, steps in _contig_steps(track, sorted(track.contigs, key=str.encode), strand, combine):
        for begin in range(0, len(steps.start), CHUNK):
            start, end, value = (array[begin : begin + CHUNK] for array in steps)
            line_end = pc.binary_join_element_wise(as_text(value), "\n", "")
            handle.write(join_text([pa.scalar(chrom), as_text(start), as_text(end), line_end])[0])
        rows += len(steps.start)
    return rows


def _write_bigwig(temporary: Path, path: Path, track: PieceTrack, strand: str, combine: Combine) -> None:
    """Write the steps of all contigs, in the genome's order."""
    import pyBigWig

    written = 0
    try:
        with closing(pyBigWig.open(str(temporary), "w")) as bigwig:
            bigwig.addHeader(list(track.contigs.items()))
            for chrom, steps in _contig_steps(track, list(track.contigs), strand, combine):
                written += len(steps.start)
                # libBigWig corrupts memory if the disk is full, so check the free space first.
                if (
                    shutil.disk_usage(path.parent).free
                    < _BIGWIG_STEP * len(steps.start) + _BIGWIG_ZOOM * written + 2**18
                ):
                    raise _no_space(path)
                for begin in range(0, len(steps.start), CHUNK):
                    start, end, value = (array[begin : begin + CHUNK] for array in steps)
                    bigwig.addEntries([chrom] * len(start), start, ends=end, values=value)
    except RuntimeError as error:
        raise _no_space(path) from error


def _no_space(path: Path) -> NotWritable:
    """Return the error for a library that failed to write, probably for lack of disk space."""
    return NotWritable("cannot write; the disk is probably full", where=path, hint="free some space")


def _contig_steps(track: PieceTrack, chroms: list[str], strand: str, combine: Combine) -> Iterator[tuple[str, Steps]]:
    """Yield the values per base of each contig that has pieces."""
    present = set(track.table["chrom"])
    for chrom in chroms:
        if chrom in present:
            _, pieces, values = track.on_contig(chrom, strand)
            if len(values):
                yield chrom, combine_pieces(pieces.start, pieces.end, values, combine)
