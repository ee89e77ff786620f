"""Extract the windows of the genes on a contig, in the direction of transcription.

In: one contig, its genes, a geometry. Out: coordinates and sequences, and a reason for each excluded gene.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

from kanseq.genome.annotation.genes import Excluded, Gene
from kanseq.genome.fasta import Contig, only_bases, reverse_complement
from kanseq.geometry import Geometry

Edge: TypeAlias = Literal["drop", "pad"]

MAX_N = 0.5
"""Default maximum fraction of ``N`` in the windows of a gene, so that models do not learn assembly gaps."""


class GeneWindows(NamedTuple):
    """The row of a gene in a set; coordinates are 0-based, windows are half-open and not clipped at contig ends."""

    id: str
    chrom: str
    strand: str
    tss: int
    tts: int
    tss_start: int
    tss_end: int
    tts_start: int
    tts_end: int
    sequence: str


class CutGene(NamedTuple):
    """A gene of an annotation and its windows; the line of the gene distinguishes genes of the same name."""

    gene: Gene
    windows: GeneWindows


def cut_genes(
    contig: Contig, genes: Iterable[Gene], geometry: Geometry, *, edge: Edge = "drop", max_n: float = MAX_N
) -> tuple[list[CutGene], list[Excluded]]:
    """Extract the windows of the genes on a contig; return the genes with their windows, and the excluded genes.

    Genes are ordered by start, then end, then name. A sequence has ``geometry.columns`` letters A, C, G, T and ``N``
    (for the padding, for every other letter, and for positions past the contig's ends) in the direction of
    transcription; no columns are masked. With ``edge='drop'``, genes with windows past the contig's ends are excluded.
    Genes are also excluded if more than a fraction ``max_n`` of the letters in their windows, ignoring positions past
    the contig, are not A, C, G or T.
    """
    cuts, excluded = [], []
    for gene in sorted(genes, key=lambda gene: (gene.start, gene.end, gene.id, gene.line)):
        first, last = (gene.start, gene.end - 1) if gene.strand == "+" else (gene.end - 1, gene.start)
        tss_window, tts_window = geometry.tss_window(first, gene.strand), geometry.tts_window(last, gene.strand)
        outside = sum(_outside(window, len(contig.sequence)) for window in (tss_window, tts_window))
        if outside and edge == "drop":
            detail = f"{contig.name}:{gene.start}-{gene.end}({gene.strand}): {outside} columns past the contig's ends"
            excluded.append(Excluded(gene.id, "edge", detail, gene.line))
            continue
        sides = [only_bases(_letters(contig.sequence, window)) for window in (tss_window, tts_window)]
        if gene.strand == "-":
            sides = [reverse_complement(side) for side in sides]
        missing = sum(side.count(b"N") for side in sides) - outside
        present = 2 * geometry.window - outside
        if missing > max_n * present:
            detail = f"{missing} of {present} letters are not A, C, G or T"
            excluded.append(Excluded(gene.id, "too_many_n", detail, gene.line))
            continue
        sequence = (b"N" * geometry.pad).join(sides).decode("ascii")
        row = GeneWindows(gene.id, contig.name, gene.strand, first, last, *tss_window, *tts_window, sequence)
        cuts.append(CutGene(gene, row))
    return cuts, excluded


def _outside(window: tuple[int, int], length: int) -> int:
    """Count the columns of a window that lie past the ends of a contig of this ``length``."""
    start, end = window
    return (end - start) - max(0, min(end, length) - max(start, 0))


def _letters(sequence: bytes, window: tuple[int, int]) -> bytes:
    """Return the letters of a window, with ``N`` for positions past the contig's ends."""
    start, end = window
    left = min(max(-start, 0), end - start)
    inside = sequence[max(start, 0) : max(end, 0)]
    return b"N" * left + inside + b"N" * (end - start - left - len(inside))
