"""Find one protein for each gene of a set.

In: FASTA of proteins or transcripts, or genomes with annotations. Out: letters. The gene of a protein comes from a
table, an annotation, the FASTA header, or the name of the protein; nothing is guessed.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np

from kanseq.errors import BadOption, UnknownGene
from kanseq.genome.coding import Coding, translate_coding
from kanseq.genome.fasta import read_entries, read_headers, unknown_letters
from kanseq.genome.translation import longest_frame
from kanseq.homologs.gene_names import GeneNames
from kanseq.io.files import PathLike, some

Sources: TypeAlias = list[tuple[str | None, PathLike]]
"""Files as ``(species, path)``; the species is None if gene ids alone identify the genes of the set."""

_NUCLEOTIDES = b"ACGTUN"
_LOOKED_AT = 100
_NO_LETTER = bytes.maketrans(b"*.-UOJ", b"XXXXXX")

_log = logging.getLogger(__name__)


class GeneProteins(NamedTuple):
    """The longest protein of every gene that has one.

    Attributes:
        rows: rows of the genes in the set, ascending, int64.
        letters: the protein of each gene, upper case; ``X`` for letters other than the twenty amino acids.
        read: number of proteins, transcripts or coding sequences that were read.
        of_others: how many of these belong to genes that are not in the set.
        stops: number of genes with stop codons inside their translated coding sequence.
    """

    rows: np.ndarray
    letters: list[bytes]
    read: int
    of_others: int
    stops: int


class _Longest:
    """Keeps the longest protein of every gene; ties are broken by the alphabetical order of protein names."""

    def __init__(self) -> None:
        self.best: dict[int, tuple[int, str, bytes]] = {}
        self.read = self.of_others = 0

    def count(self, row: int | None) -> None:
        """Count a protein that was read; ``row`` is the row of its gene, or None if the gene is not in the set."""
        self.read += 1
        self.of_others += row is None

    def offer(self, row: int, name: str, letters: bytes) -> None:
        """Keep a protein of the gene in ``row`` if it is longer than the one kept so far."""
        if letters:
            rival = (-len(letters), name, letters)
            self.best[row] = min(self.best.get(row, rival), rival)


def read_proteins(
    names: GeneNames,
    *,
    proteins: Sources = (),  # type: ignore[assignment]
    transcripts: Sources = (),  # type: ignore[assignment]
    genomes: Sources = (),  # type: ignore[assignment]
    codings: Mapping[str | None, list[Coding]] | None = None,
    annotations: Mapping[str | None, PathLike] | None = None,
    table: int = 1,
    aliases: Mapping[str, frozenset[str]] | None = None,
) -> GeneProteins:
    """Return the longest protein of every gene of the set.

    Args:
        names: finds the genes of the set by name.
        proteins: FASTA of proteins.
        transcripts: FASTA of transcripts in the direction of transcription; their longest open reading frames are
            translated.
        genomes: FASTA of genomes; for each gene, the coding sequence with the most bases is translated.
        codings: species (as in ``genomes``) -> coding sequences.
        annotations: species -> file of the coding sequences, for messages.
        table: NCBI number of the genetic code.
        aliases: contig name -> all names of that contig.

    Raises:
        BadOption: a FASTA of proteins contains nucleotides.
        UnknownGene: no protein of a file belongs to a gene of the set; the message shows names in the file and in the
            set.
        KanseqError: a file is invalid; the subclass depends on the problem.
    """
    longest, stops = _Longest(), 0
    for species, path in proteins:
        _add_entries(longest, names, species, path, ((*entry, entry[1]) for entry in _checked_proteins(path)))
    for species, path in transcripts:
        entries = ((header, letters, _frame(letters, header, path, table)) for header, letters in read_entries(path))
        _add_entries(longest, names, species, path, entries)
    for species, genome in genomes:
        annotation = (annotations or {})[species]
        chosen = _longest_codings(longest, names, species, (codings or {})[species])
        if not chosen:
            raise UnknownGene(
                f"none of its coding genes is in the set: it has {some(_gene_names((codings or {})[species]))}, and "
                f"the set has {some(names.ids)}",
                where=annotation,
                hint="both must use the same gene names",
            )
        for row, protein in translate_coding(genome, annotation, chosen, table=table, aliases=aliases).items():
            stops += protein.stops > 0
            longest.offer(row, chosen[row].names[0], protein.letters.translate(_NO_LETTER))
    rows = sorted(longest.best)
    return GeneProteins(
        np.array(rows, dtype=np.int64),
        [longest.best[row][2] for row in rows],
        longest.read,
        longest.of_others,
        stops,
    )


def _add_entries(
    longest: _Longest,
    names: GeneNames,
    species: str | None,
    path: PathLike,
    entries: Iterable[tuple[str, bytes, bytes]],
) -> None:
    """Add the proteins of a FASTA file, each as header, original letters and amino acids, to ``longest``.

    Raises:
        UnknownGene: no protein belongs to a gene of the set.
    """
    headers = list(read_headers(path))
    sequences = [header.split(None, 1)[0] if header else "" for header in headers]
    rows = names.rows(sequences, headers, species, path)
    before = longest.read - longest.of_others
    for name, row, (_, _, letters) in zip(sequences, rows, entries, strict=True):
        longest.count(row)
        if row is not None:
            longest.offer(row, name, letters.removesuffix(b"*").translate(_NO_LETTER))
    if longest.read - longest.of_others == before:
        raise UnknownGene(
            f"no sequence belongs to a gene of the set: it has {some(sequences)}, and the set has {some(names.ids)}",
            where=path,
            hint=names.hint,
        )


def _checked_proteins(path: PathLike) -> Iterator[tuple[str, bytes]]:
    """Yield header and letters of each protein in a FASTA file; raise BadOption if it contains nucleotides."""
    for number, (header, letters) in enumerate(read_entries(path)):
        if number < _LOOKED_AT <= len(letters):
            nucleotides = sum(letters.count(letter) for letter in _NUCLEOTIDES)
            if nucleotides > 0.95 * len(letters):
                raise BadOption(
                    f"'{header.split(None, 1)[0]}' consists of nucleotides, but proteins are expected",
                    where=path,
                    hint="use --transcripts for transcripts",
                )
        yield header, letters


def _frame(letters: bytes, header: str, path: PathLike, table: int) -> bytes:
    """Translate the longest open reading frame of a transcript; raise BadOption if it is a protein."""
    if unknown_letters(letters):
        raise BadOption(
            f"'{header.split(None, 1)[0] if header else ''}' has letters that are not nucleotides",
            where=path,
            hint="use --proteins for proteins",
        )
    return longest_frame(letters, table)


def _longest_codings(
    longest: _Longest, names: GeneNames, species: str | None, codings: Iterable[Coding]
) -> dict[int, Coding]:
    """Return row of a gene -> its coding sequence with the most bases; ties are broken by the order of names."""
    chosen: dict[int, Coding] = {}
    listed = list(codings)
    for coding, row in zip(listed, names.rows_of_genes([coding.genes for coding in listed], species), strict=True):
        longest.count(row)
        if row is None:
            continue
        if row not in chosen or (-coding.bases, coding.names) < (-chosen[row].bases, chosen[row].names):
            chosen[row] = coding
    return chosen


def _gene_names(codings: Iterable[Coding]) -> list[str]:
    """Return the first name of the gene of every coding sequence, without duplicates."""
    return list(dict.fromkeys(coding.genes[0] for coding in codings if coding.genes))
