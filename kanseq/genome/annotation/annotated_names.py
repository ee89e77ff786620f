"""Read all names of genes and transcripts in an annotation.

In: GTF or GFF3. Out: the names of each gene, and a mapping from transcripts and genes to the ids of a set.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from kanseq.errors import BadOption
from kanseq.genome.annotation.genes import NO_ID, Gene, read_genes
from kanseq.genome.annotation.gff import GENES, TRANSCRIPTS, TRANSCRIPTS_ALONE, attributes_of, read_rows
from kanseq.genome.annotation.links import parents_in
from kanseq.genome.names.resolver import KnownNames, match_names
from kanseq.genome.names.spellings import unprefixed
from kanseq.io.files import PathLike

_OTHER_KEYS = ("ID", "Name", "locus_tag", "pacid", "gene", "gene_name")
"""Attributes with names, in addition to those that end in ``_id``."""

_LISTS = ("Alias", "gene_synonym", "old_locus_tag")
"""Attributes with several names, separated by commas."""

_CROSS_REFERENCES = ("Dbxref", "db_xref", "dbxref")
_GENE_NUMBER = re.compile(r"\bGeneID:(\d+)")
"""Matches NCBI's number of a gene in cross references."""

_NO_NAMES = ("exon_id", "parent_id", "ccds_id", "taxon_id", "so_term_id")


class GeneIds(NamedTuple):
    """The ids of genes.

    Attributes:
        of_feature: feature (the value by which transcripts refer to a gene) -> id of the gene.
        of_transcript: transcript of a gene without a row -> id of the gene. With ``--id``, several genes may have one
            feature, and only their transcripts distinguish them.
    """

    of_feature: dict[str, str]
    of_transcript: dict[str, str]


class NamedGenes(NamedTuple):
    """The genes of an annotation by their features (the value by which transcripts refer to a gene).

    Attributes:
        ids: feature -> default id of ``kanseq extract``. A transcript of a gene without a row is a feature, too.
        names: feature -> pairs of attribute and name, without prefixes such as ``gene:``.
    """

    ids: dict[str, str]
    names: dict[str, list[tuple[str, str]]]

    def of(self, feature: str, *, synonyms: bool = True) -> tuple[str, ...]:
        """Return all names of a gene, its default id first; synonyms may also be names of other genes."""
        own = (name for key, name in self.names.get(feature, ()) if synonyms or key not in _LISTS)
        return tuple(dict.fromkeys(name for name in (self.ids.get(feature, ""), *own) if name))


def read_named_genes(path: PathLike) -> NamedGenes:
    """Read the names of all genes.

    Raises:
        NoGenes, MalformedLine, MissingFile, TruncatedFile: see :func:`kanseq.genome.annotation.genes.read_genes`.
    """
    read = _gene_ids(read_genes(path))
    ids = read.of_feature | read.of_transcript
    names: dict[str, list[tuple[str, str]]] = {}
    for row in read_rows(path, GENES):
        attributes = attributes_of(row)
        feature = attributes.get("ID") or attributes.get("gene_id") or ""
        if feature in ids:
            names.setdefault(feature, [(key, unprefixed(value)) for key, value in _names(attributes)])
    return NamedGenes(ids, names)


def read_transcript_genes(
    path: PathLike, known: Collection[str] | None = None, id_key: str | None = None
) -> dict[str, str]:
    """Return a mapping from all names of transcripts and genes in a GTF or GFF3 to the ids of their genes.

    The names of a transcript are its ``ID``, ``Name``, ``pacid`` and attributes that end in ``_id``, with and without a
    prefix such as ``transcript:``. A name of several genes is not in the mapping.

    Args:
        path: the annotation.
        known: ids of genes; the attribute that contains most of them is used for the ids of the result.
        id_key: the attribute with the ids of the result, as in ``kanseq extract --id``.

    Raises:
        NoGenes, MalformedLine, MissingFile, TruncatedFile: see :func:`kanseq.genome.annotation.genes.read_genes`.
    """
    named = read_named_genes(path)
    ids = _ids(path, named, known, id_key)
    genes_of: dict[str, set[str]] = {}
    for pattern in (TRANSCRIPTS_ALONE, TRANSCRIPTS):
        for row in read_rows(path, pattern):
            attributes = attributes_of(row)
            own = attributes.get("transcript_id") or attributes.get("ID") or ""
            features = parents_in(attributes) or [attributes.get("gene_id", "")]
            found = [ids.of_transcript[own]] if own in ids.of_transcript else map(ids.of_feature.get, features)
            genes = {gene for gene in found if gene is not None}
            if genes:
                for name in _transcript_names(attributes):
                    genes_of.setdefault(name, set()).update(genes)
        if genes_of:
            break
    for name, gene in ids.of_transcript.items():
        genes_of.setdefault(name, set()).add(gene)
    for feature, gene in ids.of_feature.items():
        for name in (feature, *named.of(feature)):
            genes_of.setdefault(name, set()).add(gene)
    # The ids themselves are never ambiguous, even if another gene has one of them as its symbol.
    own_ids = set(ids.of_feature.values()) | set(ids.of_transcript.values())
    return {
        name: name if name in own_ids else next(iter(genes))
        for name, genes in genes_of.items()
        if len(genes) == 1 or name in own_ids
    } | {gene: gene for gene in own_ids}


def _gene_ids(genes: Iterable[Gene]) -> GeneIds:
    """Return the ids of genes by their features and, for genes without rows, by their transcripts."""
    ids = GeneIds({}, {})
    for gene in genes:
        if gene.id != NO_ID:
            ids.of_feature.setdefault(gene.feature, gene.id)
            ids.of_transcript.update({transcript: gene.id for _, transcript in gene.members if transcript})
    return ids


def _ids(path: PathLike, named: NamedGenes, known: Collection[str] | None, id_key: str | None) -> GeneIds:
    """Return the ids of genes, by the attribute that fits the known genes best."""
    default = _gene_ids(read_genes(path))
    if id_key is not None:
        try:
            return _gene_ids(read_genes(path, id_key))
        except BadOption:
            # The set was made from another annotation. The known genes decide.
            pass
    if not known:
        return default
    by_key: dict[str, dict[str, str]] = {}
    for feature, names in named.names.items():
        for key, name in names:
            by_key.setdefault(key, {}).setdefault(feature, name)
    choices = [default, *(GeneIds(ids, {}) for ids in by_key.values())]
    listed = KnownNames(list(known))
    # Of two attributes that match after a version is removed, prefer the one with the exact names.
    ranks = []
    for ids in choices:
        values = list(dict.fromkeys([*ids.of_feature.values(), *ids.of_transcript.values()]))
        ranks.append((len(set(values).intersection(known)), match_names(values, listed).found))
    return choices[ranks.index(max(ranks))]


def _names(attributes: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the attributes that contain names of the feature, with each of their names."""
    for key, value in attributes.items():
        if key in _CROSS_REFERENCES:
            yield from (("GeneID", number) for number in _GENE_NUMBER.findall(value))
        elif key in _LISTS:
            yield from ((key, name.strip()) for name in value.split(",") if name.strip())
        elif value and key not in _NO_NAMES and (key in _OTHER_KEYS or key.lower().endswith("_id")):
            yield key, value


def _transcript_names(attributes: dict[str, str]) -> list[str]:
    """Return the names of the transcript of a row, with and without prefixes."""
    names: list[str] = []
    for key, value in _names(attributes):
        if "gene" not in key.lower() and (key != "ID" or "Parent" in attributes):
            names += [value, unprefixed(value)]
    return list(dict.fromkeys(names))
