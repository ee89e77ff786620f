"""Write attributions as browser tracks: BED9 with a row per gene and piece, bedGraph and bigWig with values per base.

In: genes, and values of their pieces (the genome intervals of tokens). Out: ``.bed(.gz)``, ``.bedgraph(.gz)``, ``.bw``.
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
"""File name extensions of the track formats, in lower case; letter case is ignored."""

_TBI_LIMIT = 2**29
_BIGWIG_STEP, _BIGWIG_ZOOM = 12, 16
"""Maximum number of bytes per interval in the data of a bigWig, and in all of its zoom levels together."""


class Steps(NamedTuple):
    """Values per base of a contig: ascending, disjoint intervals of equal values. Bases without a value are omitted."""

    start: np.ndarray
    end: np.ndarray
    value: np.ndarray


def check_track_names(bed: PathLike | None, bedgraph: PathLike | None, bigwig: PathLike | None) -> None:
    """Check that each track's name has an extension of its format.

    Raises:
        BadOption: a name has a different extension.
    """
    for path, endings, kind in ((bed, BED, "BED"), (bedgraph, BEDGRAPH, "bedGraph"), (bigwig, BIGWIG, "bigWig")):
        if path is not None and not Path(path).name.lower().endswith(endings):
            raise BadOption(f"the name of a {kind} track must end in {' or '.join(endings)}", where=path)


def check_combine(combine: str) -> None:
    """Check that ``combine`` is one of :data:`COMBINE`.

    Raises:
        BadOption: ``combine`` is unknown.
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
    """List every file that :func:`write_tracks` will write, including indices."""
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
    """Write a track in up to three formats; output bytes are reproducible.

    Files ending in ``.gz`` are compressed with bgzip, and indexed.

    BED9 has a row per gene and piece, sorted by contig name (byte order), start, end and name. The name is the gene id,
    ``|``, and the letters of the piece in the direction of transcription, ``N`` for bases hidden from the model. The
    score is 1000 * min(1, |a| / p), where p is the 99th percentile of |a| over all pieces. itemRgb shows the sign.
    bedGraph and bigWig have a signed value per base, combined over all pieces that contain the base, on both strands.
    With ``strand_specific``, each strand has a separate file, with ``.plus`` or ``.minus`` before the extension.
    Indices are ``.tbi``, or ``.csi`` if a contig is longer than 2**29.

    Args:
        track: genes and the values of their pieces.
        bed, bedgraph, bigwig: output paths; any of them may be None.
        combine: ``mean``, ``sum`` or ``max-abs`` (the value of largest magnitude; in a tie, the positive value).
        strand_specific: whether to write separate bedGraph and bigWig files for each strand.
        top: number of pieces per gene to write to BED, those of largest magnitude (ties are broken by column order);
            None for all. Scores, bedGraph and bigWig are not affected.
        per_gene: folder for a BED file per gene, see :func:`kanseq.browsers.bed_rows.write_gene_beds`.
        stack: outputs get their final names when it closes; if None, when this function returns.

    Returns:
        Number of rows of the BED file; None if ``bed`` is None.

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
    """Merge adjacent intervals with equal values."""
    begins = np.ones(len(start), dtype=bool)
    begins[1:] = (start[1:] != end[:-1]) | (value[1:] != value[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(start))[: len(first)] - 1
    return Steps(start[first], end[last], value[first])


def _strands(path: PathLike | None, apart: bool) -> list[tuple[str, Path]]:
    """Return the output files of a track and the strands in each: one file, or a file per strand if ``apart``."""
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
    """Return the path of the index of a bgzip file; ``.tbi`` cannot index contigs of more than 2**29 bases."""
    if not path.name.lower().endswith(".gz"):
        return []
    return [path.with_name(path.name + (".csi" if max(contigs.values(), default=0) > _TBI_LIMIT else ".tbi"))]


def _write_text(path: Path, contigs: Mapping[str, int], write: Callable[[BinaryIO], None], outputs: ExitStack) -> None:
    """Write a sorted text track with ``write``, as plain text, or as bgzip with an index."""
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
    """Write a bedGraph of one or both strands, contigs in byte order of their names; return the number of rows."""
    rows = 0
    for chrom, steps in _contig_steps(track, sorted(track.contigs, key=str.encode), strand, combine):
        for begin in range(0, len(steps.start), CHUNK):
            start, end, value = (array[begin : begin + CHUNK] for array in steps)
            line_end = pc.binary_join_element_wise(as_text(value), "\n", "")
            handle.write(join_text([pa.scalar(chrom), as_text(start), as_text(end), line_end])[0])
        rows += len(steps.start)
    return rows


def _write_bigwig(temporary: Path, path: Path, track: PieceTrack, strand: str, combine: Combine) -> None:
    """Write a bigWig of one or both strands, contigs in the order of the genome."""
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
    """Yield the name and the combined values per base of each contig that has pieces on ``strand``."""
    present = set(track.table["chrom"])
    for chrom in chroms:
        if chrom in present:
            _, pieces, values = track.on_contig(chrom, strand)
            if len(values):
                yield chrom, combine_pieces(pieces.start, pieces.end, values, combine)
