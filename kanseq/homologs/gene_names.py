"""Find the genes of a set to which proteins, transcripts and hits belong.

In: names and headers of sequences, and their genes in a table or an annotation. Out: rows of genes in the set.
"""

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from kanseq.errors import UnknownGene
from kanseq.genome.coding import Coding
from kanseq.genome.names.resolver import RULES, SAME_KIND, SpellingRule, match_names, report_rule
from kanseq.io.files import some
from kanseq.sequences.sequence_set import SequenceSet

_HEADER_GENE = re.compile(r"(?:^|\s)(?:gene|locus)[:=](\S+)|\[(?:locus_tag|gene)=([^\]]+)\]")
"""Matches genes in headers: Ensembl ``gene:ID``; gffread, Phytozome ``gene=ID``, ``locus=ID``; NCBI ``[gene=ID]``."""


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
        self._table, self._renamed, self._strip = dict(table or {}), dict(renamed or {}), strip_version
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
        for source in (self._table_genes, self._annotated_genes):
            self._fill(found, source(names, species), species, where)
        if headers is not None:
            self._fill(found, [_genes_in(header) for header in headers], species, where)
        self._fill(found, [(name,) for name in names], species, where, isoforms=True)
        return found

    def rows_of_genes(
        self, genes: Sequence[Sequence[str]], species: str | None = None, where: object = None
    ) -> list[int | None]:
        """Return the row of each gene, which is described by all of its names, the most reliable first.

        Raises:
            UnknownGene: several species have a gene of this name.
        """
        found: list[int | None] = [None] * len(genes)
        self._fill(found, genes, species, where)
        return found

    def _fill(
        self,
        found: list[int | None],
        genes: Sequence[Sequence[str]],
        species: str | None,
        where: object,
        *,
        isoforms: bool = False,
    ) -> None:
        """Look up the missing entries of ``found`` by the names of their genes, one name after the other."""
        for candidates in _columns(genes):
            missing = [at for at, row in enumerate(found) if row is None and candidates[at]]
            if not missing:
                continue
            row_of = self._lookup([candidates[at] for at in missing], species, where, isoforms)
            for at in missing:
                found[at] = row_of.get(candidates[at])

    def _lookup(self, names: Sequence[str], species: str | None, where: object, isoforms: bool) -> dict[str, int]:
        """Return the rows of genes by name; with ``isoforms``, the names may be those of their transcripts."""
        rules = RULES if isoforms else SAME_KIND
        renamed = dict(zip(names, _by_name(names, self._renamed, rules), strict=True))
        gene_of = {name: renamed[name] or name for name in names}
        distinct = list(dict.fromkeys(gene_of.values()))
        row_of = self._row_of.get(species, {})
        known = list(row_of)
        match = match_names(distinct, known, many=True, rules=rules, eager=self._strip)
        report_rule(match, where, "names", len(distinct))
        placed = {name: known[place] for name, place in zip(distinct, match.places.tolist(), strict=True) if place >= 0}
        if species is None and self._twice:
            self._check_species(placed.values())
        return {name: row_of[placed[gene]] for name, gene in gene_of.items() if gene in placed}

    def _check_species(self, ids: Iterable[str]) -> None:
        """Raise UnknownGene if several species have one of these genes."""
        twice = next((name for name in ids if name in self._twice), None)
        if twice is not None:
            raise UnknownGene(
                f"the set has '{twice}' in several species ({some(self.species)})",
                hint="specify the species of the file: SPECIES=FILE",
            )

    def _table_genes(self, names: Sequence[str], species: str | None) -> list[tuple[str, ...]]:
        """Return the gene of each sequence in the table of proteins."""
        genes = _by_name(names, self._table)
        return [() if gene is None else (gene,) for gene in genes]

    def _annotated_genes(self, names: Sequence[str], species: str | None) -> list[tuple[str, ...]]:
        """Return the names of each sequence's gene in the annotation of its species."""
        return [genes or () for genes in _by_name(names, self._annotated.get(species, {}))]


_Value = TypeVar("_Value", bound=Hashable)


def _by_name(
    names: Sequence[str], values: Mapping[str, _Value], rules: Sequence[SpellingRule] = SAME_KIND
) -> list[_Value | None]:
    """Return the value of each name, matched by ``rules``; None if there is none."""
    if not values:
        return [None] * len(names)
    known = list(values)
    distinct = list(dict.fromkeys(names))
    match = match_names(distinct, known, many=True, targets=list(values.values()), rules=rules)
    place = dict(zip(distinct, match.places.tolist(), strict=True))
    return [values[known[place[name]]] if place[name] >= 0 else None for name in names]


def _columns(genes: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """Yield the first name of each gene, then the second, and so on; empty if a gene has fewer names."""
    for position in range(max(map(len, genes), default=0)):
        yield [names[position] if position < len(names) else "" for names in genes]


def _genes_in(header: str) -> list[str]:
    """Return the names of genes in the header of a FASTA sequence.

    >>> _genes_in("AT1G01010.1 pep chromosome:TAIR10:1:3631:5899:1 gene:AT1G01010 transcript:AT1G01010.1")
    ['AT1G01010']
    """
    return [one or other for one, other in _HEADER_GENE.findall(header)]
