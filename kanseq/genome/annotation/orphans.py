"""Read the transcripts that belong to no row of a gene, and name their genes.

In: an annotation, and a scan of it. Out: transcripts, with the names of their genes and what their rows state.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kanseq.genome.annotation.attributes import parse_attributes
from kanseq.genome.annotation.biotypes import biotype_of_part, biotype_of_type, biotype_word
from kanseq.genome.annotation.gff import MOST_DIGITS, Row, attributes_of, is_gene_type, parse_row, span_of, split_rows
from kanseq.genome.annotation.links import (
    EDGE,
    FIRST_GENE_KEYS,
    GENE_KEYS,
    NO_TRANSCRIPT,
    PART,
    QUICK_OWNER,
    TRANSCRIPT,
    Owner,
    bare_name,
    climb,
    gene_names,
    gene_of_bare,
    kind_of,
    owner_of,
    parents_in,
)
from kanseq.genome.annotation.scan import GeneRows, Scan
from kanseq.genome.annotation.transcript_rows import Key, Stated, Transcript, Transcripts
from kanseq.io.files import PathLike

_GENE_ID, _TRANSCRIPT_ID = b'gene_id "', b'transcript_id "'
_PREFIX_OF_PART = re.compile(r"^(?:transcript|mrna|rna|cds):", re.IGNORECASE)
_TRANSCRIPT_PREFIX = re.compile(r"^(?:transcript|mrna|rna|cds)[:-]", re.IGNORECASE)
_MOST_PARTS = 10_000
"""Transcripts to remember while reading: rows of a transcript are usually close to each other."""


@dataclass(slots=True)
class Orphan:
    """A transcript that belongs to no row of a gene.

    Attributes:
        transcript: the transcript.
        keys: the keys of its rows.
        feature: the value by which it refers to its gene, or its own name.
        gene: name of its gene, without a prefix such as ``gene:``.
        chosen: value of the attribute of ``--id``; empty if it is missing.
    """

    transcript: Transcript
    keys: list[Key]
    feature: str
    gene: str
    chosen: str


class OrphanReader:
    """Reads the transcripts of an annotation that belong to no row of a gene; iterate over it to get them.

    Attributes:
        attributes: the names of all attributes of their rows.
    """

    def __init__(self, path: PathLike, scan: Scan, genes: GeneRows, owners: set[Owner], id_key: str | None) -> None:
        """Read the rows that name ``owners``; ``id_key`` is the attribute of ``--id``."""
        self._genes, self._id_key = genes, id_key
        self._wanted = frozenset((*GENE_KEYS, id_key))
        self._parent_of = dict(scan.parent_of)
        self._transcripts = Transcripts()
        self._parts: dict[tuple[bytes, ...], Transcript] = {}
        self._names: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        self._claimed: set[tuple[str, str, str]] = set()
        self._features: dict[str, str] = {}
        self.attributes: set[str] = set()
        self._read(path, scan, owners)

    def __iter__(self) -> Iterator[Orphan]:
        """Yield the transcripts, one for each of their places."""
        for whole, keys in self._transcripts.take():
            stated = whole.stated or Stated()
            found = self._gene_of(whole, stated)
            if found is None:
                continue
            feature, gene = found
            chosen = clean(stated.names.get(self._id_key or "", ""))
            if self._id_key == "ID" and (root := self._root(whole, stated)):
                chosen = clean(root)
            for transcript in whole.copies():
                yield Orphan(transcript, keys, feature, gene, chosen)

    def _read(self, path: PathLike, scan: Scan, owners: set[Owner]) -> None:
        """Read the rows that name ``owners``, and take note of transcripts that other rows assign to genes."""
        roots = {name for owner in owners if owner.how == "parent" for name in scan.names(owner)}
        nameless = {owner.name for owner in owners if owner.how == "self" and not owner.part}
        kinds: dict[bytes, str | None] = {}
        for line, columns in split_rows(path):
            name = columns[2]
            if name not in kinds:
                kinds[name] = kind_of(name.decode("utf-8", "replace"))
            kind = kinds[name]
            if kind in (TRANSCRIPT, PART, EDGE):
                if kind == PART and self._is_further_part(columns, path, line):
                    continue
                owner = owner_of(columns, kind != TRANSCRIPT)
                if owner in owners or (kind == EDGE and owner._replace(part=False) in owners):
                    self._add(parse_row(columns, path, line), kind, columns)
                    continue
                if nameless and owner.how != "self" and (own := _value(columns[8], _TRANSCRIPT_ID)) in nameless:
                    self._claimed.add(tuple(part.decode() for part in (columns[0], columns[6], own)))
            elif kind is None and roots and not is_gene_type(name.decode("utf-8", "replace")):
                self._note_feature(name, columns[8].decode("utf-8", "replace"), roots)

    def _is_further_part(self, columns: list[bytes], path: PathLike, line: int) -> bool:
        """Extend a transcript by a row if an exon of this type was read before; return whether that is so.

        Only the first rows of a transcript are parsed completely. This saves most of the time.
        """
        mark = _mark(columns)
        transcript = self._parts.get(mark) if mark else None
        if transcript is None:
            return False
        first, last = columns[3], columns[4]
        if first.isdigit() and last.isdigit() and 0 < int(first) <= int(last) and len(last) <= MOST_DIGITS:
            start, end = int(first) - 1, int(last)
        else:
            start, end = span_of(first.decode(), last.decode(), f"{path}:{line}")
        transcript.extend(start, end, columns[2].upper() == b"CDS")
        return True

    def _add(self, row: Row, kind: str | None, columns: list[bytes]) -> None:
        """Add a row to its transcripts, and collect what it states."""
        attributes = attributes_of(row)
        self.attributes.update(attributes)
        touched = self._transcripts.add(row, attributes)
        for transcript in touched:
            transcript.stated = transcript.stated or Stated()
            self._collect(transcript.stated, kind, row, attributes)
        mark = _mark(columns)
        if kind == PART and mark and len(touched) == 1:
            if len(self._parts) > _MOST_PARTS:
                self._parts.clear()
            self._parts[mark] = touched[0]

    def _collect(self, stated: Stated, kind: str | None, row: Row, attributes: dict[str, str]) -> None:
        """Collect what a row states about its transcript."""
        parents = parents_in(attributes)
        names = {key: value for key, value in attributes.items() if value and key in self._wanted}
        if kind == TRANSCRIPT:
            names = stated.names | names
            stated.parents = parents
            stated.kind = biotype_of_type(row.type) or stated.kind
        else:
            # ID and Name of a part with parents name the part, not its transcript.
            names = {key: name for key, name in names.items() if not parents or key not in ("ID", "Name")}
            names |= stated.names
            stated.is_parent |= bool(parents)
        # Transcripts of a gene share their names, to save memory.
        stated.names = self._names.setdefault(tuple(names.items()), names)
        stated.biotype = stated.biotype or biotype_of_part(attributes)
        stated.source = stated.source or biotype_word(row.source)

    def _note_feature(self, kind: bytes, text: str, roots: set[str]) -> None:
        """Take note of a feature that is neither a gene nor a transcript, but the parent of transcripts or exons."""
        if "ID=" not in text:
            return
        attributes = parse_attributes(text)
        if attributes.get("ID") in roots:
            self._features[attributes["ID"]] = kind.decode("utf-8", "replace")
            if parents := parents_in(attributes):
                self._parent_of[attributes["ID"]] = parents[0]

    def _gene_of(self, transcript: Transcript, stated: Stated) -> tuple[str, str] | None:
        """Return the value by which a transcript refers to its gene, and the name of this gene.

        Return None if the gene has a row, or if the transcript names nothing.
        """
        contig, strand = transcript.place
        root = self._root(transcript, stated)
        own = transcript.key[1]
        names = [stated.names[key] for key in FIRST_GENE_KEYS if key in stated.names] + [root] * bool(root)
        if not names:
            names = gene_names(stated.names)
        if any(self._genes.has(contig, strand, name) for name in names or (own, gene_of_bare(own)) if name):
            return None
        if not names and (contig, strand, own) in self._claimed:
            return None
        if stated.parents is None and root in self._features and len(self._genes):
            # Next to rows of genes, the type of the feature is a biotype, such as blocked_reading_frame (SGD).
            stated.kind = self._features[root]
        if names:
            name = clean(names[0])
            if stated.parents is None and names[0] == root:
                name = _TRANSCRIPT_PREFIX.sub("", name)
            return transcript.key[0] or root or own or names[0], name
        if not own or own.startswith(NO_TRANSCRIPT):
            return None
        if self._genes.enclose(transcript.place, transcript.start, transcript.end):
            # The rows of its gene come before it, but it does not name the gene.
            return None
        return own, _TRANSCRIPT_PREFIX.sub("", clean(gene_of_bare(own)))

    def _root(self, transcript: Transcript, stated: Stated) -> str:
        """Return the feature without a parent from which a transcript descends; empty if there is none."""
        contig, strand = transcript.place
        parents = stated.parents
        if parents is None:
            parents = [transcript.key[1]] * stated.is_parent
        roots = [climb(self._parent_of, parent) for parent in parents]
        return next((root for root in roots if not self._genes.has(contig, strand, root)), (roots or [""])[0])


def clean(name: str) -> str:
    """Remove a prefix such as ``gene:``, and white space that would break the tables to which names are written.

    >>> clean("gene:A\\tB"), clean("transcript:C")
    ('A B', 'C')
    """
    return " ".join(_PREFIX_OF_PART.sub("", bare_name(name)).split())


def _mark(columns: list[bytes]) -> tuple[bytes, ...] | None:
    """Return what rows of the same type of a transcript have in common; None if the row is not written as usual."""
    text = columns[8]
    gene, transcript = _value(text, _GENE_ID), _value(text, _TRANSCRIPT_ID)
    if gene and transcript:
        return columns[0], columns[6], columns[2], gene, transcript
    match = QUICK_OWNER.search(text)
    parent = match and match.group(2)
    return (columns[0], columns[6], columns[2], parent) if parent and b"," not in parent else None


def _value(text: bytes, key: bytes) -> bytes:
    """Return the quoted value of a key of GTF if it is written as usual, else an empty text."""
    at = text.find(key)
    if at < 0 or (at and text[at - 1] not in b" ;"):
        return b""
    start = at + len(key)
    return text[start : text.find(b'"', start)]
