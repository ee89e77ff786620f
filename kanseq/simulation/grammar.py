"""The regulatory grammar of simulated genes: sequence elements, where they are planted, and their effects.

In: genes and bases of a contig. Out: bases with planted elements, and the expression that they determine.
"""

from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import numpy as np

from kanseq.geometry import TOKEN, Geometry

GEOMETRY = Geometry()
"""Geometry to which the columns of elements refer (the default one): column 1000 is the TSS, column 2019 the TTS."""

TTS_COLUMN = GEOMETRY.tts_column
TTS_WINDOW = GEOMETRY.window + GEOMETRY.pad

TAKEN = 0x80
"""Bit that marks a base as occupied by an element or by an interval of ``N``."""

FLANKS = ((0, 952), (TTS_COLUMN + 1, GEOMETRY.columns - TOKEN + 1))
"""Half-open ranges of start columns of enhancers and silencers: upstream of the TATA box, downstream of the TTS."""

MEAN_GC = 0.40
IUPAC = {"A": "A", "C": "C", "G": "G", "T": "T", "W": "AT", "Y": "CT", "N": "ACGT"}

_COMPLEMENT = np.arange(256, dtype=np.uint8)
_COMPLEMENT[list(b"ACGT")] = list(b"TGCA")


@dataclass(frozen=True)
class Element:
    """One kind of planted element.

    Attributes:
        name: name of the element in ``truth.bed``.
        letters: IUPAC letters in the direction of transcription; bases of degenerate letters are drawn uniformly.
        effect: effect of each copy on log10 expression.
        starts: half-open ranges of start columns; multiples of 8 are never used.
        copies: maximum number of copies per gene.
        chance: probability of each copy in genes that are rich in the element, a random half of all genes.
        poor_chance: probability of each copy in the other half of the genes.
        with_tata: additional effect of each copy if the gene has a TATA box.
    """

    name: str
    letters: str
    effect: float
    starts: tuple[tuple[int, int], ...]
    copies: int = 1
    chance: float = 0.5
    poor_chance: float = 0.5
    with_tata: float = 0.0

    def start_columns(self) -> np.ndarray:
        """Return all possible start columns of the element, int64; none of them is the first column of a token."""
        columns = np.concatenate([np.arange(first, last) for first, last in self.starts])
        return columns[columns % TOKEN != 0]


def _word(name: str, letters: str, effect: float, with_tata: float = 0.0) -> Element:
    """Return an enhancer or silencer: an element with up to eight copies anywhere in the flanks."""
    return Element(name, letters, effect, FLANKS, copies=8, chance=0.6, poor_chance=0.1, with_tata=with_tata)


@dataclass(frozen=True)
class Grammar:
    """The rules that determine the expression of simulated genes: effects of elements and of base composition.

    Log10 expression of a gene is ``upstream_gc · (U − 0.40) + downstream_gc · (D − 0.40) + Σ copies · effect + noise``
    where U and D are the fractions of G and C in the 1,000 nt before its TSS and after its TTS. The effect of an
    enhancer is larger if the gene has a TATA box.
    """

    upstream_gc: float = 4.5
    downstream_gc: float = -0.75
    elements: tuple[Element, ...] = field(
        default=(
            Element("tata_box", "TATAWAW", 0.30, ((GEOMETRY.upstream - 35, GEOMETRY.upstream - 24),)),
            Element("initiator", "YYANWYY", 0.15, ((GEOMETRY.upstream - 12, GEOMETRY.upstream - 6),)),
            Element("polya_signal", "AATAAA", 0.25, ((TTS_COLUMN - 30, TTS_COLUMN - 9),), chance=0.6, poor_chance=0.6),
            _word("enhancer_1", "GAGAGAGA", 0.05, with_tata=0.05),
            _word("enhancer_2", "GCCACGTG", 0.05, with_tata=0.05),
            _word("silencer_1", "TTGTTGTT", -0.075),
            _word("silencer_2", "TTAATGAT", -0.075),
        )
    )

    def signal(self, copies: np.ndarray, gc: np.ndarray) -> np.ndarray:
        """Return the log10 expression of genes without noise, ``(genes,)`` float64.

        Args:
            copies: number of planted elements of each kind, ``(genes, kinds)`` int.
            gc: fractions of G and C in the 1,000 nt upstream and downstream of each gene, ``(genes, 2)``.
        """
        total = self.upstream_gc * (gc[:, 0] - MEAN_GC) + self.downstream_gc * (gc[:, 1] - MEAN_GC)
        tata = copies[:, [element.name for element in self.elements].index("tata_box")] > 0
        # Avoid a matrix product, because the order of sums in BLAS depends on its threads.
        for kind, element in enumerate(self.elements):
            total = total + copies[:, kind] * np.where(tata, element.effect + element.with_tata, element.effect)
        return total

    def scores(self) -> list[int]:
        """Return the BED score of each element, proportional to its absolute effect: 1000 for the strongest."""
        strongest = max(abs(element.effect) for element in self.elements)
        return [round(1000 * abs(element.effect) / strongest) for element in self.elements]

    def to_json(self) -> dict[str, object]:
        """Return the grammar for JSON: the formula of expression, its weights, and the elements."""
        return {
            "log10_expression": "upstream_gc * (share of G and C in the 1,000 nt before the TSS - mean_gc) + "
            "downstream_gc * (the same behind the TTS - mean_gc) + sum over elements of "
            "copies * (effect + with_tata if the gene has a tata_box else effect) + noise",
            "upstream_gc": self.upstream_gc,
            "downstream_gc": self.downstream_gc,
            "mean_gc": MEAN_GC,
            "elements": [asdict(element) for element in self.elements],
        }


class Genes(NamedTuple):
    """The genes of one contig, as arrays of the same length, sorted by start.

    Attributes:
        start, end: 0-based half-open interval of each gene on the contig, int64.
        strand: 1 or -1, int64.
    """

    start: np.ndarray
    end: np.ndarray
    strand: np.ndarray

    @property
    def tss(self) -> np.ndarray:
        """0-based position of the first transcribed base of each gene."""
        return np.where(self.strand > 0, self.start, self.end - 1)

    @property
    def tts(self) -> np.ndarray:
        """0-based position of the last transcribed base of each gene."""
        return np.where(self.strand > 0, self.end - 1, self.start)

    def inside(self, length: int) -> np.ndarray:
        """Return which genes have both windows entirely on a contig of ``length`` bases, bool ``(genes,)``."""
        low, high = self.reach()
        return (low >= 0) & (high <= length)

    def reach(self) -> tuple[np.ndarray, np.ndarray]:
        """Return start and end of the half-open interval that contains both windows of each gene."""
        near = np.minimum(self.start - GEOMETRY.upstream, self.end - GEOMETRY.downstream)
        return near, np.maximum(self.end + GEOMETRY.upstream, self.start + GEOMETRY.downstream)


class Planted(NamedTuple):
    """The elements planted on one contig, as arrays of the same length.

    Attributes:
        gene, kind: index of the gene on the contig, and of the element in the grammar, int64.
        start, end: 0-based half-open interval of the element on the contig, int64.
    """

    gene: np.ndarray
    kind: np.ndarray
    start: np.ndarray
    end: np.ndarray


class PlannedContig(NamedTuple):
    """The plan of a contig: its genes, but not its bases. ``coding`` is True for protein-coding genes."""

    name: str
    length: int
    genes: Genes
    ids: list[str]
    biotypes: list[str]
    coding: np.ndarray


class Measured(NamedTuple):
    """A contig after planting: elements, copies ``(genes, kinds)``, flank GC ``(genes, 2)``, number of rejections."""

    planted: Planted
    copies: np.ndarray
    gc: np.ndarray
    refused: int


def plant(bases: np.ndarray, genes: Genes, grammar: Grammar, rng: np.random.Generator) -> tuple[Planted, int]:
    """Plant random elements into ``bases`` in place; return them, and the number of elements that were rejected.

    ``bases`` are uint8 letters, and occupied ones are marked with :data:`TAKEN`. An element is rejected if it would
    overlap an existing element or an interval of ``N``, or exceed the contig, so planted elements are never
    overwritten. Each copy of each kind of element is planted in all genes of the contig at once.
    """
    found: list[Planted] = []
    refused = 0
    for kind, element in enumerate(grammar.elements):
        columns = element.start_columns()
        chance = np.where(rng.random(len(genes.start)) < 0.5, element.chance, element.poor_chance)
        for _copy in range(element.copies):
            chosen = rng.random(len(genes.start)) < chance
            column = columns[rng.integers(0, len(columns), len(genes.start))]
            letters = _spell(element.letters, len(genes.start), rng)
            start = _position(column, genes, len(element.letters))
            rows = np.flatnonzero(chosen)
            rows = rows[_free(bases, genes, start, len(element.letters), rows)]
            refused += int(chosen.sum()) - len(rows)
            _write(bases, start[rows], letters[rows], genes.strand[rows])
            found.append(Planted(rows, np.full(len(rows), kind), start[rows], start[rows] + len(element.letters)))
    return Planted(*(np.concatenate(arrays) for arrays in zip(*found, strict=True))), refused


def _spell(letters: str, number: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ``number`` random sequences that match IUPAC ``letters``, ``(number, letters)`` uint8."""
    spelled = np.empty((number, len(letters)), dtype=np.uint8)
    for place, letter in enumerate(letters):
        choices = np.frombuffer(IUPAC[letter].encode(), dtype=np.uint8)
        spelled[:, place] = choices[rng.integers(0, len(choices), number)]
    return spelled


def _position(column: np.ndarray, genes: Genes, width: int) -> np.ndarray:
    """Return the lowest genome position of an element of ``width`` bases that starts in ``column`` of each gene."""
    in_tss_window = column < GEOMETRY.window
    anchor = np.where(in_tss_window, genes.tss, genes.tts)
    first = anchor + genes.strand * (column - np.where(in_tss_window, GEOMETRY.upstream, TTS_COLUMN))
    return np.where(genes.strand > 0, first, first - width + 1)


def columns_of(start: np.ndarray, end: np.ndarray, genes: Genes) -> tuple[np.ndarray, np.ndarray]:
    """Return the start columns of elements in the TSS and TTS windows of their genes; -1 if outside the window."""
    first = np.where(genes.strand > 0, start, end - 1)
    width = end - start
    tss = (first - genes.tss) * genes.strand + GEOMETRY.upstream
    tts = (first - genes.tts) * genes.strand + TTS_COLUMN
    return (
        np.where((tss >= 0) & (tss + width <= GEOMETRY.window), tss, -1),
        np.where((tts >= TTS_WINDOW) & (tts + width <= GEOMETRY.columns), tts, -1),
    )


def _free(bases: np.ndarray, genes: Genes, start: np.ndarray, width: int, rows: np.ndarray) -> np.ndarray:
    """Return which elements can be planted: those on the contig, not at a token start, and without overlaps."""
    begin = start[rows]
    end = begin + width
    tss_column, tts_column = columns_of(begin, end, Genes(*(array[rows] for array in genes)))
    free = (begin >= 0) & (end <= len(bases)) & (tss_column % TOKEN != 0) & (tts_column % TOKEN != 0)
    places = np.clip(begin[:, None] + np.arange(width), 0, len(bases) - 1)
    free &= ~(bases[places] & TAKEN).any(axis=1)
    order = np.argsort(begin, kind="stable")
    crowded = np.diff(begin[order]) < width
    free[order[1:][crowded]] = False
    return free


def _write(bases: np.ndarray, start: np.ndarray, letters: np.ndarray, strand: np.ndarray) -> None:
    """Write elements into ``bases`` on the strands of their genes, and mark their bases as occupied."""
    forward = np.where((strand > 0)[:, None], letters, _COMPLEMENT[letters[:, ::-1]])
    bases[start[:, None] + np.arange(letters.shape[1])] = forward | TAKEN


def flank_gc(bases: np.ndarray, genes: Genes, batch: int = 1024) -> np.ndarray:
    """Return the fraction of G and C among A, C, G, T in the 1,000 nt before the TSS and after the TTS, ``(genes, 2)``.

    Planted elements are included; positions past the contig's ends are ignored.
    """
    is_gc, is_base = np.zeros(256, dtype=bool), np.zeros(256, dtype=bool)
    is_gc[list(b"GC")] = is_base[list(b"ACGT")] = True
    outside = np.arange(1, GEOMETRY.upstream + 1)
    shares = np.empty((len(genes.start), 2))
    for first in range(0, len(genes.start), batch):
        rows = slice(first, first + batch)
        strand = genes.strand[rows, None]
        for flank, places in enumerate(
            (genes.tss[rows, None] - strand * outside, genes.tts[rows, None] + strand * outside)
        ):
            there = (places >= 0) & (places < len(bases))
            letters = bases[np.clip(places, 0, len(bases) - 1)] & ~np.uint8(TAKEN)
            known = (is_base[letters] & there).sum(axis=1)
            shares[rows, flank] = (is_gc[letters] & there).sum(axis=1) / np.maximum(known, 1)
    return shares
