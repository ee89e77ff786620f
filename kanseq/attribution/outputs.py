"""What `kanseq explain` writes beside its table: browser tracks, contributions for motif discovery.

In: numbers per base of all genes, and where each output goes. Out: files that take their names when all are written.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kanseq.attribution.tables import Sums
from kanseq.data.sequences import NO_SPECIES, PLACE, SequenceSet
from kanseq.errors import BadOption
from kanseq.files import PathLike, some
from kanseq.genome.piece_track import PieceTrack
from kanseq.genome.pieces import piece_template
from kanseq.genome.tracks import Combine, check_combine, check_track_names, track_files, write_tracks
from kanseq.geometry import Geometry


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
