"""The proteins of a set's genes, one each.

In: FASTA of proteins or transcripts, or genomes with annotations. Out: letters. Which gene a protein belongs to is told
by a table, an annotation, the FASTA's own headers, or its name; nothing is guessed.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np

from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption, UnknownGene
from kanseq.files import PathLike, some
from kanseq.genome.coding import Coding, longest_frame, translate_coding
from kanseq.genome.fasta import read_entries, unknown_letters

Sources: TypeAlias = list[tuple[str | None, PathLike]]
"""Files, each with the species whose it is, or None where the set's ids tell that."""

_HEADER_GENE = re.compile(r"(?:^|\s)(?:gene|locus)[:=](\S+)|\[(?:locus_tag|gene)=([^\]]+)\]")
"""How headers name a gene: Ensembl ``gene:ID``; gffread, Phytozome ``gene=ID``, ``locus=ID``; NCBI ``[gene=ID]``."""

_VERSION = re.compile(r"\.\d+$")
_NUCLEOTIDES = b"ACGTUN"
_LOOKED_AT = 100
_NO_LETTER = bytes.maketrans(b"*.-UOJ", b"XXXXXX")

_log = logging.getLogger(__name__)


class GeneProteins(NamedTuple):
    """The longest protein of every gene that has one.

    Attributes:
        rows: rows of the genes in the set, ascending, int64.
        letters: amino acids of each, upper case; ``X`` where one is not known, or is none of the twenty.
        read: how many proteins, transcripts or coding sequences were read.
        of_others: how many of these are of genes that the set lacks.
        stops: genes whose translated coding sequence has stops within.
    """

    rows: np.ndarray
    letters: list[bytes]
    read: int
    of_others: int
    stops: int


class GeneNames:
    """Finds the gene of the set that a protein, or a hit, names."""

    def __init__(
        self, genes: SequenceSet, table: Mapping[str, str] | None = None, *, strip_version: bool = False
    ) -> None:
        """Take a set, a table protein -> gene, and whether to try names without their version suffix (``.1``) too."""
        self._table, self._strip = table or {}, strip_version
        self._annotated: dict[str | None, dict[str, tuple[str, ...]]] = {}
        self._rows: dict[tuple[str | None, str], int] = {}
        self._twice: set[str] = set()
        self.ids = list(genes.table["id"].astype(str))
        self.species = list(dict.fromkeys(genes.table["species"].astype(str)))
        for row, (species, name) in enumerate(zip(genes.table["species"].astype(str), self.ids, strict=True)):
            self._rows[species, name] = row
            if self._rows.setdefault((None, name), row) != row:
                self._twice.add(name)

    def learn(self, species: str | None, codings: Iterable[Coding]) -> None:
        """Take the names of proteins and transcripts from an annotation."""
        known = self._annotated.setdefault(species, {})
        for coding in codings:
            for name in coding.names:
                known.setdefault(name, coding.genes)

    def row(self, name: str, header: str = "", species: str | None = None) -> int | None:
        """Give the row of the gene of a protein, by its name and header; None if the set has no such gene.

        Raises:
            UnknownGene: the gene could be of several species.
        """
        return self.row_of_gene(self._candidates(name, header, species), species)

    def row_of_gene(self, names: Iterable[str], species: str | None = None) -> int | None:
        """Give the row of the first of some names of a gene that the set has."""
        names = list(names)
        for candidate in (*names, *(_VERSION.sub("", name) for name in names if self._strip)):
            row = self._rows.get((species, candidate))
            if row is not None:
                if species is None and candidate in self._twice:
                    raise UnknownGene(
                        f"the set has '{candidate}' in several species ({some(self.species)})",
                        hint="say whose a file is: SPECIES=FILE",
                    )
                return row
        return None

    def _candidates(self, name: str, header: str, species: str | None) -> Iterator[str]:
        """Yield names that the gene of a protein may have, the most telling first."""
        for alias in dict.fromkeys((name, _VERSION.sub("", name) if self._strip else name)):
            if alias in self._table:
                yield self._table[alias]
            yield from self._annotated.get(species, {}).get(alias, ())
        yield from (one or other for one, other in _HEADER_GENE.findall(header))
        yield name


class _Longest:
    """Keeps the longest protein of every gene; of equals the one whose name sorts first."""

    def __init__(self) -> None:
        self.best: dict[int, tuple[int, str, bytes]] = {}
        self.read = self.of_others = 0

    def count(self, row: int | None) -> None:
        """Count one that was read, of the gene in ``row``, or of none."""
        self.read += 1
        self.of_others += row is None

    def offer(self, row: int, name: str, letters: bytes) -> None:
        """Keep a protein if it is longer than what its gene has."""
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
    """Give every gene of the set its longest protein.

    Args:
        names: who finds genes by names.
        proteins: FASTA of proteins.
        transcripts: FASTA of transcripts in the direction of transcription; the protein of one is its longest frame.
        genomes: FASTA; of a gene's coding sequences the one with most bases is translated.
        codings: coding sequences, by species as ``genomes`` has them.
        annotations: the files that they come from, for messages.
        table: NCBI's number of the genetic code.
        aliases: contig name -> all names of that contig.

    Raises:
        BadOption: a FASTA of proteins holds nucleotides.
        UnknownGene: no protein of a file belongs to a gene of the set; the message shows names of both.
        KanseqError: one of its children says what is wrong with a file.
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
                f"the set {some(names.ids)}",
                where=annotation,
                hint="both must name genes the same way",
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
    """Add the proteins of a FASTA file, of which one at least must be of the set."""
    before, shown = longest.read - longest.of_others, []
    for header, _, letters in entries:
        words = header.split(None, 1)
        name = words[0] if words else ""
        shown.append(name)
        row = names.row(name, header, species)
        longest.count(row)
        if row is not None:
            longest.offer(row, name, letters.removesuffix(b"*").translate(_NO_LETTER))
    if longest.read - longest.of_others == before:
        raise UnknownGene(
            f"none of its sequences belongs to a gene of the set: it has {some(shown)}, and the set {some(names.ids)}",
            where=path,
            hint="say whose they are with --annotation or --protein2gene; --strip-version compares without .1",
        )


def _checked_proteins(path: PathLike) -> Iterator[tuple[str, bytes]]:
    """Read proteins, and refuse a file of nucleotides."""
    for number, (header, letters) in enumerate(read_entries(path)):
        if number < _LOOKED_AT <= len(letters):
            nucleotides = sum(letters.count(letter) for letter in _NUCLEOTIDES)
            if nucleotides > 0.95 * len(letters):
                raise BadOption(
                    f"'{header.split(None, 1)[0]}' is made of nucleotides, and proteins are wanted",
                    where=path,
                    hint="give transcripts with --transcripts",
                )
        yield header, letters


def _frame(letters: bytes, header: str, path: PathLike, table: int) -> bytes:
    """Translate a transcript, and refuse a protein."""
    if unknown_letters(letters):
        raise BadOption(
            f"'{header.split(None, 1)[0] if header else ''}' holds letters of no nucleotide",
            where=path,
            hint="give proteins with --proteins",
        )
    return longest_frame(letters, table)


def _longest_codings(
    longest: _Longest, names: GeneNames, species: str | None, codings: Iterable[Coding]
) -> dict[int, Coding]:
    """Choose a coding sequence for every gene of the set: the most bases; of equals the name that sorts first."""
    chosen: dict[int, Coding] = {}
    for coding in codings:
        row = names.row_of_gene(coding.genes, species)
        longest.count(row)
        if row is None:
            continue
        if row not in chosen or (-coding.bases, coding.names) < (-chosen[row].bases, chosen[row].names):
            chosen[row] = coding
    return chosen


def _gene_names(codings: Iterable[Coding]) -> list[str]:
    """Give the first name of every gene."""
    return list(dict.fromkeys(coding.genes[0] for coding in codings if coding.genes))
