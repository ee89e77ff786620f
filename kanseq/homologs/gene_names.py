"""Find the genes of a set to which proteins, transcripts and hits belong.

In: names and headers of sequences, and their genes in a table or an annotation. Out: rows of genes in the set.
"""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from kanseq.errors import UnknownGene
from kanseq.genome.coding import Coding
from kanseq.genome.names.resolver import (
    EXACT,
    LEAST,
    RULES,
    SAME_KIND,
    UNVERSIONED,
    KnownNames,
    SpellingRule,
    match_names,
    report_rule,
)
from kanseq.genome.names.spellings import gene_in_header
from kanseq.io.files import some
from kanseq.sequences.sequence_set import SequenceSet

_HEADER_GENE = re.compile(r"(?:^|\s)(?:gene|locus|parent)[:=]([^\s,;]+)|\[(?:locus_tag|gene)=([^\]]+)\]")
"""Matches genes in headers: Ensembl ``gene:ID``; gffread, Phytozome ``gene=ID``, ``locus=ID``; FlyBase
``parent=ID,…``; NCBI ``[gene=ID]``."""


class GeneNames:
    """Finds the gene of the set to which a protein, a transcript or a hit belongs.

    The gene of a sequence comes from a table, an annotation, the header of the sequence, or its name, in this order.
    Names are matched by the rules of :data:`kanseq.genome.names.resolver.RULES`.
    """

    def __init__(
        self,
        genes: SequenceSet,
        table: Mapping[str, str] | None = None,
        *,
        renamed: Mapping[str, str] | None = None,
        strip_version: bool = False,
    ) -> None:
        """Index the genes.

        Args:
            genes: the set.
            table: protein or transcript -> gene.
            renamed: gene in another annotation release -> gene of the set.
            strip_version: match all names also without versions, even if this matches only few of them.
        """
        self._table, self._strip = dict(table or {}), strip_version
        self._renamed = KnownNames(list(renamed or {}), list((renamed or {}).values()))
        self._known: dict[str | None, KnownNames] = {}
        self._annotated: dict[str | None, dict[str, tuple[str, ...]]] = {}
        self.ids = list(genes.table["id"].astype(str))
        of_species = genes.table["species"].astype(str)
        self.species = list(dict.fromkeys(of_species))
        self._row_of: dict[str | None, dict[str, int]] = {species: {} for species in (None, *self.species)}
        self._twice: set[str] = set()
        for row, (species, name) in enumerate(zip(of_species, self.ids, strict=True)):
            self._row_of[species][name] = row
            if self._row_of[None].setdefault(name, row) != row:
                self._twice.add(name)

    def learn(self, species: str | None, codings: Iterable[Coding]) -> None:
        """Add the names of proteins and transcripts in an annotation, so that their genes can be found."""
        known = self._annotated.setdefault(species, {})
        for coding in codings:
            for name in coding.names:
                known.setdefault(name, coding.genes)

    @property
    def hint(self) -> str:
        """How sequences can be made to name genes of the set."""
        if self._table or self._annotated:
            return (
                "the annotation or the table of genes must contain the ids of the set; use --gene-map for a table of "
                "old and new ids"
            )
        return "use --annotation or --protein2gene to name their genes"

    def rows(
        self,
        names: Sequence[str],
        headers: Sequence[str] | None = None,
        species: str | None = None,
        where: object = None,
    ) -> list[int | None]:
        """Return the row of each sequence's gene; None if the set has no such gene.

        Args:
            names: names of proteins or transcripts; repeated names are allowed.
            headers: the complete headers of the sequences, if known.
            species: species of the sequences; None if the names of genes are unique.
            where: file of the sequences, for log messages.

        Raises:
            UnknownGene: several species have a gene of this name.
        """
        found: list[int | None] = [None] * len(names)
        settled = [False] * len(names)
        sources = [self._table_genes(names), self._annotated_genes(names, species)]
        if headers is not None:
            sources.append([_genes_in(header) for header in headers])
        for genes in sources:
            self._fill(found, settled, genes, species, where)
        self._fill(found, settled, [(name,) for name in names], species, where, isoforms=True)
        return found

    def rows_of_genes(
        self, genes: Sequence[Sequence[str]], species: str | None = None, where: object = None
    ) -> list[int | None]:
        """Return the row of each gene, which is described by all of its names, the most reliable first.

        Raises:
            UnknownGene: several species have a gene of this name.
        """
        found: list[int | None] = [None] * len(genes)
        self._fill(found, [False] * len(genes), genes, species, where)
        return found

    def _fill(
        self,
        found: list[int | None],
        settled: list[bool],
        genes: Sequence[Sequence[str]],
        species: str | None,
        where: object,
        *,
        isoforms: bool = False,
    ) -> None:
        """Look up the genes of sequences in one source, which lists the names of each gene.

        Args:
            found: row of each sequence's gene; missing rows are filled in.
            settled: whether an earlier source states that the gene of a sequence is not in the set. If this source has
                genes of the set, its other genes are not in the set, whatever the sequences are called.
            genes: the names of each sequence's gene.
            species, where, isoforms: see :meth:`rows` and :meth:`_lookup`.
        """
        open_ = [at for at, row in enumerate(found) if row is None and not settled[at] and genes[at]]
        stated = len({tuple(genes[at]) for at in open_})
        reached: set[int] = set()
        # All names are compared exactly before any rule is tried.
        for rules in ((EXACT,), RULES if isoforms else SAME_KIND):
            for position in range(max((len(genes[at]) for at in open_), default=0)):
                missing = [at for at in open_ if found[at] is None and len(genes[at]) > position]
                names = [genes[at][position] for at in missing]
                row_of = self._lookup(names, species, where, rules, len(reached), stated)
                for at, name in zip(missing, names, strict=True):
                    found[at] = row_of.get(name)
                reached.update(row_of.values())
        if reached and len(reached) >= LEAST * min(stated, len(self._known_of(species).names)):
            for at in open_:
                settled[at] = True

    def _lookup(
        self,
        names: Sequence[str],
        species: str | None,
        where: object,
        rules: Sequence[SpellingRule],
        before: int,
        size: int,
    ) -> dict[str, int]:
        """Return the rows of genes by name.

        Args:
            names: the names.
            species, where: see :meth:`rows`.
            rules: the rules to try.
            before: number of genes of the set that were found before.
            size: number of genes in the source of the names.
        """
        if not names:
            return {}
        gene_of = {name: name for name in names}
        if self._renamed.names:
            places = match_names(list(gene_of), self._renamed, many=True, rules=RULES).places.tolist()
            gene_of = {
                name: str(self._renamed.targets[place]) if place >= 0 else name
                for name, place in zip(gene_of, places, strict=True)
            }
        distinct = list(dict.fromkeys(gene_of.values()))
        known = self._known_of(species)
        if self._strip and len(rules) > 1:
            rules = (*rules, UNVERSIONED)
        match = match_names(distinct, known, many=True, rules=rules, eager=self._strip, before=before, size=size)
        report_rule(match, where, "names", len(distinct))
        placed = dict(zip(distinct, match.places.tolist(), strict=True))
        ids = {name: known.names[placed[gene]] for name, gene in gene_of.items() if placed[gene] >= 0}
        if species is None and self._twice:
            self._check_species(ids.values())
        return {name: self._row_of[species][gene] for name, gene in ids.items()}

    def _known_of(self, species: str | None) -> KnownNames:
        """Return the ids of the genes of a species, indexed by rules."""
        if species not in self._known:
            self._known[species] = KnownNames(list(self._row_of.get(species, {})))
        return self._known[species]

    def _check_species(self, ids: Iterable[str]) -> None:
        """Raise UnknownGene if several species have one of these genes."""
        twice = next((name for name in ids if name in self._twice), None)
        if twice is not None:
            raise UnknownGene(
                f"the set has '{twice}' in several species ({some(self.species)})",
                hint="specify the species of the file: SPECIES=FILE",
            )

    def _table_genes(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the gene of each sequence in the table of proteins."""
        return [() if gene is None else (gene,) for gene in _by_name(names, self._table)]

    def _annotated_genes(self, names: Sequence[str], species: str | None) -> list[tuple[str, ...]]:
        """Return the names of each sequence's gene in the annotation of its species."""
        return [genes or () for genes in _by_name(names, self._annotated.get(species, {}))]


_Value = TypeVar("_Value", bound=Hashable)


def _by_name(names: Sequence[str], values: Mapping[str, _Value]) -> list[_Value | None]:
    """Return the value of each name; None if there is none."""
    if not values:
        return [None] * len(names)
    known = KnownNames(list(values), list(values.values()))
    distinct = list(dict.fromkeys(names))
    match = match_names(distinct, known, many=True, rules=SAME_KIND)
    place = dict(zip(distinct, match.places.tolist(), strict=True))
    return [values[known.names[place[name]]] if place[name] >= 0 else None for name in names]


def _genes_in(header: str) -> list[str]:
    """Return the names of genes in the header of a FASTA sequence.

    >>> _genes_in("AT1G01010.1 pep chromosome:TAIR10:1:3631:5899:1 gene:AT1G01010 transcript:AT1G01010.1")
    ['AT1G01010']
    >>> _genes_in("FBpp0070000 type=protein; name=Nep3-PA; parent=FBgn0031081,FBtr0070000; species=Dmel;")
    ['FBgn0031081']
    """
    listed = gene_in_header(header.split(None, 1)[0]) if header.strip() else None
    return [*([listed] if listed else []), *(one or other for one, other in _HEADER_GENE.findall(header))]
