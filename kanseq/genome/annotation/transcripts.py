"""Choose a representative transcript for each gene, and use its ends as TSS and TTS.

In: genes and the annotation's transcript rows. Out: the same genes with the ends of the chosen transcript.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kanseq.errors import BadOption
from kanseq.genome.annotation.genes import Excluded, Gene
from kanseq.genome.annotation.gff import TRANSCRIPTS, Row, attributes_of, read_rows
from kanseq.io.files import PathLike

Choice: TypeAlias = Literal["gene", "canonical", "longest-cds"]
CHOICES: tuple[Choice, ...] = ("gene", "canonical", "longest-cds")

_Place: TypeAlias = tuple[str, str]
"""Contig and strand."""

_CHILDREN = ("exon", "CDS")
_CANONICAL_KEYS = ("canonical_transcript", "Ensembl_canonical")


@dataclass
class _Transcript:
    """A transcript, combined from its rows: its ends, its number of coding bases, and whether it is canonical."""

    id: str
    start: int
    end: int
    gene: str | None = None
    coding: int = 0
    canonical: bool = False


def choose_transcripts(
    path: PathLike, genes: Sequence[Gene], how: Choice = "gene"
) -> tuple[list[Gene], list[Excluded]]:
    """Set the ends of each gene to those of its ``canonical`` transcript, or of the one with the ``longest-cds``.

    A transcript is canonical if it has the tag ``Ensembl_canonical`` or the attribute ``canonical_transcript``. The
    length of a coding sequence is the number of bases in CDS rows; ties are broken by the alphabetical order of names.
    With ``gene``, all genes are returned unchanged.

    Returns:
        The genes with their new ends, and the excluded genes, which have no such transcript.

    Raises:
        BadOption: ``how`` is ``canonical`` but the file has no such tag, or ``how`` is unknown.
    """
    if how not in CHOICES:
        raise BadOption(f"--tss {how} is unknown", hint=f"choose one of {', '.join(CHOICES)}")
    if how == "gene":
        return list(genes), []
    canonical = how == "canonical"
    chosen: dict[tuple[_Place, str], _Transcript] = {}
    for place, transcript in _read_transcripts(path, {gene.feature for gene in genes}):
        if not (transcript.canonical if canonical else transcript.coding) or transcript.gene is None:
            continue
        rival = chosen.get((place, transcript.gene))
        if rival is None or _rank(transcript, canonical) < _rank(rival, canonical):
            chosen[place, transcript.gene] = transcript
    if canonical and not chosen:
        raise BadOption(
            "--tss canonical, but no transcript of these genes is tagged canonical",
            where=path,
            hint="use --tss gene or --tss longest-cds",
        )
    reason, detail = ("no_canonical", "no canonical transcript") if canonical else ("no_cds", "no coding sequence")
    kept, excluded = [], []
    for gene in genes:
        if transcript := chosen.get(((gene.contig, gene.strand), gene.feature)):
            kept.append(gene._replace(start=transcript.start, end=transcript.end))
        else:
            excluded.append(Excluded(gene.id, reason, detail, gene.line))
    return kept, excluded


def _rank(transcript: _Transcript, canonical: bool) -> tuple[int, str]:
    """Return a sort key for the transcripts of a gene; the best transcript has the smallest key."""
    return (0 if canonical else -transcript.coding, transcript.id)


def _read_transcripts(path: PathLike, genes: set[str]) -> Iterator[tuple[_Place, _Transcript]]:
    """Yield every transcript of an annotation, combined from its rows, with its contig and strand.

    Rows are grouped by ``Parent`` in GFF3, and by gene and transcript id in GTF. The same id on another contig or
    strand is another transcript: genes may be on both X and Y, and transcripts in several repeats.
    """
    transcripts: dict[tuple[_Place, tuple[str, str]], _Transcript] = {}
    for row in read_rows(path, TRANSCRIPTS):
        attributes = attributes_of(row)
        place = (row.contig, row.strand)
        for key, gene in _owners(row, attributes, genes):
            transcript = transcripts.setdefault((place, key), _Transcript(key[1], row.start, row.end))
            transcript.start, transcript.end = min(transcript.start, row.start), max(transcript.end, row.end)
            transcript.gene = gene or transcript.gene
            transcript.coding += (row.end - row.start) * (row.type == "CDS")
            transcript.canonical |= _is_canonical(attributes)
    for (place, _), transcript in transcripts.items():
        yield place, transcript


def _owners(row: Row, attributes: dict[str, str], genes: set[str]) -> Iterator[tuple[tuple[str, str], str | None]]:
    """Yield the key of each transcript that a row belongs to, and the gene of the transcript if the row states it."""
    if "Parent" not in attributes:
        gene = attributes.get("gene_id", "")
        if attributes.get("transcript_id"):
            yield (gene, attributes["transcript_id"]), gene
        return
    for parent in attributes["Parent"].split(","):
        if row.type not in _CHILDREN:
            yield ("", attributes.get("ID", "")), parent
        else:
            # The parent of a CDS may be its gene (organelles): the gene is then used as its transcript.
            yield ("", parent), parent if parent in genes else None


def _is_canonical(attributes: dict[str, str]) -> bool:
    """Return whether a row has Ensembl's canonical tag, or the attribute used by maize and other annotations."""
    if "Ensembl_canonical" in attributes.get("tag", "").split(","):
        return True
    return any(attributes.get(key, "").lower() in ("1", "true", "yes") for key in _CANONICAL_KEYS)
