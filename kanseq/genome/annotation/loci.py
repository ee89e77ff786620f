"""Build genes from transcripts that belong to no row of a gene.

In: an annotation, and a scan of it. Out: loci, each with the transcripts that overlap, directly or in a chain.
"""

from typing import NamedTuple

from kanseq.genome.annotation.orphans import Orphan, OrphanReader
from kanseq.genome.annotation.scan import GeneRows, Scan
from kanseq.genome.annotation.transcript_rows import Key, Place, chained
from kanseq.io.files import PathLike


class AssembledGene(NamedTuple):
    """A gene that was built from transcripts, 0-based half-open.

    Attributes:
        id: name of the gene; empty if its transcripts lack the attribute that names genes.
        place, start, end: contig and strand, and the ends of its transcripts.
        line: line of its first transcript.
        feature: the value by which its first transcript refers to it, or the name of this transcript.
        members: the keys of its transcripts.
        coding: whether it has coding sequences.
        is_complete: False if there are only rows of UTRs and codons.
        row: line of the row of a gene of the same name on the other strand of the contig, of which this is a part
            (trans-splicing) or a copy; 0 if there is none.
        biotypes, kinds, sources: what its transcripts state; types that are biotypes, and biotypes in column 2.
    """

    id: str
    place: Place
    start: int
    end: int
    line: int
    feature: str
    members: frozenset[Key]
    coding: bool
    is_complete: bool
    row: int
    biotypes: list[str | None]
    kinds: list[str | None]
    sources: list[str | None]


def build_loci(path: PathLike, scan: Scan, genes: GeneRows, id_key: str | None) -> tuple[list[AssembledGene], set[str]]:
    """Build the genes that have no row of their own; return them in the order of the file, and the attributes found.

    Transcripts are grouped by the name of their gene (by the attribute ``id_key`` if it is not None), contig and
    strand. Those that overlap, directly or in a chain, are a locus. A transcript that names no gene is a gene. A
    transcript without ``id_key`` belongs to the gene of the other transcripts of its ``gene_id``, if this is one gene.
    """
    owners = scan.orphans(genes)
    if not owners:
        return [], set()
    reader = OrphanReader(path, scan, genes, owners, id_key)
    orphans = list(reader)
    groups: dict[tuple[Place, str, str], list[Orphan]] = {}
    chosen: dict[tuple[Place, str], set[str]] = {}
    for orphan in orphans:
        if orphan.chosen:
            chosen.setdefault((orphan.transcript.place, orphan.gene), set()).add(orphan.chosen)
    for orphan in orphans:
        place, name = orphan.transcript.place, orphan.gene
        if id_key is not None:
            others = chosen.get((place, name), set())
            name = orphan.chosen or (next(iter(others)) if len(others) == 1 else "")
        groups.setdefault((place, name, "" if name else orphan.gene), []).append(orphan)
    loci = [
        _locus(name, members, max(genes.line(place[0], orphan.gene) for orphan in members))
        for (place, name, _), group in groups.items()
        for members in chained(group, lambda orphan: (orphan.transcript.start, orphan.transcript.end))
    ]
    return sorted(loci, key=lambda locus: locus.line), reader.attributes


def _locus(name: str, members: list[Orphan], row: int) -> AssembledGene:
    """Combine transcripts that overlap to a locus; ``row`` is the line of a gene of the same name, or 0."""
    members = sorted(members, key=lambda orphan: orphan.transcript.line)
    first, transcripts = members[0], [orphan.transcript for orphan in members]
    return AssembledGene(
        name,
        first.transcript.place,
        min(transcript.start for transcript in transcripts),
        max(transcript.end for transcript in transcripts),
        first.transcript.line,
        first.feature,
        frozenset(key for orphan in members for key in orphan.keys),
        any(transcript.coding for transcript in transcripts),
        any(transcript.is_complete for transcript in transcripts),
        row,
        [transcript.stated and transcript.stated.biotype for transcript in transcripts],
        [transcript.stated and transcript.stated.kind for transcript in transcripts],
        [transcript.stated and transcript.stated.source for transcript in transcripts],
    )
