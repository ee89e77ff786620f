"""Choose a representative transcript for each gene, and use its ends as TSS and TTS.

In: genes and the annotation's transcript rows. Out: the same genes with the ends of the chosen transcript.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

from kanseq.errors import BadOption
from kanseq.genome.annotation.genes import Excluded, Gene
from kanseq.genome.annotation.gff import attributes_of, parse_row, split_rows
from kanseq.genome.annotation.links import EDGE, PART, TRANSCRIPT, kind_of
from kanseq.genome.annotation.transcript_rows import Key, Place, Transcript, Transcripts
from kanseq.io.files import PathLike

Choice: TypeAlias = Literal["gene", "canonical", "longest-cds"]
CHOICES: tuple[Choice, ...] = ("gene", "canonical", "longest-cds")


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
    owners = _Owners(genes)
    chosen: dict[int, Transcript] = {}
    for transcript, keys in _read_transcripts(path, genes):
        if not (transcript.canonical if canonical else transcript.coding):
            continue
        for number, candidate in owners.of(transcript, keys):
            rival = chosen.get(number)
            if rival is None or _rank(candidate, canonical) < _rank(rival, canonical):
                chosen[number] = candidate
    if canonical and not chosen:
        raise BadOption(
            "--tss canonical, but no transcript of these genes is tagged canonical",
            where=path,
            hint="use --tss gene or --tss longest-cds",
        )
    reason, detail = ("no_canonical", "no canonical transcript") if canonical else ("no_cds", "no coding sequence")
    kept, excluded = [], []
    for number, gene in enumerate(genes):
        if number in chosen:
            kept.append(gene._replace(start=chosen[number].start, end=chosen[number].end))
        else:
            excluded.append(Excluded(gene.id, reason, detail, gene.line))
    return kept, excluded


class _Owners:
    """Finds the genes of a transcript, as numbers of genes in a list."""

    def __init__(self, genes: Sequence[Gene]) -> None:
        """Index the genes by the values by which their transcripts refer to them."""
        self._genes = genes
        self._by_feature: dict[tuple[Place, str], list[int]] = {}
        self._by_member: dict[tuple[Place, Key], list[int]] = {}
        for number, gene in enumerate(genes):
            place = (gene.contig, gene.strand)
            if not gene.members:
                self._by_feature.setdefault((place, gene.feature), []).append(number)
            for key in gene.members:
                self._by_member.setdefault((place, key), []).append(number)

    def of(self, transcript: Transcript, keys: Sequence[Key]) -> Iterator[tuple[int, Transcript]]:
        """Yield each gene of a transcript, and the transcript, or its copy at the place of the gene."""
        for number in self._by_member.get((transcript.place, keys[0]), ()):
            for copy in transcript.copies():
                if self._overlap(number, copy):
                    yield number, copy
        rows = self._by_feature.get((transcript.place, transcript.gene or ""), ())
        for number in rows:
            # Of genes with the same name, a transcript belongs to the one that it overlaps.
            if len(rows) == 1 or self._overlap(number, transcript):
                yield number, transcript

    def _overlap(self, number: int, transcript: Transcript) -> bool:
        """Return whether a gene and a transcript on the same contig overlap."""
        return self._genes[number].start < transcript.end and transcript.start < self._genes[number].end


def _rank(transcript: Transcript, canonical: bool) -> tuple[int, str]:
    """Return a sort key for the transcripts of a gene; the best transcript has the smallest key."""
    return (0 if canonical else -transcript.coding, transcript.key[1])


def _read_transcripts(path: PathLike, genes: Iterable[Gene]) -> Iterator[tuple[Transcript, list[Key]]]:
    """Yield every transcript of an annotation, combined from its rows, and the keys of these rows."""
    transcripts = Transcripts(gene.feature for gene in genes)
    # Genes that were built from transcripts extend to their UTRs and stop codons.
    wanted = (TRANSCRIPT, PART, EDGE) if any(gene.members for gene in genes) else (TRANSCRIPT, PART)
    kinds: dict[bytes, str | None] = {}
    for line, columns in split_rows(path):
        if columns[2] not in kinds:
            kinds[columns[2]] = kind_of(columns[2].decode("utf-8", "replace"))
        if kinds[columns[2]] in wanted:
            row = parse_row(columns, path, line)
            transcripts.add(row, attributes_of(row))
    for transcript, keys in transcripts.take():
        if transcript.is_complete:
            yield transcript, keys
