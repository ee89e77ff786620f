"""Find the gene or the transcript that a row of a transcript, an exon or a coding sequence names.

In: types and attributes of rows. Out: kinds of rows, owners, names of genes.
"""

import re
from collections.abc import Container, Mapping
from typing import NamedTuple

from kanseq.genome.annotation.attributes import parse_attributes

FIRST_GENE_KEYS = ("gene_id", "geneID")
"""Attributes of transcripts that name their gene: in GTF, and from gffread."""

_LOCUS_KEYS = ("Locus_id", "locus_id", "locus_tag")
"""Attributes that name the gene of rows without the former: in RAP-DB, and in RefSeq."""

_SYMBOL_KEYS = ("gene", "gene_name", "name")
"""Attributes with a name that several genes may have; in JGI files, there is no other."""

GENE_KEYS = (*FIRST_GENE_KEYS, *_LOCUS_KEYS, *_SYMBOL_KEYS)

NO_TRANSCRIPT = "unknown_transcript"
"""RefSeq's GTF names rows without a transcript so."""

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

    ``how`` is ``gene`` (``name`` lists names of the gene, separated by NUL), ``parent`` (``name`` lists the parents) or
    ``self`` (no gene is named; ``name`` is that of the transcript, or the row's own name). ``part`` tells whether the
    row is a part of a transcript; a part that names only itself makes no gene.
    """

    contig: bytes
    strand: bytes
    how: str
    name: bytes
    part: bool


def kind_of(name: str) -> str | None:
    """Classify a type: ``transcript``, ``part`` (exon, CDS), ``edge`` (UTR, codon), ``link`` (segments) or None.

    GeMoMa calls its transcripts ``prediction``.

    >>> kind_of("lnc_RNA"), kind_of("pseudogenic_exon"), kind_of("stop_codon"), kind_of("cDNA_match")
    ('transcript', 'part', 'edge', None)
    """
    if name == "prediction":
        return TRANSCRIPT
    return next((kind for ending, kind in _ENDINGS if name.lower().endswith(ending)), None)


def owner_of(columns: list[bytes], part: bool) -> Owner:
    """Return what a row of a transcript, or of a part of one, names."""
    contig, strand, text = columns[0], columns[6], columns[8]
    quick = QUICK_OWNER.search(text)
    if quick is not None:
        gene, parents = quick.groups()
        if gene:
            return Owner(contig, strand, "gene", gene, part)
        return Owner(contig, strand, "parent", parents.replace(b",", b"\0"), part)
    attributes = parse_attributes(text.decode("utf-8", "replace").rstrip("\r"), "transcript_id")
    if parents := parents_in(attributes):
        return Owner(contig, strand, "parent", "\0".join(parents).encode(), part)
    if names := gene_names(attributes):
        return Owner(contig, strand, "gene", "\0".join(names).encode(), part)
    transcript = attributes.get("transcript_id", "") if part else ""
    if transcript and not transcript.startswith(NO_TRANSCRIPT):
        return Owner(contig, strand, "self", transcript.encode(), False)
    return Owner(contig, strand, "self", own_name(attributes).encode(), part)


def gene_names(attributes: Mapping[str, str]) -> list[str]:
    """Return the names of a row's gene: the first identifier that the row states, else all symbols.

    >>> gene_names({"gene": "rpl2", "locus_tag": "L7"}), gene_names({"gene": "rpl2", "gene_name": "RPL2"})
    (['L7'], ['rpl2', 'RPL2'])
    """
    found = [attributes[key] for key in (*FIRST_GENE_KEYS, *_LOCUS_KEYS) if attributes.get(key)][:1]
    return found or [attributes[key] for key in _SYMBOL_KEYS if attributes.get(key)]


def may_be_child(kind: str, attributes: Mapping[str, str]) -> bool:
    """Return whether the row of a type such as ``pseudogene`` may be a transcript of a gene with a row (FlyBase)."""
    named = parents_in(attributes) or (attributes.get("gene_id") and attributes.get("transcript_id"))
    return kind.lower() != "gene" and bool(named)


def parents_in(attributes: Mapping[str, str]) -> list[str]:
    """Return the parents that a row states.

    >>> parents_in({"Parent": "T1,T2"}), parents_in({"Derives_from": "tRNA(AGC)%2C1"}), parents_in({"ID": "A"})
    (['T1', 'T2'], ['tRNA(AGC),1'], [])
    """
    parents = attributes.get("Parent") or attributes.get("Derives_from")
    if not parents:
        return []
    return [parent.replace("%2C", ",") for parent in parents.split(",") if parent]


def climb(parent_of: Mapping[str, str], feature: str, known: Container[str] = ()) -> str:
    """Follow the links from a feature to the first one in ``known``, or to the one that has no parent.

    >>> climb({"E": "T", "T": "G"}, "E"), climb({"A": "B", "B": "A"}, "A")
    ('G', 'A')
    """
    seen: set[str] = set()
    while feature not in seen and feature not in known and (above := parent_of.get(feature)):
        seen.add(feature)
        feature = above
    return feature


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


def own_id(text: bytes) -> str:
    """Return the ID in column 9; empty if there is none."""
    if b"ID=" not in text and b'ID "' not in text:
        return ""
    quick = _QUICK_ID.search(text)
    return decoded(quick.group(1)) if quick else parse_attributes(decoded(text)).get("ID", "")


def decoded(name: bytes) -> str:
    """Decode a name of a file."""
    return name.decode("utf-8", "replace")
