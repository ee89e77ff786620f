"""Read the genes of an annotation and select them by biotype.

In: GTF or GFF3. Out: genes with 0-based half-open coordinates, and a reason for each excluded gene.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kanseq.errors import BadOption, NoGenes
from kanseq.genome.annotation.gff import ALL, GENES, Row, attributes_of, read_rows
from kanseq.io.files import PathLike, some

ID_KEYS = ("gene_id", "ID", "locus_tag", "Name")
"""Attributes with the id of a gene; the first one present is used, without a prefix ``gene-`` or ``gene:``."""

BIOTYPE_KEYS = ("gene_biotype", "gene_type", "biotype", "locus_type")
"""Attributes with the biotype of a gene: in Ensembl and RefSeq GTF, in GENCODE, in Ensembl GFF3, and in Araport."""

DEFAULT_BIOTYPE = "protein_coding"
NO_ID = "."

_log = logging.getLogger(__name__)


class Gene(NamedTuple):
    """A gene of an annotation, with 0-based half-open coordinates.

    ``line`` is its line number in the file. ``feature`` is the value by which transcripts refer to the gene.
    """

    id: str
    contig: str
    start: int
    end: int
    strand: str
    biotype: str | None
    line: int
    feature: str


class Excluded(NamedTuple):
    """A gene that is excluded: its id, a short reason such as ``biotype``, details, and its line in the annotation."""

    id: str
    reason: str
    detail: str
    line: int


def read_genes(path: PathLike, id_key: str | None = None) -> list[Gene]:
    """Read all genes of an annotation, in file order; a gene without an id attribute gets the id :data:`NO_ID`.

    In a GTF without gene rows, genes are assembled from the rows that share a ``gene_id``. The biotype is read from the
    attributes. Without such an attribute, it is the type of the row if that is more specific than ``gene``, such as
    ``pseudogene``.

    Raises:
        MalformedLine, MissingFile, TruncatedFile: see :func:`kanseq.genome.annotation.gff.read_rows`.
        NoGenes: there are no genes; the message lists the row types that were found.
        BadOption: no gene has the attribute ``id_key``; the message lists the attributes that were found.
    """
    genes: list[Gene] = []
    keys: set[str] = set()
    for row in read_rows(path, GENES):
        attributes = attributes_of(row)
        keys.update(attributes)
        genes.append(_gene(row, attributes, id_key))
    if not genes:
        genes, keys = _genes_of_transcripts(path, id_key)
    if id_key is not None and id_key not in keys:
        raise BadOption(
            f"no gene has the attribute '{id_key}' of --id",
            where=path,
            hint=f"choose one of {some(sorted(keys), 12)}",
        )
    return genes


def select_genes(genes: Iterable[Gene], biotypes: Sequence[str] = ()) -> tuple[list[Gene], list[Excluded]]:
    """Return the genes that have an id, a requested biotype and a strand, and the excluded genes.

    Without ``biotypes``, keep protein-coding genes if any gene has a biotype, else the rows of type ``gene``.

    Raises:
        NoGenes: no gene has a requested biotype; the message counts the biotypes in the file.
    """
    genes = list(genes)
    requested: set[str | None] = set(biotypes) or _default_biotypes(genes)
    kept, excluded = [], []
    for gene in genes:
        if gene.id == NO_ID:
            excluded.append(Excluded(gene.id, "no_id", f"line {gene.line}", gene.line))
        elif gene.biotype not in requested:
            excluded.append(Excluded(gene.id, "biotype", gene.biotype or "none", gene.line))
        elif gene.strand not in ("+", "-"):
            excluded.append(Excluded(gene.id, "no_strand", f"strand {gene.strand!r}", gene.line))
        else:
            kept.append(gene)
    if not kept and any(item.reason == "biotype" for item in excluded):
        there = Counter(gene.biotype or "none" for gene in genes)
        shown = some([f"{name} ({count:,})" for name, count in there.most_common()], 8)
        listed = ", ".join(sorted(str(name) for name in requested if name))
        raise NoGenes(f"no gene has the biotype {listed}", hint=f"use --biotype with one of {shown}")
    return kept, excluded


def _default_biotypes(genes: Iterable[Gene]) -> set[str | None]:
    """Return the biotypes to keep by default: protein-coding if any gene has a biotype, else None (no biotype)."""
    stated = any(gene.biotype is not None and not gene.biotype.endswith("gene") for gene in genes)
    return {DEFAULT_BIOTYPE} if stated else {None}


def _gene(row: Row, attributes: dict[str, str], id_key: str | None) -> Gene:
    """Convert an annotation row to a gene with its id and biotype."""
    keys = ID_KEYS if id_key is None else (id_key,)
    name = next((attributes[key] for key in keys if attributes.get(key)), NO_ID)
    for prefix in ("gene-", "gene:"):
        name = name.removeprefix(prefix)
    biotype = next((attributes[key] for key in BIOTYPE_KEYS if attributes.get(key)), None)
    if biotype is None and row.type.endswith("gene") and row.type != "gene":
        biotype = row.type
    feature = attributes.get("ID") or attributes.get("gene_id") or ""
    # A tab inside quotes would break the tables that these names are written to.
    name = " ".join(name.split())
    return Gene(name or NO_ID, row.contig, row.start, row.end, row.strand, biotype, row.line, feature)


def _genes_of_transcripts(path: PathLike, id_key: str | None) -> tuple[list[Gene], set[str]]:
    """Assemble the genes of a GTF without gene rows (UCSC, StringTie); return them and the attribute names found."""
    genes: dict[tuple[str, str, str], Gene] = {}
    keys: set[str] = set()
    types: Counter[str] = Counter()
    for row in read_rows(path, ALL):
        types[row.type] += 1
        attributes = attributes_of(row)
        if "gene_id" not in attributes:
            continue
        keys.update(attributes)
        place = (attributes["gene_id"], row.contig, row.strand)
        gene = genes.get(place) or _gene(row, attributes, id_key)
        genes[place] = gene._replace(start=min(gene.start, row.start), end=max(gene.end, row.end))
    if not genes:
        shown = f"its row types are {some(list(types), 8)}" if types else "the file has no rows"
        raise NoGenes("no gene rows", where=path, hint=f"{shown}; provide a GTF or GFF3 with genes")
    _log.info("%s has no gene rows: %d genes were assembled from rows that share a gene_id", path, len(genes))
    return list(genes.values()), keys
