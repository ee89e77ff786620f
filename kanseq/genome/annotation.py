"""Genes of an annotation: which there are, what they are called, and which of them are wanted.

In: GTF or GFF3. Out: genes with 0-based half-open places, and a reason for each gene that is left out.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kanseq.errors import BadOption, NoGenes
from kanseq.files import PathLike, some
from kanseq.genome.rows import ALL, GENES, Row, attributes_of, read_rows

ID_KEYS = ("gene_id", "ID", "locus_tag", "Name")
"""Attributes that name a gene, in the order in which they are tried; a prefix ``gene-`` or ``gene:`` is dropped."""

BIOTYPE_KEYS = ("gene_biotype", "gene_type", "biotype", "locus_type")
"""Attributes that hold a gene's biotype: Ensembl's GTF and RefSeq's, GENCODE's, Ensembl's GFF3, Araport's."""

DEFAULT_BIOTYPE = "protein_coding"
NO_ID = "."

_log = logging.getLogger(__name__)


class Gene(NamedTuple):
    """A gene's place, 0-based half-open; ``feature`` is the name under which the file's transcripts know it."""

    id: str
    contig: str
    start: int
    end: int
    strand: str
    biotype: str | None
    line: int
    feature: str


class Excluded(NamedTuple):
    """A gene that is left out, why (one word), what exactly, and its line in the annotation."""

    id: str
    reason: str
    detail: str
    line: int


def read_genes(path: PathLike, id_key: str | None = None) -> list[Gene]:
    """Read every gene of an annotation, in file order; a gene without a name is called :data:`NO_ID`.

    A GTF without gene rows gets its genes from the rows that share a ``gene_id``. The biotype is the attribute's, or,
    where there is none, the row's type if it says more than ``gene`` (``pseudogene``).

    Raises:
        MalformedLine, MissingFile, TruncatedFile: as :func:`kanseq.genome.rows.read_rows`.
        NoGenes: there are no genes; the message shows which rows there are.
        BadOption: no gene has the attribute ``id_key``; the message shows which there are.
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
            f"no gene has the attribute '{id_key}' that --id asks for",
            where=path,
            hint=f"choose one of {some(sorted(keys), 12)}",
        )
    return genes


def select_genes(genes: Iterable[Gene], biotypes: Sequence[str] = ()) -> tuple[list[Gene], list[Excluded]]:
    """Keep the genes that have a name, a wanted biotype and a strand.

    Without ``biotypes`` these are the protein-coding ones where any gene carries a biotype, else the rows whose type
    is ``gene`` itself.

    Raises:
        NoGenes: no gene has such a biotype; the message counts those that there are.
    """
    genes = list(genes)
    wanted: set[str | None] = set(biotypes) or _default_biotypes(genes)
    kept, excluded = [], []
    for gene in genes:
        if gene.id == NO_ID:
            excluded.append(Excluded(gene.id, "no_id", f"line {gene.line}", gene.line))
        elif gene.biotype not in wanted:
            excluded.append(Excluded(gene.id, "biotype", gene.biotype or "none", gene.line))
        elif gene.strand not in ("+", "-"):
            excluded.append(Excluded(gene.id, "no_strand", f"strand {gene.strand!r}", gene.line))
        else:
            kept.append(gene)
    if not kept and any(item.reason == "biotype" for item in excluded):
        there = Counter(gene.biotype or "none" for gene in genes)
        shown = some([f"{name} ({count:,})" for name, count in there.most_common()], 8)
        asked = ", ".join(sorted(str(name) for name in wanted if name))
        raise NoGenes(f"no gene has the biotype {asked}", hint=f"choose with --biotype; there are {shown}")
    return kept, excluded


def _default_biotypes(genes: Iterable[Gene]) -> set[str | None]:
    """Protein-coding, unless no gene row says more of itself than its type."""
    stated = any(gene.biotype is not None and not gene.biotype.endswith("gene") for gene in genes)
    return {DEFAULT_BIOTYPE} if stated else {None}


def _gene(row: Row, attributes: dict[str, str], id_key: str | None) -> Gene:
    """Name a row and say what it is."""
    keys = ID_KEYS if id_key is None else (id_key,)
    name = next((attributes[key] for key in keys if attributes.get(key)), NO_ID)
    for prefix in ("gene-", "gene:"):
        name = name.removeprefix(prefix)
    biotype = next((attributes[key] for key in BIOTYPE_KEYS if attributes.get(key)), None)
    if biotype is None and row.type.endswith("gene") and row.type != "gene":
        biotype = row.type
    feature = attributes.get("ID") or attributes.get("gene_id") or ""
    # A tab inside quotes would tear the tables that names end up in.
    name = " ".join(name.split())
    return Gene(name or NO_ID, row.contig, row.start, row.end, row.strand, biotype, row.line, feature)


def _genes_of_transcripts(path: PathLike, id_key: str | None) -> tuple[list[Gene], set[str]]:
    """Put together the genes of a GTF that has only transcripts and exons (UCSC, StringTie)."""
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
        shown = f"its rows are {some(list(types), 8)}" if types else "it holds no rows at all"
        raise NoGenes("no gene rows", where=path, hint=f"{shown}; give a GTF or GFF3 with genes")
    _log.info("%s has no gene rows: %d genes were put together from rows that share a gene_id", path, len(genes))
    return list(genes.values()), keys
