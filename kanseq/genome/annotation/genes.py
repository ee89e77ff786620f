"""Read the genes of an annotation and select them by biotype.

In: GTF or GFF3. Out: genes with 0-based half-open coordinates, and a reason for each excluded gene.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kanseq.errors import BadOption, NoGenes
from kanseq.genome.annotation.biotypes import (
    PROTEIN_CODING,
    biotype_of_row,
    biotype_word,
    most_coding,
    same_biotype,
)
from kanseq.genome.annotation.gff import Row
from kanseq.genome.annotation.links import bare_name, may_be_child, parents_in
from kanseq.genome.annotation.loci import AssembledGene, build_loci
from kanseq.genome.annotation.scan import GeneRows, Scan
from kanseq.io.files import PathLike, some

ID_KEYS = ("gene_id", "ID", "locus_tag", "Name")
"""Attributes with the id of a gene; the first one present is used, without a prefix ``gene-`` or ``gene:``."""

NO_ID = "."
NO_BIOTYPE = "none"
"""The biotype of genes that have none, in options and tables."""

_log = logging.getLogger(__name__)


class Gene(NamedTuple):
    """A gene of an annotation, with 0-based half-open coordinates.

    Attributes:
        id: its name.
        contig, start, end, strand: where it is.
        biotype: its biotype in the words of the file, or None.
        line: line number in the file, of its row or of its first transcript.
        feature: the value by which its transcripts refer to it.
        members: the keys of its transcripts if the gene has no row, and was built from them (see
            :data:`kanseq.genome.annotation.transcript_rows.Key`).
        coding: whether it was built from transcripts with coding sequences.
        fault: why it must be excluded: a reason and details; None if there is no fault.
    """

    id: str
    contig: str
    start: int
    end: int
    strand: str
    biotype: str | None
    line: int
    feature: str
    members: frozenset[tuple[str, str]] = frozenset()
    coding: bool = False
    fault: tuple[str, str] | None = None

    @property
    def place(self) -> str:
        """Where it is, 1-based, as in genome browsers."""
        return f"{self.contig}:{self.start + 1}-{self.end}({self.strand})"


class Excluded(NamedTuple):
    """A gene that is excluded: its id, a short reason such as ``biotype``, details, and its line in the annotation."""

    id: str
    reason: str
    detail: str
    line: int


def read_genes(path: PathLike, id_key: str | None = None) -> list[Gene]:
    """Read all genes of an annotation, in file order; a gene without an id attribute gets the id :data:`NO_ID`.

    Genes are the rows whose type ends in ``gene``. A gene without such a row is built from its transcripts, see
    :func:`kanseq.genome.annotation.loci.build_loci`; one name at several places makes several genes. For biotypes, see
    :mod:`kanseq.genome.annotation.biotypes`.

    Raises:
        MalformedLine, MissingFile, TruncatedFile: see :func:`kanseq.genome.annotation.gff.read_rows`.
        NoGenes: there are no genes; the message lists the row types that were found.
        BadOption: no gene has the attribute ``id_key``; the message lists the attributes that were found.
    """
    genes: list[Gene] = []
    sources: list[str | None] = []
    keys: set[str] = set()
    rows, scan = GeneRows(), Scan(path)

    def add(row: Row, attributes: Mapping[str, str]) -> None:
        genes.append(_gene(row, attributes, id_key))
        sources.append(biotype_word(row.source))
        rows.add(row, [attributes.get(key, "") for key in (*ID_KEYS, "gene")])

    possible_children: list[tuple[Row, dict[str, str]]] = []
    for row, attributes in scan:
        keys.update(attributes)
        if may_be_child(row.type, attributes):
            possible_children.append((row, attributes))
        else:
            add(row, attributes)
    for row, attributes in possible_children:
        owners = parents_in(attributes) or [attributes["gene_id"]]
        if any(rows.has(row.contig, row.strand, owner) for owner in owners):
            # Its exons may name it as their parent.
            rows.add(row, [attributes.get("ID", "")])
        else:
            add(row, attributes)
    loci, found = build_loci(path, scan, rows, id_key)
    keys |= found
    if not genes and not any(locus.is_complete for locus in loci):
        shown = f"its row types are {some(list(scan.types), 8)}" if scan.types else "the file has no rows"
        raise NoGenes("no gene rows", where=path, hint=f"{shown}; provide a GTF or GFF3 with genes")
    if id_key is not None and id_key not in keys:
        raise BadOption(
            f"no gene has the attribute '{id_key}' of --id",
            where=path,
            hint=f"choose one of {some(sorted(keys), 12)}",
        )
    _report(path, scan, len(genes), len(loci))
    genes = _by_transcripts(genes, scan)
    return sorted(_with_biotypes(genes, sources, loci), key=lambda gene: gene.line)


def select_genes(
    genes: Sequence[Gene], biotypes: Sequence[str] = (), where: PathLike | None = None
) -> tuple[list[Gene], list[Excluded]]:
    """Return the genes that have an id, a requested biotype and a strand, and the excluded genes.

    Without ``biotypes``, keep protein-coding genes if there are any, else the genes without a biotype. All words for
    protein-coding genes, such as ``protein_coding_gene``, are the same biotype; ``none`` requests genes without a
    biotype. If no gene has a biotype and all were built from transcripts, those with coding sequences are requested by
    ``protein_coding``. ``where`` is the file, for messages.

    Raises:
        NoGenes: no gene has a requested biotype; the message counts the biotypes in the file.
    """
    excluded = [Excluded(gene.id, *gene.fault, gene.line) for gene in genes if gene.fault]
    genes = [gene for gene in genes if not gene.fault]
    if biotypes and all(gene.biotype is None and gene.members for gene in genes):
        genes = [gene._replace(biotype=PROTEIN_CODING if gene.coding else None) for gene in genes]
    requested = {same_biotype(biotype) for biotype in biotypes} or {_default_biotype(genes)}
    kept = []
    for gene in genes:
        if gene.id == NO_ID:
            # With --id, the gene may have another name.
            excluded.append(Excluded(bare_name(gene.feature) or NO_ID, "no_id", f"line {gene.line}", gene.line))
        elif same_biotype(gene.biotype or NO_BIOTYPE) not in requested:
            excluded.append(Excluded(gene.id, "biotype", gene.biotype or NO_BIOTYPE, gene.line))
        elif gene.strand not in ("+", "-"):
            excluded.append(Excluded(gene.id, "no_strand", f"strand {gene.strand!r}", gene.line))
        else:
            kept.append(gene)
    if not kept and any(item.reason == "biotype" for item in excluded):
        there = Counter(gene.biotype or NO_BIOTYPE for gene in genes)
        shown = some([f"{name} ({count:,})" for name, count in there.most_common()], 8)
        listed = ", ".join(sorted(biotypes or requested))
        raise NoGenes(f"no gene has the biotype {listed}", where=where, hint=f"use --biotype with one of {shown}")
    found = {same_biotype(gene.biotype or NO_BIOTYPE) for gene in genes} | {NO_BIOTYPE}
    if missing := [biotype for biotype in biotypes if same_biotype(biotype) not in found]:
        there = some(sorted({gene.biotype for gene in genes if gene.biotype}), 8)
        _log.warning("no gene has the biotype %s; the file has %s", ", ".join(missing), there or "none")
    return kept, excluded


def _default_biotype(genes: Sequence[Gene]) -> str:
    """Return the biotype to keep by default: protein-coding if any gene has it or all have others, else none."""
    coding = sum(same_biotype(gene.biotype or NO_BIOTYPE) == PROTEIN_CODING for gene in genes)
    unstated = [gene for gene in genes if gene.biotype is None]
    if coding or not unstated:
        if unstated:
            _log.info(
                "%s excluded, because others are protein_coding: use --biotype protein_coding,none to keep %s",
                _counted(len(unstated), "gene has no biotype and is", "genes have no biotype and are"),
                "it" if len(unstated) == 1 else "them",
            )
        return PROTEIN_CODING
    others = Counter(gene.biotype for gene in genes if gene.biotype)
    if others:
        left_out = f"genes of these types are excluded: {some([str(name) for name, _ in others.most_common()], 8)}"
    elif all(gene.members for gene in genes) and 0 < sum(gene.coding for gene in genes) < len(genes):
        coding = sum(gene.coding for gene in genes)
        left_out = _counted(coding, "of them has", "of them have")
        left_out += " coding sequences (--biotype protein_coding keeps only these)"
    else:
        left_out = "non-coding genes may be among them"
    of_these = " for these genes" if others else ""
    what = "gene" if any(gene.members for gene in unstated) else "gene row"
    taken = f"1 {what} was taken" if len(unstated) == 1 else f"all {len(unstated)} {what}s were taken"
    _log.info("the annotation states no biotype%s: %s; %s", of_these, taken, left_out)
    return NO_BIOTYPE


def _gene(row: Row, attributes: Mapping[str, str], id_key: str | None) -> Gene:
    """Convert an annotation row to a gene with its id and biotype."""
    keys = ID_KEYS if id_key is None else (id_key,)
    name = bare_name(next((attributes[key] for key in keys if attributes.get(key)), NO_ID))
    feature = attributes.get("ID") or attributes.get("gene_id") or ""
    # A tab inside quotes would break the tables that these names are written to.
    name = " ".join(name.split())
    biotype = biotype_of_row(row.type, attributes)
    return Gene(name or NO_ID, row.contig, row.start, row.end, row.strand, biotype, row.line, feature)


def _by_transcripts(genes: list[Gene], scan: Scan) -> list[Gene]:
    """Return genes with the biotypes that their transcripts state, where their rows state none (FlyBase, MAKER)."""
    if all(gene.biotype for gene in genes):
        return genes
    stated = scan.biotypes()
    return [
        gene._replace(biotype=gene.biotype or stated.get((gene.contig, gene.strand, bare_name(gene.feature))))
        for gene in genes
    ]


def _with_biotypes(genes: list[Gene], sources: list[str | None], loci: list[AssembledGene]) -> list[Gene]:
    """Return all genes with their biotypes, which may be known only after the whole file was read.

    The source (column 2) is a biotype in GTF files of old Ensembl releases, which have no other. The type ``mRNA``
    means protein-coding only next to types such as ``tRNA``, and if rows of genes do not lack a biotype.
    """
    types = {kind for locus in loci for kind in locus.kinds}
    told = all(gene.biotype for gene in genes) and bool(genes or types - {None, "mRNA"})
    built = [_built(locus, told) for locus in loci]
    if not any(gene.biotype for gene in (*genes, *built)):
        genes = [gene._replace(biotype=source) for gene, source in zip(genes, sources, strict=True)]
        built = [gene._replace(biotype=most_coding(locus.sources)) for gene, locus in zip(built, loci, strict=True)]
    return genes + built


def _built(locus: AssembledGene, told: bool) -> Gene:
    """Convert a locus to a gene; ``told`` tells whether the type ``mRNA`` is a biotype."""
    kinds = [kind for kind in locus.kinds if told or kind != "mRNA"]
    biotype = most_coding(locus.biotypes) or most_coding(kinds)
    gene = Gene(
        locus.id or NO_ID,
        locus.place[0],
        locus.start,
        locus.end,
        locus.place[1],
        biotype,
        locus.line,
        locus.feature,
        locus.members,
        locus.coding,
    )
    if not locus.is_complete:
        return gene._replace(fault=("no_exons", f"line {gene.line}: only rows of UTRs or codons"))
    if locus.row:
        what = f"line {gene.line} ({gene.place}, without a gene row); the row of the gene is line {locus.row}"
        return gene._replace(fault=("duplicate_id", what))
    return gene


def _counted(number: int, one: str, many: str) -> str:
    """Return a number, and what it counts."""
    return f"{number} {one if number == 1 else many}"


def _report(path: PathLike, scan: Scan, rows: int, built: int) -> None:
    """Log how many genes were built from transcripts, and in how many rows ``;`` is missing between attributes."""
    if built and rows:
        verb = "gene without a gene row was", "genes without a gene row were"
        _log.info("%s: %s assembled from transcripts", path, _counted(built, *verb))
    elif built:
        verb = "gene was", "genes were"
        _log.info("%s has no gene rows: %s assembled from transcripts", path, _counted(built, *verb))
    if scan.unseparated:
        _log.warning(
            "%s:%d: attributes are not separated by ';' (%d such row%s); a quoted value ends at its quote",
            path,
            scan.unseparated[0],
            len(scan.unseparated),
            "s" if len(scan.unseparated) > 1 else "",
        )
