"""Write a track as BED9, one row per piece (the genome interval of a token): all genes in one file, or a file per gene.

In: a track, and the number of pieces to write per gene. Out: bytes of BED9, and the number of rows.
"""

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kanseq.browsers.piece_track import PieceTrack
from kanseq.errors import BadOption, NotWritable
from kanseq.genome.pieces import Pieces, letters_under
from kanseq.io.files import PathLike, disk_errors

SEPARATOR = "|"
"""Separator in the name of a BED row, between the gene id and the letters of the piece."""

POSITIVE, NEGATIVE, ZERO = "202,0,32", "5,113,176", "0,0,0"
"""Colours of BED rows by sign: red if a piece raises the explained logit, blue if it lowers it, black if it is 0."""

CHUNK = 200_000
"""Number of rows that are formatted at once."""

_LONGEST_NAME = 200
_GENES = 512


def check_top(top: int | None) -> None:
    """Check that the requested number of pieces per gene is at least 1; None means all pieces.

    Raises:
        BadOption: the number is less than 1.
    """
    if top is not None and top < 1:
        raise BadOption(f"the {top} largest attributions per gene were requested", hint="specify at least 1")


def check_folder(folder: PathLike | None) -> None:
    """Check that files can be written into a folder, or that the folder can be created.

    Raises:
        NotWritable: the path is a file, the folder is not writable, or its parent is missing or not writable.
    """
    if folder is None:
        return
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotWritable("this is a file, but a folder is required", where=folder, hint="specify another name")
    around = folder if folder.is_dir() else folder.absolute().parent
    if not around.is_dir():
        hint = f"create it: mkdir -p {shlex.quote(str(around))}"
        raise NotWritable(f"the folder '{around}' does not exist", where=folder, hint=hint)
    if not os.access(around, os.W_OK | os.X_OK):
        raise NotWritable(f"the folder '{around}' is not writable", where=folder, hint="specify another folder")


def write_bed(track: PieceTrack, top: int | None, handle: BinaryIO) -> int:
    """Write the BED rows of a track, contig by contig in byte order of their names, and return the number of rows.

    Args:
        track: genes and the values of their pieces.
        top: number of pieces per gene to write, those with the largest absolute values; None for all.
        handle: output stream.
    """
    full, rows = _full_magnitude(track), 0
    for chrom in _chroms(track):
        genes, pieces, values = track.on_contig(chrom)
        pieces, values = _largest(pieces, values, top)
        ids = _ids(track, genes)
        rank = np.empty(len(ids), dtype=np.int64)
        rank[np.argsort(ids, kind="stable")] = np.arange(len(ids))
        order = np.lexsort((pieces.index, rank[pieces.row], pieces.end, pieces.start))
        codes = track.codes(genes)
        for begin in range(0, len(order), CHUNK):
            chosen = order[begin : begin + CHUNK]
            part = Pieces(*(array[chosen] for array in pieces))
            handle.write(_bed_text(chrom, ids, codes, part, values[chosen], full)[0])
        rows += len(order)
    return rows


def write_gene_beds(track: PieceTrack, top: int | None, folder: PathLike, outputs: ExitStack) -> None:
    """Write the BED rows of each gene to a separate file, named by :func:`gene_file_names`.

    Args:
        track: genes and the values of their pieces.
        top: as in :func:`write_bed`.
        folder: output folder, created if it is missing. Other files in it are kept.
        outputs: the files get their final names when this stack closes without an error; otherwise no file is written.

    Raises:
        NotWritable: the folder cannot be created or written, or the disk is full.
    """
    temporary = outputs.enter_context(_filled_at_once(Path(folder)))
    names = np.array(gene_file_names(_ids(track, np.arange(len(track.table))).tolist()), dtype=object)
    full = _full_magnitude(track)
    with disk_errors(folder):
        for chrom in _chroms(track):
            genes, pieces, values = track.on_contig(chrom)
            pieces, values = _largest(pieces, values, top)
            order = np.lexsort((pieces.index, pieces.end, pieces.start, pieces.row))
            borders = np.searchsorted(pieces.row[order], np.arange(len(genes) + 1))
            for first in range(0, len(genes), _GENES):
                own = genes[first : first + _GENES]
                cut = borders[first : first + len(own) + 1]
                chosen = order[cut[0] : cut[-1]]
                part = Pieces(*(array[chosen] for array in pieces))
                part = part._replace(row=part.row - first)
                text, ends = _bed_text(chrom, _ids(track, own), track.codes(own), part, values[chosen], full)
                at = ends[cut - cut[0]]
                for name, start, end in zip(names[own], at[:-1], at[1:], strict=True):
                    (temporary / name).write_bytes(text[start:end])


def gene_file_names(ids: Sequence[str]) -> list[str]:
    """Return the name of each gene's BED file, made from the gene id. Names are valid and unique on every file system.

    Characters other than letters, digits, ``.``, ``_`` and ``-`` are replaced by ``_``, and long names are truncated.
    If several names are then equal (ignoring letter case), a number is appended to all but one; a name that equals its
    gene id is kept if possible. The order of the genes makes no difference.

    >>> gene_file_names(["a:1", "a_1", "AT1G01010"])
    ['a_1_2.bed', 'a_1.bed', 'AT1G01010.bed']
    """
    safe = [re.sub(r"[^A-Za-z0-9._-]", "_", name)[:_LONGEST_NAME] for name in ids]
    names, taken = [""] * len(ids), set[str]()
    for gene in sorted(range(len(ids)), key=lambda gene: (safe[gene] != ids[gene], ids[gene])):
        name, number = safe[gene], 1
        while name.lower() in taken:
            number += 1
            name = f"{safe[gene]}_{number}"
        taken.add(name.lower())
        names[gene] = f"{name}.bed"
    return names


def _chroms(track: PieceTrack) -> list[str]:
    """Return the names of the contigs that have genes, in byte order."""
    return sorted(set(track.table["chrom"]), key=str.encode)


def _ids(track: PieceTrack, genes: np.ndarray) -> np.ndarray:
    """Return the ids of the genes in some rows of the track's table."""
    return track.table["id"].iloc[genes].astype(str).to_numpy(dtype=object)


def _full_magnitude(track: PieceTrack) -> float:
    """Return the absolute value that has a BED score of 1000: the 99th percentile over all pieces, written or not."""
    magnitudes = [np.abs(track.on_contig(chrom)[2]) for chrom in _chroms(track)]
    everything = np.concatenate(magnitudes) if magnitudes else np.zeros(0, dtype=np.float32)
    return float(np.percentile(everything, 99)) if len(everything) else 0.0


def _largest(pieces: Pieces, values: np.ndarray, top: int | None) -> tuple[Pieces, np.ndarray]:
    """Select the ``top`` pieces of each gene with the largest absolute values; ties are broken by column order."""
    if top is None:
        return pieces, values
    order = np.lexsort((pieces.index, -np.abs(values), pieces.row))
    row = pieces.row[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    kept = np.sort(order[place < top])
    return Pieces(*(array[kept] for array in pieces)), values[kept]


def _bed_text(
    chrom: str, ids: np.ndarray, codes: np.ndarray, pieces: Pieces, values: np.ndarray, full: float
) -> tuple[bytes, np.ndarray]:
    """Return BED9 rows of pieces as text, and the byte offset of each row and of the end."""
    letters, offsets = letters_under(codes, pieces)
    words = pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(letters))
    name = pc.binary_join_element_wise(pa.array(ids, pa.string()).take(pa.array(pieces.row)), words, SEPARATOR)
    magnitude = np.abs(values.astype(np.float64))
    share = magnitude / full if full > 0 else (magnitude > 0).astype(np.float64)
    score = np.rint(1000 * np.minimum(1.0, share)).astype(np.int64)
    start, end = as_text(pieces.start), as_text(pieces.end)
    strand = pa.array(["+", "-"]).take(pa.array(pieces.minus.astype(np.int8)))
    colours = pa.array([f"{NEGATIVE}\n", f"{ZERO}\n", f"{POSITIVE}\n"])
    colour = colours.take(pa.array(np.sign(values).astype(np.int8) + 1))
    return join_text([pa.scalar(chrom), start, end, name, as_text(score), strand, start, end, colour])


def as_text(numbers: np.ndarray) -> pa.Array:
    """Format numbers as text: integers in full, floats as the shortest text that reads back as the same value."""
    return pc.cast(pa.array(numbers), pa.string())


def join_text(columns: list[pa.Array | pa.Scalar]) -> tuple[bytes, np.ndarray]:
    """Join text columns into tab-separated lines; return the text, and the offset of each line and of the end.

    The last column must contain the line ends.
    """
    lines = pc.binary_join_element_wise(*columns, "\t")
    if not len(lines):
        return b"", np.zeros(1, dtype=np.int32)
    ends = np.frombuffer(lines.buffers()[1], dtype=np.int32)[: len(lines) + 1]
    return lines.buffers()[2].slice(0, int(ends[-1])).to_pybytes(), ends


@contextmanager
def _filled_at_once(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder whose files move into ``folder`` when the block ends, or are removed if it fails."""
    check_folder(folder)
    made = not folder.exists()
    temporary = folder / f".{os.getpid()}.part"
    try:
        with disk_errors(folder):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
        yield temporary
        with disk_errors(folder):
            for path in sorted(temporary.iterdir()):
                os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if made:
            # After success the folder is not empty, so it is kept.
            with suppress(OSError):
                folder.rmdir()
