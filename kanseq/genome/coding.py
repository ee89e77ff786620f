"""Read the coding sequences of an annotation, with the names of their genes and proteins, and translate them.

In: CDS rows of a GTF or GFF3, and a genome. Out: coding sequences with gene names; amino acid sequences.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from kanseq.errors import NoGenes
from kanseq.genome.annotation.annotated_names import NamedGenes, read_named_genes
from kanseq.genome.annotation.gff import Row, attributes_of, is_gene_type, parse_row, split_rows
from kanseq.genome.annotation.links import LINK, TRANSCRIPT, climb, kind_of, parents_in
from kanseq.genome.contig_ends import PastEnd, check_ends
from kanseq.genome.contig_names import guess_aliases
from kanseq.genome.contigs import advise, mismatch
from kanseq.genome.fasta import Contig, read_contigs, reverse_complement
from kanseq.genome.names.spellings import unprefixed
from kanseq.genome.translation import CODON_TABLES, check_table, translate
from kanseq.io.files import PathLike, some

_CDS, _PROTEIN, _FEATURE = "CDS", "protein", "feature"
"""Kinds of rows; a feature, such as a transcript, links coding sequences to their gene."""

_GENE_KEYS = ("gene_id", "locus_tag", "gene")
_NAME_KEYS = ("protein_id", "transcript_id", "ID", "Name")

_OTHER_GENE_KEY = re.compile(
    r".*gene(?!.*(?:type|source|version|number|synonym|desc)).*|.*locus(?:_tag|_id)?|symbol", re.I
)
"""Matches attributes that may name a gene, such as ``ref_gene_id``, ``gene_symbol`` and ``geneName``."""

_log = logging.getLogger(__name__)


class Coding(NamedTuple):
    """The coding sequence of a transcript.

    Attributes:
        genes: names of the gene; the first one is the id that ``kanseq extract`` uses, the last one the transcript.
        names: names of the protein and the transcript.
        contig, strand: location of the transcript.
        parts: the intervals of its CDS rows as ``(start, end, phase)``, in the direction of transcription, 0-based
            half-open; the phase is the number of bases at the start of the interval that belong to an earlier codon, or
            None if the file does not state it.
        table: NCBI number of the genetic code, or None if the file does not state it.
        line: line number of the first CDS row.
    """

    genes: tuple[str, ...]
    names: tuple[str, ...]
    contig: str
    strand: str
    parts: tuple[tuple[int, int, int | None], ...]
    table: int | None
    line: int

    @property
    def bases(self) -> int:
        """Number of bases in all parts."""
        return sum(end - start for start, end, _ in self.parts)

    @property
    def last(self) -> int:
        """End of the part with the highest coordinates."""
        return max(end for _, end, _ in self.parts)


class Protein(NamedTuple):
    """A translated coding sequence: amino acids without the terminal stop, and the number of internal stops."""

    letters: bytes
    stops: int


def read_coding(path: PathLike) -> list[Coding]:
    """Read the coding sequence of every transcript in an annotation, in the order of their first CDS rows.

    Supports GTF from Ensembl and RefSeq (``gene_id``, ``transcript_id``, ``protein_id``) and GFF3 (``Parent``; the
    parent of a CDS may be its gene). A gene's names are the default id of ``kanseq extract``, its attributes with names
    (:func:`kanseq.genome.annotation.annotated_names.read_named_genes`), and the attributes of the gene, the transcript
    and the CDS that may name a gene, such as ``ref_gene_id``. A protein's names are ``protein_id``, ``transcript_id``,
    ``ID``, ``Name`` and ``Parent`` with and without prefixes such as ``cds-``, and ``ID`` and ``Name`` of a row
    ``protein`` that refers to the same transcript (FlyBase).

    Raises:
        NoGenes: there are no CDS rows.
        MalformedLine, MissingFile, TruncatedFile: see :func:`kanseq.genome.annotation.gff.read_rows`.
    """
    links = _Links(read_named_genes(path))
    found: dict[tuple[str, str, str], list[tuple[Row, dict[str, str]]]] = defaultdict(list)
    for line, columns in split_rows(path):
        kind = _kind(columns[2])
        if kind is None:
            continue
        row = parse_row(columns, path, line)
        attributes = attributes_of(row)
        if kind != _CDS:
            links.add(kind, row.type, attributes)
            continue
        owners = parents_in(attributes) or [attributes.get("transcript_id") or attributes.get("gene_id") or ""]
        for owner in owners:
            found[row.contig, row.strand, owner].append((row, attributes))
    if not found:
        raise NoGenes("no CDS rows", where=path, hint="provide an annotation with coding sequences")
    return [_coding(owner, rows, links) for (_, _, owner), rows in found.items()]


def translate_coding(
    genome: PathLike,
    annotation: PathLike,
    wanted: Mapping[int, Coding],
    *,
    table: int = 1,
    aliases: Mapping[str, frozenset[str]] | None = None,
) -> dict[int, Protein]:
    """Translate coding sequences while streaming the genome; those on contigs that are not in the genome are excluded.

    The phase of each part is respected: if it does not continue the codon of the previous parts, the reading frame
    restarts there.

    Args:
        genome: FASTA; plain, gzip or bgzip.
        annotation: path of the annotation, for messages.
        wanted: the coding sequences to translate; the result has the same keys.
        table: the genetic code of coding sequences without ``transl_table`` in the annotation.
        aliases: contig name -> all names of that contig.

    Raises:
        BadOption: the genetic code ``table`` is not supported.
        ContigMismatch: no contig of the annotation is in the genome.
        MalformedLine: many coding sequences end past the end of their contigs, see
            :func:`kanseq.genome.contig_ends.check_ends`. If they are few, they are left out.
    """
    check_table(table)
    waiting: dict[str, list[int]] = defaultdict(list)
    for number, coding in wanted.items():
        waiting[coding.contig].append(number)
    proteins: dict[int, Protein] = {}
    lengths: dict[str, int] = {}
    free: dict[str, int] = {}
    headers: dict[str, str] = {}
    beyond: list[PastEnd] = []

    def names_of(contig: str) -> list[str]:
        return sorted((aliases or {}).get(contig, frozenset()) | {contig})

    def wanted_on(contig: str) -> bool:
        return any(name in waiting for name in names_of(contig))

    for contig in read_contigs(genome, wanted=wanted_on, headers=headers):
        lengths[contig.name] = len(contig.sequence)
        numbers = [number for name in names_of(contig.name) for number in waiting.pop(name, ())]
        if not numbers:
            free[contig.name] = len(contig.sequence)
        for number in numbers:
            coding = wanted[number]
            if coding.last > len(contig.sequence):
                beyond.append(_past_end(coding, contig))
            else:
                proteins[number] = _protein(coding, contig, table)
        # Release this contig before the reader builds the next one, so that memory holds one contig only.
        del contig
    check_ends(beyond, len(proteins) + len(beyond), annotation, headers)
    if wanted and not proteins and not beyond:
        counts = {name: len(numbers) for name, numbers in waiting.items()}
        raise mismatch(genome, annotation, counts, lengths, headers=headers, aliases=aliases)
    if waiting:
        lost = sum(map(len, waiting.values()))
        advice = advise(guess_aliases(genome, annotation, list(waiting), free, headers))
        what = "%s: contigs not in the genome, with %d coding genes: %s; %s"
        _log.warning(what, annotation, lost, some(list(waiting)), advice)
    return proteins


@cache
def _kind(name: bytes) -> str | None:
    """Return the kind of a type of rows; None if such rows do not matter."""
    text = name.decode("utf-8", "replace")
    if text.upper() == "CDS":
        return _CDS
    if text in ("protein", "polypeptide"):
        return _PROTEIN
    return _FEATURE if is_gene_type(text) or kind_of(text) in (TRANSCRIPT, LINK) else None


class _Links:
    """What the rows of genes, transcripts and proteins state: parents, names of genes, and names of proteins."""

    def __init__(self, named: NamedGenes) -> None:
        """Begin with the names of genes."""
        self._named = named
        self._parent_of: dict[str, str] = {}
        self._genes: dict[str, tuple[str, ...]] = {}
        self._proteins: dict[str, list[str]] = {}
        self._same: dict[tuple[str, ...], tuple[str, ...]] = {}

    def add(self, kind: str, name: str, attributes: Mapping[str, str]) -> None:
        """Add a row of a kind and a type."""
        parents = parents_in(attributes)
        if kind == _PROTEIN:
            for parent in parents:
                self._proteins.setdefault(parent, []).extend(attributes.get(key, "") for key in ("ID", "Name"))
            return
        transcript = "" if is_gene_type(name) else attributes.get("transcript_id")
        own = attributes.get("ID") or transcript or attributes.get("gene_id")
        if own:
            # Transcripts of a gene share their names, to save memory.
            names = tuple(_other_names(attributes))
            self._genes[own] = self._same.setdefault(names, names)
            if parents:
                self._parent_of[own] = parents[0]

    def genes(self, owner: str, attributes: Mapping[str, str]) -> list[str]:
        """Return the names of the gene of a transcript, from the attributes of a CDS of it and from other rows."""
        feature = owner if parents_in(attributes) else attributes.get("gene_id") or owner
        gene = climb(self._parent_of, feature, self._named.ids)
        others = [name for row in (owner, feature, gene) for name in self._genes.get(row, ())]
        own = (attributes.get(key, "") for key in _GENE_KEYS)
        # With --id, transcripts without rows of genes may be the genes of a set.
        return [*self._named.of(gene, synonyms=False), *own, *_other_names(attributes), *others, unprefixed(owner)]

    def proteins(self, owner: str) -> list[str]:
        """Return the names of the proteins of a transcript that have rows of their own."""
        return self._proteins.get(owner, [])


def _other_names(attributes: Mapping[str, str]) -> list[str]:
    """Return the values of all attributes that may name a gene."""
    return [" ".join(unprefixed(value).split()) for key, value in attributes.items() if _may_name_gene(key)]


@cache
def _may_name_gene(key: str) -> bool:
    """Return whether an attribute may name a gene."""
    return _OTHER_GENE_KEY.fullmatch(key) is not None


def _coding(owner: str, rows: list[tuple[Row, dict[str, str]]], links: _Links) -> Coding:
    """Combine the CDS rows of the transcript ``owner``, and find the names of its gene."""
    first, attributes = rows[0]
    genes = links.genes(owner, attributes)
    known_as = [owner, *(attributes.get(key, "") for key in _NAME_KEYS)]
    known_as += [*map(unprefixed, known_as), *links.proteins(owner)]
    table = attributes.get("transl_table", "")
    # Some files repeat the rows of a transcript; count each part once.
    parts = sorted({(row.start, row.end, row.phase) for row, _ in rows}, reverse=first.strand == "-")
    return Coding(
        tuple(dict.fromkeys(filter(None, genes))),
        tuple(dict.fromkeys(filter(None, known_as))),
        first.contig,
        first.strand,
        tuple((start, end, int(phase) if phase in ("0", "1", "2") else None) for start, end, phase in parts),
        int(table) if table.isdecimal() and int(table) in CODON_TABLES else None,
        first.line,
    )


def _past_end(coding: Coding, contig: Contig) -> PastEnd:
    """Describe a coding sequence that ends past its contig's end."""
    what = f"the coding sequence of '{(coding.genes or coding.names)[0]}'"
    return PastEnd(what, coding.contig, contig.name, coding.last, len(contig.sequence), coding.line)


def _protein(coding: Coding, contig: Contig, table: int) -> Protein:
    """Extract a coding sequence from its contig and translate it."""
    letters = translate(b"".join(_in_frame(_bases(coding, contig))), coding.table or table)
    letters = letters.removesuffix(b"*")
    return Protein(letters, letters.count(b"*"))


def _bases(coding: Coding, contig: Contig) -> Iterator[tuple[bytes, int | None]]:
    """Yield the letters of every part of a coding sequence, in the direction of transcription, and its phase."""
    for start, end, phase in coding.parts:
        piece = contig.sequence[start:end]
        yield (reverse_complement(piece) if coding.strand == "-" else piece), phase


def _in_frame(parts: Iterable[tuple[bytes, int | None]]) -> Iterator[bytes]:
    """Trim parts ``(letters, phase)`` so that their letters, when joined, are complete codons in the right frame."""
    left = b""
    for piece, phase in parts:
        # If the phase does not match, the codon that previous parts began does not end here.
        whole = left + piece if phase in (None, -len(left) % 3) else piece[phase:]
        kept = len(whole) // 3 * 3
        left = whole[kept:]
        yield whole[:kept]
