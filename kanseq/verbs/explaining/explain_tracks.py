"""Write attributions as tracks for genome browsers.

In: attributions of all genes, and the paths of the tracks. Out: BED, bedGraph and bigWig files.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kanseq.attribution.attribution_sums import Sums
from kanseq.browsers.piece_track import PieceTrack
from kanseq.browsers.tracks import Combine, check_combine, check_track_names, track_files, write_tracks
from kanseq.errors import BadOption
from kanseq.genome.pieces import piece_template
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike, some
from kanseq.sequences.sequence_set import NO_SPECIES, PLACE, SequenceSet


class Tracks(NamedTuple):
    """Paths and options of the requested browser tracks, see :func:`kanseq.verbs.explaining.explain.explain`."""

    bed: PathLike | None
    bedgraph: PathLike | None
    bigwig: PathLike | None
    combine: Combine
    strand_specific: bool
    top: int | None
    per_gene: PathLike | None

    @property
    def wanted(self) -> bool:
        """True if at least one track is requested."""
        return any(path is not None for path in (self.bed, self.bedgraph, self.bigwig, self.per_gene))

    def check(self) -> None:
        """Raise BadOption if a file name, ``top`` or ``combine`` is invalid."""
        check_track_names(self.bed, self.bedgraph, self.bigwig)
        check_combine(self.combine)
        if self.top is not None and self.top < 1:
            raise BadOption(f"--top {self.top}", hint="it must be at least 1")
        if self.top is not None and self.bed is None and self.per_gene is None:
            raise BadOption("--top needs a BED track", hint="use --bed or --per-gene")

    def files(self, genes: SequenceSet) -> list[Path]:
        """Return the paths of all files to write, including indices.

        Raises:
            BadOption: a track is requested, but the genes have no coordinates or are from several species.
        """
        if self.wanted and not (genes.geometry.has_genes and all(column in genes.table for column in PLACE)):
            raise BadOption(
                "a track needs genes with coordinates, and this set has none", hint="use -o to write a table"
            )
        species = list(genes.table["species"].unique())
        if self.wanted and len(species) > 1:
            raise BadOption(
                f"a track shows one genome, and these genes are from {some(species)}",
                hint="use --gene-list with the genes of one species, or provide the set of one species",
            )
        return track_files(self.bed, self.bedgraph, self.bigwig, contig_lengths(genes), self.strand_specific)

    def shown(self, genes: SequenceSet) -> list[PathLike]:
        """Return the paths of the tracks that a browser session opens, without indices and tracks of single genes."""
        files = track_files(self.bed, self.bedgraph, self.bigwig, contig_lengths(genes), self.strand_specific)
        return [path for path in files if path.suffix not in (".tbi", ".csi")]

    def write(self, genes: SequenceSet, geometry: Geometry, sums: Sums, stack: ExitStack) -> int | None:
        """Write the tracks; return the number of BED rows. The files get their final names when ``stack`` closes."""

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
    """Return contig -> length, in the order of the genome; all genes must be from one species."""
    species = next(iter(genes.table["species"]), NO_SPECIES)
    return {name: int(contig["length"]) for name, contig in genes.contigs_of(species).items()}
