"""Combine the rows of an annotation to transcripts. In: rows with attributes, in any order. Out: transcripts."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from sys import intern
from typing import TypeAlias, TypeVar

from kanseq.genome.annotation.gff import Row
from kanseq.genome.annotation.links import EDGE, TRANSCRIPT, gene_names, kind_of, own_name, parents_in

Key: TypeAlias = tuple[str, str]
"""Gene and transcript in GTF; an empty text and the ID in GFF3."""

Place: TypeAlias = tuple[str, str]
"""Contig and strand."""

_Item = TypeVar("_Item")

CLOSE = 300
"""Transcripts of the same gene that are less than this number of bases apart are in the same place."""

_CANONICAL_KEYS = ("canonical_transcript", "Ensembl_canonical")


@dataclass(slots=True)
class Stated:
    """What the rows of a transcript state: names of its gene, its parents, biotype, type and source.

    ``parents`` is None without a row of the transcript itself. ``is_parent`` tells whether other rows name it as their
    ``Parent``.
    """

    names: dict[str, str] = field(default_factory=dict)
    parents: list[str] | None = None
    is_parent: bool = False
    biotype: str | None = None
    kind: str | None = None
    source: str | None = None

    def join(self, other: "Stated") -> None:
        """Add what other rows of the transcript state, without a gene."""
        self.names = other.names | self.names
        self.parents = self.parents if other.parents is None else other.parents
        self.is_parent |= other.is_parent
        self.biotype = self.biotype or other.biotype
        self.kind = other.kind or self.kind
        self.source = self.source or other.source


@dataclass(slots=True)
class Transcript:
    """A transcript, combined from its rows: 0-based half-open ends, first line, and what its rows state.

    ``gene`` is the value by which it refers to its gene: ``gene_id``, or ``Parent``. ``coding`` is its number of
    coding bases. ``spans`` are the ends and lines of its own rows, without those of its exons. ``is_complete`` is False
    if only rows such as UTRs name it.
    """

    key: Key
    place: Place
    start: int
    end: int
    line: int
    gene: str | None = None
    coding: int = 0
    canonical: bool = False
    is_complete: bool = False
    spans: list[tuple[int, int, int]] = field(default_factory=list)
    stated: Stated | None = None

    def extend(self, start: int, end: int, coding: bool) -> None:
        """Add an interval, of a coding sequence or of another part."""
        self.start, self.end = min(self.start, start), max(self.end, end)
        self.coding += (end - start) * coding

    def copies(self) -> "list[Transcript]":
        """Return the transcript, or one for each place if it has rows at several places."""
        places = chained(self.spans, lambda span: span[:2])
        if len(places) < 2:
            return [self]
        return [
            replace(
                self,
                start=min(start for start, _, _ in spans),
                end=max(end for _, end, _ in spans),
                line=min(line for _, _, line in spans),
            )
            for spans in places
        ]


class Transcripts:
    """Collects transcripts from rows.

    Rows are grouped by ``Parent`` in GFF3, and by gene and transcript id in GTF. The same id on another contig or
    strand is another transcript: genes may be on both X and Y, and transcripts in several repeats.
    """

    def __init__(self, genes: Iterable[str] = ()) -> None:
        """Begin without transcripts; ``genes`` are ids of genes: a coding sequence may belong to one directly."""
        self._genes = set(genes)
        self._found: dict[tuple[Place, Key], Transcript] = {}
        self._kinds: dict[str, str | None] = {}
        self._places: dict[Place, Place] = {}

    def add(self, row: Row, attributes: Mapping[str, str]) -> list[Transcript]:
        """Add a row to the transcripts that it belongs to; return these."""
        if row.type not in self._kinds:
            self._kinds[row.type] = kind_of(row.type)
        kind, place = self._kinds[row.type], (row.contig, row.strand)
        # One object for each place: there are many transcripts.
        place = self._places.setdefault(place, place)
        touched = []
        for key, gene in _owners(kind, attributes, self._genes):
            transcript = self._found.get((place, key))
            if transcript is None:
                own = (intern(key[0]), key[1])
                transcript = self._found[place, own] = Transcript(own, place, row.start, row.end, row.line)
            transcript.extend(row.start, row.end, row.type.upper() == "CDS")
            transcript.gene = intern(gene) if gene else transcript.gene
            transcript.canonical |= _is_canonical(attributes)
            transcript.is_complete |= kind != EDGE
            if kind == TRANSCRIPT:
                transcript.spans.append((row.start, row.end, row.line))
            touched.append(transcript)
        return touched

    def take(self) -> Iterator[tuple[Transcript, list[Key]]]:
        """Yield every transcript, and the keys of all its rows; some may be incomplete."""
        keys = self._merge_nameless()
        for (place, key), transcript in self._found.items():
            yield transcript, keys.get((place, key), [key])

    def _merge_nameless(self) -> dict[tuple[Place, Key], list[Key]]:
        """Merge rows that name a transcript without its gene (AUGUSTUS) with the rows that name both.

        Returns:
            The keys of the rows of merged transcripts.
        """
        nameless = [(place, key) for place, key in self._found if not key[0] and key[1]]
        if not nameless:
            return {}
        named: dict[tuple[Place, str], list[Key]] = {}
        for place, key in self._found:
            if key[0] and key[1]:
                named.setdefault((place, key[1]), []).append(key)
        keys = {}
        for place, key in nameless:
            full = named.get((place, key[1]), [])
            part = self._found[place, key]
            if len(full) == 1 and part.gene in (None, full[0][0]):
                keys[place, full[0]] = [full[0], key]
                _absorb(self._found[place, full[0]], self._found.pop((place, key)))
        return keys


def chained(items: Iterable[_Item], span_of: Callable[[_Item], tuple[int, int]]) -> list[list[_Item]]:
    """Group items whose intervals overlap, directly or in a chain, or are less than :data:`CLOSE` apart, by position.

    >>> chained([(5000, 5900), (0, 300), (200, 400), (500, 600)], lambda span: span)
    [[(0, 300), (200, 400), (500, 600)], [(5000, 5900)]]
    """
    groups: list[list[_Item]] = []
    last = 0
    for item in sorted(items, key=span_of):
        start, end = span_of(item)
        if groups and start < last + CLOSE:
            groups[-1].append(item)
            last = max(last, end)
        else:
            groups.append([item])
            last = end
    return groups


def _absorb(whole: Transcript, part: Transcript) -> None:
    """Add the rows of ``part`` to ``whole``."""
    whole.start, whole.end = min(whole.start, part.start), max(whole.end, part.end)
    whole.line = min(whole.line, part.line)
    whole.coding += part.coding
    whole.canonical |= part.canonical
    whole.is_complete |= part.is_complete
    whole.spans += part.spans
    if whole.stated is not None and part.stated is not None:
        whole.stated.join(part.stated)


def _owners(kind: str | None, attributes: Mapping[str, str], genes: set[str]) -> Iterator[tuple[Key, str | None]]:
    """Yield the key of each transcript that a row belongs to, and the gene of the transcript if the row states it."""
    parents = parents_in(attributes)
    if parents:
        for parent in parents:
            if kind == TRANSCRIPT:
                yield ("", attributes.get("ID", "")), parent
            else:
                # The parent of a CDS may be its gene (organelles): the gene is then used as its transcript.
                yield ("", parent), parent if parent in genes else None
        return
    gene, transcript = attributes.get("gene_id", ""), attributes.get("transcript_id", "")
    if kind == TRANSCRIPT and attributes.get("ID"):
        yield ("", attributes["ID"]), gene or None
    elif transcript:
        yield (gene, transcript), gene or None
    elif gene:
        yield (gene, ""), gene
    elif own := own_name(attributes):
        yield ("", own), None
    elif names := gene_names(attributes):
        yield (names[0], ""), names[0]


def _is_canonical(attributes: Mapping[str, str]) -> bool:
    """Return whether a row has Ensembl's canonical tag, or the attribute used by maize and other annotations."""
    if "tag" in attributes and "Ensembl_canonical" in attributes["tag"].split(","):
        return True
    if attributes.keys().isdisjoint(_CANONICAL_KEYS):
        return False
    return any(attributes.get(key, "").lower() in ("1", "true", "yes") for key in _CANONICAL_KEYS)
