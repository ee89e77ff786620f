"""What `kanseq explain` writes beside its table: browser tracks, contributions for motif discovery.

In: numbers per base of all genes, and where each output goes. Out: files that take their names when all are written.
"""

import os
import tempfile
import zipfile
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kanseq.attribution.tables import Sums
from kanseq.data.sequences import NO_SPECIES, PLACE, SequenceSet
from kanseq.errors import BadOption
from kanseq.files import PathLike, disk_errors, some, whole_file
from kanseq.genome.pieces import piece_template
from kanseq.genome.tracks import Combine, PieceTrack, check_combine, check_track_names, track_files, write_tracks
from kanseq.geometry import Geometry
from kanseq.models.network import BASES


class Tracks(NamedTuple):
    """The browser tracks that are wanted, see :func:`kanseq.attribution.explanation.explain`."""

    bed: PathLike | None
    bedgraph: PathLike | None
    bigwig: PathLike | None
    combine: Combine
    strand_specific: bool
    top: int | None
    per_gene: PathLike | None

    @property
    def wanted(self) -> bool:
        """Whether there is any."""
        return any(path is not None for path in (self.bed, self.bedgraph, self.bigwig, self.per_gene))

    def check(self) -> None:
        """Refuse endings, numbers and ways to combine that do not exist."""
        check_track_names(self.bed, self.bedgraph, self.bigwig)
        check_combine(self.combine)
        if self.top is not None and self.top < 1:
            raise BadOption(f"--top {self.top}", hint="it must be at least 1")
        if self.top is not None and self.bed is None and self.per_gene is None:
            raise BadOption("--top chooses rows of a BED track", hint="name one with --bed or --per-gene")

    def files(self, genes: SequenceSet) -> list[Path]:
        """List what will be written, and refuse genes that have no place."""
        if self.wanted and not (genes.geometry.has_genes and all(column in genes.table for column in PLACE)):
            raise BadOption(
                "a track needs genes with places, and the set holds sequences without", hint="write a table with -o"
            )
        species = list(genes.table["species"].unique())
        if self.wanted and len(species) > 1:
            raise BadOption(
                f"a track shows one genome, and these genes are of {some(species)}",
                hint="name the genes of one species with --gene-list, or explain its own set",
            )
        return track_files(self.bed, self.bedgraph, self.bigwig, contig_lengths(genes), self.strand_specific)

    def shown(self, genes: SequenceSet) -> list[PathLike]:
        """List the files that a browser opens: all but indices, and but tracks of single genes."""
        files = track_files(self.bed, self.bedgraph, self.bigwig, contig_lengths(genes), self.strand_specific)
        return [path for path in files if path.suffix not in (".tbi", ".csi")]

    def write(self, genes: SequenceSet, geometry: Geometry, sums: Sums, stack: ExitStack) -> int | None:
        """Write them; give the number of the BED's rows."""

        def codes(rows: np.ndarray) -> np.ndarray:
            return geometry.hide(genes.codes(rows))

        values = sums.by_piece(piece_template(geometry))
        track = PieceTrack(genes.table, geometry, contig_lengths(genes), values, codes)
        return write_tracks(
            track,
            bed=self.bed,
            bedgraph=self.bedgraph,
            bigwig=self.bigwig,
            combine=self.combine,
            strand_specific=self.strand_specific,
            top=self.top,
            per_gene=self.per_gene,
            stack=stack,
        )


def contig_lengths(genes: SequenceSet) -> dict[str, int]:
    """Give the lengths of the contigs of the genes' one species, in the genome's order."""
    species = next(iter(genes.table["species"]), NO_SPECIES)
    return {name: int(contig["length"]) for name, contig in genes.contigs_of(species).items()}


class Hypothetical(AbstractContextManager["Hypothetical"]):
    """Contributions of all four bases in every column, added up in an unnamed file, for motif discovery.

    Two files come of it, both as TF-MoDISco reads them (``arr_0`` of shape ``(n, 4, columns)``, and ``ids``): the
    contributions, float32, and beside them as ``NAME.onehot.npz`` the sequences, int8.
    """

    def __init__(self, path: PathLike, genes: SequenceSet) -> None:
        """Make room beside ``path``.

        Raises:
            NotWritable: there is no such folder, or too little space.
        """
        self.path, self.genes = Path(path), genes
        shape = (len(genes), BASES, genes.geometry.columns)
        with disk_errors(self.path):
            self.file = tempfile.TemporaryFile(dir=self.path.parent)  # noqa: SIM115
            size = 4 * max(1, int(np.prod(shape)))
            if hasattr(os, "posix_fallocate"):
                # A file that a full disk cuts short would end the process when it is written to as memory.
                os.posix_fallocate(self.file.fileno(), 0, size)
            else:
                self.file.truncate(size)
        self.values = np.memmap(self.file, dtype=np.float32, mode="r+", shape=shape)

    def __exit__(self, *failure: object) -> None:
        """Let the file go."""
        del self.values
        with suppress(OSError):
            self.file.close()

    def add(self, rows: np.ndarray, values: np.ndarray, weights: np.ndarray) -> None:
        """Add one model's numbers ``(rows, 4, columns)`` for some rows, times ``weights (rows,)``."""
        self.values[rows] += values * weights[:, None, None].astype(np.float32)

    def write(self, geometry: Geometry, stack: ExitStack) -> None:
        """Write both files; they take their names when the stack closes."""
        ids = np.array(self.genes.table["id"].astype(str).tolist())
        for path, dtype, part in (
            (self.path, np.float32, lambda rows: self.values[rows]),
            (onehot_name(self.path), np.int8, lambda rows: _one_hot(geometry.hide(self.genes.codes(rows)))),
        ):
            temporary = stack.enter_context(whole_file(path))
            with disk_errors(path), zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
                with archive.open("arr_0.npy", "w", force_zip64=True) as handle:
                    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": self.values.shape}
                    np.lib.format.write_array_header_1_0(handle, header)
                    for start in range(0, len(ids), GENES):
                        handle.write(np.ascontiguousarray(part(slice(start, start + GENES)), dtype=dtype).tobytes())
                with archive.open("ids.npy", "w") as handle:
                    np.lib.format.write_array(handle, ids)


GENES = 64
"""Genes that are packed at a time."""


def onehot_name(path: PathLike) -> Path:
    """Name the file of sequences that belongs to one of contributions.

    >>> onehot_name("a/hypothetical.npz").name
    'hypothetical.onehot.npz'
    """
    path = Path(path)
    return path.with_name(f"{path.name.removesuffix('.npz')}.onehot.npz")


def check_hypothetical(path: PathLike | None) -> None:
    """Make sure that the file's name ends as NumPy's archives do.

    Raises:
        BadOption: it does not.
    """
    if path is not None and not Path(path).name.endswith(".npz"):
        raise BadOption("the name of a file of hypothetical contributions must end in .npz", where=path)


def _one_hot(codes: np.ndarray) -> np.ndarray:
    """Give ``(n, 4, columns)`` int8; nothing for unknown bases."""
    return (codes[:, None] == np.arange(BASES, dtype=np.uint8)[:, None]).astype(np.int8)
