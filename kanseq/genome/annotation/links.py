"""Find the gene or the transcript that a row of a transcript, an exon or a coding sequence names.

In: types and attributes of rows. Out: kinds of rows, owners, names of genes.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from kanseq.genome.annotation.attributes import parse_attributes

FIRST_GENE_KEYS = ("gene_id", "geneID")
"""Attributes of transcripts that name their gene: in GTF, and from gffread."""

OTHER_GENE_KEYS = ("Locus_id", "locus_id", "locus_tag", "gene", "gene_name", "name")
"""Attributes that name the gene of rows without the former: in RAP-DB, in RefSeq, and in JGI files."""

TRANSCRIPT, PART, EDGE, LINK = "transcript", "part", "edge", "link"
"""Kinds of rows. A link, such as ``V_gene_segment``, only connects its exons with its gene."""

_ENDINGS = (
    ("transcript", TRANSCRIPT),
    ("rna", TRANSCRIPT),
    ("segment", LINK),
    ("variant", LINK),
    ("exon", PART),
    ("cds", PART),
    ("utr", EDGE),
    ("codon", EDGE),
)

QUICK_OWNER = re.compile(rb'(?:^|[; ])(?:gene_id "([^"\s;%\\]+)"|Parent=([^;\s"%]+)(?=[;\s]|$))')
"""Matches the gene of GTF and the parent of GFF3 as they are usually written."""

_QUICK_ID = re.compile(rb'(?:^|[; ])ID=([^;\s"%]+)(?=[;\s]|$)')

_PREFIX = re.compile(r"^gene[-:]", re.IGNORECASE)
_AUGUSTUS = re.compile(r"^(?:[^\s;]+;)?(.+)\.t\d+$")
"""Matches transcripts of AUGUSTUS, such as ``g1.t1``, and of TSEBRA, such as ``anno1;g1.t1``."""


class Owner(NamedTuple):
    """What a row of a transcript or of its parts names: contig, strand, and a gene or a parent.

    ``how`` is ``gene`` (``name`` lists names of the gene, separated by NUL), ``parent`` (``name`` is the value of
    ``Parent``) or ``self`` (no gene is named; ``name`` is the row's own name). ``part`` tells whether the row is an
    exon or a coding sequence.
    """

    contig: bytes
    strand: bytes
    how: str
    name: bytes
    part: bool


def kind_of(name: str) -> str | None:
    """Classify a type: ``transcript``, ``part`` (exon, CDS), ``edge`` (UTR, codon), ``link`` (segments) or None.

    >>> kind_of("lnc_RNA"), kind_of("pseudogenic_exon"), kind_of("stop_codon"), kind_of("cDNA_match")
    ('transcript', 'part', 'edge', None)
    """
    return next((kind for ending, kind in _ENDINGS if name.lower().endswith(ending)), None)


def owner_of(columns: list[bytes], part: bool) -> Owner:
    """Return what a row of a transcript, or of a part of one, names."""
    contig, strand, text = columns[0], columns[6], columns[8]
    quick = QUICK_OWNER.search(text)
    if quick is not None:
        gene, parent = quick.groups()
        return Owner(contig, strand, "gene", gene, part) if gene else Owner(contig, strand, "parent", parent, part)
    attributes = parse_attributes(text.decode("utf-8", "replace").rstrip("\r"), "transcript_id")
    if parents := parents_in(attributes):
        return Owner(contig, strand, "parent", parents.encode(), part)
    names = [attributes[key] for key in FIRST_GENE_KEYS if attributes.get(key)][:1]
    names = names or [attributes[key] for key in OTHER_GENE_KEYS if attributes.get(key)]
    if names:
        return Owner(contig, strand, "gene", "\0".join(names).encode(), part)
    return Owner(contig, strand, "self", own_name(attributes).encode(), part)


def parents_in(attributes: Mapping[str, str]) -> str:
    """Return the parents that a row states, separated by commas; empty if there are none."""
    return attributes.get("Parent") or attributes.get("Derives_from") or ""


def own_name(attributes: Mapping[str, str]) -> str:
    """Return the name of a transcript itself; empty if it has none."""
    return next((attributes[key] for key in ("ID", "transcript_id", "Name") if attributes.get(key)), "")


def bare_name(name: str) -> str:
    """Remove a prefix such as ``gene:`` from a name.

    >>> bare_name("gene:A"), bare_name("gene-B"), bare_name("genetic")
    ('A', 'B', 'genetic')
    """
    return _PREFIX.sub("", name)


def gene_of_bare(transcript: str) -> str:
    """Return the name of the gene of a transcript without a gene, by the convention of AUGUSTUS.

    >>> gene_of_bare("jg7.t1"), gene_of_bare("anno1;g7.t2"), gene_of_bare("T7")
    ('jg7', 'g7', 'T7')
    """
    match = _AUGUSTUS.match(transcript)
    return match.group(1) if match else transcript


def quick_id(text: bytes) -> bytes:
    """Return the ID in column 9 of GFF3 if it is written as usual, else an empty text."""
    quick = _QUICK_ID.search(text) if b"ID=" in text else None
    return quick.group(1) if quick else b""


def own_id(text: bytes) -> bytes:
    """Return the ID in column 9; empty if there is none."""
    return quick_id(text) or parse_attributes(decoded(text)).get("ID", "").encode()


def decoded(name: bytes) -> str:
    """Decode a name of a file."""
    return name.decode("utf-8", "replace")
