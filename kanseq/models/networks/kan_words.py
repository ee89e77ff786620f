"""KAN-Words: a two-layer KAN with a spline of position for each k-mer ("word"), and a spline of each region's sum.

In: uint8 base codes ``(n, columns)``, or one-hot columns ``(n, 4, columns)``. Out: outputs ``(n, outputs)``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kanseq.errors import BadOption
from kanseq.models.architecture import TASKS, option, predictor
from kanseq.models.config import NetworkConfig
from kanseq.models.network import BASES, SequenceNetwork
from kanseq.models.networks.gene_regions import SiteSide, end_knots, growing_knots, parts_of, stretch_of
from kanseq.models.networks.reading_frames import CODON, CODONS, SEQUENCES, ReadingFrames
from kanseq.nn.bspline import BSplineLinear
from kanseq.nn.positional import PlacedCurves

NUMBERS = 2**24
"""Maximum number of values in the one-hot k-mers of a batch, which limits the batch size."""

REACH = 2.0
"""The spline grid of the second layer spans −REACH to REACH, in log-odds. Most sums of gene regions are within it."""

LEAST_GROWTH = 1.2
"""Minimum ``growth`` above 1: smaller values would place a knot at nearly every column."""

INTERVALS = 4
"""Number of intervals of the spline grid of the second layer."""


@dataclass(frozen=True, kw_only=True)
class KANWordsConfig(NetworkConfig):
    """Hyper-parameters of :class:`KANWords`."""

    outputs: int = option(1, "outputs per sequence; set by the task", least=1)
    k: int = option(3, "length of the k-mers", least=1, most=6)
    knot: int = option(30, "distance from TSS or TTS to the first knot, in columns", least=1)
    growth: float = option(2.0, "ratio of successive knots' distances from TSS or TTS; 1: equally spaced", least=1)
    order: int = option(3, "degree of the splines", least=0, most=5)
    frames: bool = option(True, "predict reading frames in transcribed regions, and use the codons in them")
    reach: int = option(20, "codons on each side that are used to predict a reading frame", least=1, most=100)
    codon_gain: float = option(1.5, "gain of codon splines, relative to k-mer splines", above=0)
    join_gain: float = option(4.0, "gain of the splines of gene region sums; 0: no second layer", least=0)

    def __post_init__(self) -> None:
        """Check the ranges, and that ``growth`` is 1 or at least :data:`LEAST_GROWTH`."""
        super().__post_init__()
        if 1 < self.growth < LEAST_GROWTH:
            raise BadOption(f"growth is {self.growth}", hint=f"it must be 1 or at least {LEAST_GROWTH}")


class KANWords(SequenceNetwork):
    """A KAN of two layers of splines. All learned functions can be plotted.

    1. In each gene region (upstream, after TSS, before TTS, downstream), each k-mer has a spline of its distance from
       the TSS or TTS. The sum ``h`` of a region adds up the values of all its k-mers, which may overlap. If transcribed
       regions are visible, codons have such functions, too, weighted by the probability that they are in a reading
       frame.
    2. The output is ``Σ h + Σ φ(h) + bias``, with a spline ``φ`` for each sum ``h`` (of k-mers or codons in a region).

    All splines are initially zero, so the seed affects only the order of the training genes.
    """

    decayed = ("weight", "spline_weight")

    def __init__(self, config: KANWordsConfig) -> None:
        """Build the splines of both layers."""
        super().__init__(config.geometry)
        self.k, self.outputs = config.k, config.outputs
        parts = parts_of(config.geometry)
        columns = max(1, config.geometry.columns - config.k + 1)
        placed = {
            part: stretch_of(part, config.k, columns, growing_knots(part, config.knot, config.growth)) for part in parts
        }
        self.parts = [part for part, stretch in placed.items() if stretch]
        stretches = [stretch for stretch in placed.values() if stretch]
        self.words = PlacedCurves(BASES**config.k, config.outputs, columns, stretches, order=config.order)
        self.channels = [part.name for part in self.parts]
        self.frames: ReadingFrames | None = None
        self.codons: PlacedCurves | None = None
        if config.frames:
            self._add_codons(parts, config)
        self.join: BSplineLinear | None = None
        self.join_gain = config.join_gain
        if config.join_gain:
            inputs = len(self.channels) * config.outputs
            self.join = BSplineLinear(inputs, config.outputs, INTERVALS, low=-REACH, high=REACH, base=False)
            nn.init.zeros_(self.join.spline_weight)
            several = range(1, config.outputs + 1)
            self.join.input_names = tuple(
                name if config.outputs == 1 else f"{name}, output {output}"
                for output in several
                for name in self.channels
            )
        self.bias = nn.Parameter(torch.zeros(config.outputs))
        self.rows = max(2, min(self.rows, NUMBERS // 2 // (self.words.kinds * columns)))

    def _add_codons(self, parts: list[SiteSide], config: KANWordsConfig) -> None:
        """Add functions of position for codons, if transcribed regions are visible; each is linear within a region."""
        columns = max(1, config.geometry.columns - CODON + 1)
        placed = {part: stretch_of(part, CODON, columns, end_knots(part)) for part in parts if part.transcribed}
        coding = {part: stretch for part, stretch in placed.items() if stretch}
        if coding:
            self.frames = ReadingFrames(config.reach)
            stretches = list(coding.values())
            self.codons = PlacedCurves(CODONS, config.outputs, columns, stretches, order=1, gain=config.codon_gain)
            self.channels += [f"codons {part.name}" for part in coding]

    @torch.no_grad()
    def prepare(self, batches: Iterable[Tensor]) -> None:
        """Learn scores of reading frames and k-mer frequencies by position from training sequences, without labels."""
        if self.frames is not None:
            self.frames.learn(self._words_of(spread(batches, SEQUENCES), CODON))
        curves = [self.words] if self.codons is None else [self.words, self.codons]
        moments = [one.moments() for one in curves]
        for batch in batches:
            for codes in batch.split(max(1, NUMBERS // (self.words.kinds * batch.shape[1]))):
                for one, mixture in zip(moments, self._mixtures(self.encode(codes)), strict=True):
                    one.add(mixture)
        for one, found in zip(curves, moments, strict=True):
            one.standardise(found)

    def forward(self, codes: Tensor) -> Tensor:
        """Compute the outputs ``(n, outputs)`` for base codes ``(n, columns)`` uint8."""
        words = self._words_of(codes, self.k)
        sums = [self.words(words)]
        if self.frames is not None and self.codons is not None:
            codons = words if self.k == CODON else self._words_of(codes, CODON)
            sums.append(self.codons(codons, self.frames.of_words(codons)))
        return self._joined(sums)

    def forward_encoded(self, x: Tensor) -> Tensor:
        """Compute the outputs ``(n, outputs)`` for one-hot (or other real-valued) columns ``(n, 4, columns)``.

        Each k-mer is computed as a product of columns. Attribution methods can therefore divide it among its bases by
        their rule for products.
        """
        curves = [self.words] if self.codons is None else [self.words, self.codons]
        return self._joined([one.of_mixtures(mixture) for one, mixture in zip(curves, self._mixtures(x), strict=True)])

    def _joined(self, sums: list[Tensor]) -> Tensor:
        """Compute the outputs ``(n, outputs)`` from the sums per gene region, ``(n, outputs, regions)`` each."""
        h = torch.cat(sums, dim=2)
        plain = h.sum(2) + self.bias
        return plain if self.join is None else plain + self.join(h.flatten(1)) * self.join_gain

    def _words_of(self, codes: Tensor, k: int) -> Tensor:
        """Return the index of the k-mer at each column, ``(n, columns - k + 1)``; ``4**k`` if a base is unknown."""
        visible = codes.masked_fill(self.hidden, BASES).long()
        starts = max(1, codes.shape[1] - k + 1)
        word = visible.new_zeros(len(codes), starts)
        known = torch.full_like(word, codes.shape[1] >= k, dtype=torch.bool)
        for offset in range(min(k, codes.shape[1])):
            letter = visible[:, offset : offset + starts]
            word, known = word * BASES + letter, known & (letter < BASES)
        return torch.where(known, word, BASES**k)

    def _mixtures(self, x: Tensor) -> list[Tensor]:
        """Return the one-hot k-mer that starts at each column and, with reading frames, the codon that starts there.

        Codons are one-hot, multiplied by the probability that a codon of the reading frame starts at the column. Both
        have the shape ``(n, k-mers or codons, columns)``.
        """
        words = _products(x, self.k)
        if self.frames is None:
            return [words]
        codons = words if self.k == CODON else _products(x, CODON)
        frames = self.frames(torch.einsum("nkt,k->nt", codons, self.frames.score))
        return [words, codons * frames[:, None]]


def spread(batches: Iterable[Tensor], most: int) -> Tensor:
    """Return at most ``most`` evenly spaced sequences: all, or every second, fourth, eighth … sequence of all batches.

    >>> spread([torch.arange(3), torch.arange(3, 10)], 5).tolist()
    [0, 2, 4, 6, 8]
    """
    kept, number, stride = [], 0, 1
    for batch in batches:
        kept.append(batch[-number % stride :: stride])
        number += len(batch)
        while -(-number // stride) > most:
            kept, stride = [torch.cat(kept)[::2]], 2 * stride
    return torch.cat(kept)


def _products(x: Tensor, k: int) -> Tensor:
    """Return one-hot k-mers ``(n, 4**k, columns - k + 1)`` for one-hot (or other real) columns ``(n, 4, columns)``."""
    starts = max(1, x.shape[2] - k + 1)
    if x.shape[2] < k:
        return x[:, :1, :1].expand(-1, BASES**k, -1) * 0
    words = x[:, :, :starts]
    for offset in range(1, k):
        words = (words[:, :, None] * x[:, None, :, offset : offset + starts]).flatten(1, 2)
    return words


ARCHITECTURE = predictor(
    name="kan-words",
    summary="KAN on overlapping k-mers: splines of k-mer positions and of region sums",
    source="kanseq; KAN: Liu et al. 2024, arXiv:2404.19756",
    config=KANWordsConfig,
    build=KANWords,
    tasks=TASKS,
    recipe={
        "epochs": 30,
        "batch_size": 128,
        "learning_rate": 3e-3,
        "weight_decay": 2000.0,
        "decay": "prior",
        "schedule": "one-cycle",
        "patience": 30,
        "precision": "float32",
        "mid": "rank",
    },
)
