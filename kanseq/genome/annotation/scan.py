"""Scan an annotation once: the rows of its genes, and which of its transcripts belong to none of them.

In: GTF or GFF3. Out: rows of genes, and the owners that rows of transcripts, exons and coding sequences name.
"""

import re
from collections.abc import Iterable, Iterator

from kanseq.genome.annotation.attributes import is_separated, parse_attributes
from kanseq.genome.annotation.biotypes import BIOTYPE_KEYS, biotype_of_type, most_coding
from kanseq.genome.annotation.gff import Row, is_gene_type, parse_row, split_rows
from kanseq.genome.annotation.links import (
    EDGE,
    LINK,
    PART,
    QUICK_OWNER,
    TRANSCRIPT,
    Owner,
    bare_name,
    climb,
    decoded,
    gene_of_bare,
    kind_of,
    may_be_child,
    own_id,
    owner_of,
)
from kanseq.io.files import PathLike

_QUICK_BIOTYPE = re.compile(
    rb'[; \t](?:gene_biotype|gene_type|transcript_biotype|transcript_type|biotype)[ =]"?([^";\s]+)'
)

_VERSION = re.compile(r"(?<=\d)\.\d{1,3}$")

_GENE, _OTHER = "gene", "other"
"""Further kinds of rows."""

_PARTS = frozenset((PART, EDGE))


class GeneRows:
    """The names of all genes that have a row of their own, by contig and strand."""

    def __init__(self) -> None:
        """Begin without genes."""
        self._places: set[tuple[str, str, str]] = set()
        self._unversioned: set[tuple[str, str, str]] = set()
        self._lines: dict[tuple[str, str], int] = {}
        self._last: dict[tuple[str, str, int], int] = {}
        self._first: dict[tuple[str, str, int], int] = {}

    def add(self, row: Row, names: Iterable[str]) -> None:
        """Add a row of a gene with all its names."""
        start, end = (row.contig, row.strand, row.start), (row.contig, row.strand, row.end)
        self._last[start] = max(row.end, self._last.get(start, 0))
        self._first[end] = min(row.start, self._first.get(end, row.start))
        for name in {bare_name(name) for name in names if name}:
            self._places.add((row.contig, row.strand, name))
            if (short := _VERSION.sub("", name)) != name:
                self._unversioned.add((row.contig, row.strand, short))
            self._lines.setdefault((row.contig, name), row.line)

    def __len__(self) -> int:
        """Return the number of names and contigs."""
        return len(self._lines)

    def has(self, contig: str, strand: str, name: str) -> bool:
        """Return whether a gene of this name has a row on the contig and strand; one of them may lack the version."""
        place = (contig, strand, bare_name(name))
        if place in self._places or place in self._unversioned:
            return True
        short = _VERSION.sub("", name)
        return short != name and (contig, strand, bare_name(short)) in self._places

    def enclose(self, place: tuple[str, str], start: int, end: int) -> bool:
        """Return whether a gene with a row encloses an interval and begins or ends with it, at contig and strand."""
        return end <= self._last.get((*place, start), 0) or start >= self._first.get((*place, end), end)

    def line(self, contig: str, name: str) -> int:
        """Return the line of the first row of a gene of this name on a contig, on any strand; 0 if there is none."""
        return self._lines.get((contig, bare_name(name)), 0)


class Scan:
    """Reads an annotation once; iterate over it to get the rows of genes, then call :meth:`orphans`.

    Attributes:
        parent_of: the ids of transcripts and segments, and their (first) parents.
        types: all types of rows, in the order of the file.
        unseparated: lines in which ``;`` is missing between attributes: the first one, and those after it.
    """

    def __init__(self, path: PathLike) -> None:
        """Prepare to read ``path``."""
        self._path = path
        self._owners: set[Owner] = set()
        self._coding: set[Owner] = set()
        self._named: dict[str, Owner] = {}
        self._stated: dict[Owner, list[str]] = {}
        self._typed: dict[Owner, list[str]] = {}
        self._are_stated = False
        self.parent_of: dict[str, str] = {}
        self.types: dict[str, None] = {}
        self.unseparated: list[int] = []

    def __iter__(self) -> Iterator[tuple[Row, dict[str, str]]]:
        """Yield the rows of genes with their attributes, and remember what all other rows name."""
        kinds: dict[bytes, str] = {}
        seen: set[tuple[bytes, bytes, bytes]] = set()
        for line, columns in split_rows(self._path):
            kind = kinds.get(columns[2])
            if kind is None:
                kind = kinds[columns[2]] = self._kind(columns[2])
            if kind in _PARTS:
                if quick := QUICK_OWNER.search(columns[8]):
                    # Most exons name the same as others: skip these before anything else.
                    key = (columns[0], columns[6], quick.group())
                    if key in seen and not self.unseparated:
                        continue
                    seen.add(key)
                self._add(line, columns, kind)
            elif kind == _GENE:
                row = parse_row(columns, self._path, line)
                self._check(line, columns[8])
                attributes = parse_attributes(row.attributes)
                self._are_stated = self._are_stated or any(key in attributes for key in BIOTYPE_KEYS)
                if may_be_child(row.type, attributes):
                    self._typed.setdefault(owner_of(columns, False), []).append(row.type)
                yield row, attributes
            elif kind in (TRANSCRIPT, LINK):
                self._add(line, columns, kind)

    def _kind(self, name: bytes) -> str:
        """Return the kind of a type of rows, and remember the type."""
        self.types.setdefault(decoded(name))
        return _GENE if is_gene_type(decoded(name)) else kind_of(decoded(name)) or _OTHER

    def _add(self, line: int, columns: list[bytes], kind: str) -> None:
        """Remember what the row of a transcript or of a part of one names."""
        text = columns[8]
        self._check(line, text)
        is_part = kind not in (TRANSCRIPT, LINK)
        owner = owner_of(columns, is_part)
        if not is_part and (own := own_id(text)):
            if owner.how == "parent":
                self.parent_of[own] = decoded(owner.name).split("\0")[0]
            else:
                self._named[own] = owner
        if kind != LINK:
            self._owners.add(owner)
        if owner.how == "self" and columns[2].upper() == b"CDS":
            self._coding.add(owner)
        if kind == TRANSCRIPT and not self._are_stated:
            if found := _QUICK_BIOTYPE.search(text):
                self._stated.setdefault(owner, []).append(decoded(found.group(1)))
            if biotype := biotype_of_type(decoded(columns[2])):
                self._typed.setdefault(owner, []).append(biotype)

    def biotypes(self) -> dict[tuple[str, str, str], str]:
        """Return the biotypes that transcripts state for their genes: contig, strand and name of the gene -> biotype.

        Transcripts are ignored after the first row of a gene that states its biotype. The type ``mRNA`` states nothing,
        but a gene with an mRNA does not have the types of its other transcripts.
        """
        found: dict[tuple[str, str, str], list[str]] = {}
        for words in (self._stated, self._typed):
            kinds: dict[tuple[str, str, str], list[str]] = {}
            for owner, own in words.items():
                for name in self.names(owner):
                    kinds.setdefault((decoded(owner.contig), decoded(owner.strand), bare_name(name)), []).extend(own)
            for gene, own in kinds.items():
                if words is self._stated or "mRNA" not in own:
                    found.setdefault(gene, own)
        return {gene: most_coding(own) or own[0] for gene, own in found.items()}

    def _check(self, line: int, attributes: bytes) -> None:
        """Record the line if ``;`` is missing between its attributes."""
        # In most rows, every second quote is before a semicolon; to count is fast.
        quotes = attributes.count(b'"')
        usual = quotes == 2 * attributes.count(b'";') and (quotes or b"=" in attributes)
        if not usual and not is_separated(decoded(attributes)):
            self.unseparated.append(line)

    def orphans(self, genes: GeneRows) -> set[Owner]:
        """Return the owners that are not among the rows of genes; rows that name them may make genes.

        A CDS that names nothing makes a gene only in files without genes and transcripts (Prodigal, GenBank); an exon
        that names nothing makes none.
        """
        found = {owner for owner in self._owners if not self._belongs(owner, genes)}
        nameless = {owner for owner in found if owner.part and owner.how == "self"}
        if len(genes) or not self.types.keys().isdisjoint(("mRNA", "transcript")):
            return found - nameless
        return found - {owner for owner in nameless if owner not in self._coding}

    def _belongs(self, owner: Owner, genes: GeneRows) -> bool:
        """Return whether a row of a gene on the same contig and strand has one of the names."""
        contig, strand = decoded(owner.contig), decoded(owner.strand)
        known = [genes.has(contig, strand, name) for name in self.names(owner)]
        if owner.how != "parent":
            return any(known)
        # A transcript without a parent may name its gene in another way.
        above = [self._named.get(name) for name in self.names(owner)]
        return all(has or (up and self._belongs(up, genes)) for has, up in zip(known, above, strict=True))

    def names(self, owner: Owner) -> list[str]:
        """Return the names of the gene that an owner may have."""
        names = decoded(owner.name).split("\0")
        if owner.how == "parent":
            return [climb(self.parent_of, parent) for parent in names]
        if owner.how == "self":
            # Rows of a transcript may name it without its gene, which its own row names.
            names += [gene_of_bare(names[0]), climb(self.parent_of, names[0])]
        return list(dict.fromkeys(names))
