"""KAN-Words: every overlapping word (k-mer) adds a spline of its position, and splines of these sums make the outputs.

In: uint8 codes, or one-hot columns ``(n, 4, columns)``. Out: ``(n, outputs)``.
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
"""Maximum size of the one-hot words of a batch."""

REACH = 2.0
"""The grid of the joining curves spans minus to plus this value, in log-odds. Most sums of a part are smaller."""

LEAST_GROWTH = 1.2
"""With a smaller growth there would be a knot in nearly every column."""

INTERVALS = 4
"""Intervals of the grid of the joining curves."""


@dataclass(frozen=True, kw_only=True)
class KANWordsConfig(NetworkConfig):
    """Hyper-parameters of :class:`KANWords`."""

    outputs: int = option(1, "outputs per sequence; set by the task", least=1)
    k: int = option(3, "length of the words (k-mers)", least=1, most=6)
    knot: int = option(30, "columns from a site to the first knot", least=1)
    growth: float = option(2.0, "factor between the distances of successive knots; 1: equally spaced", least=1)
    order: int = option(3, "degree of the splines", least=0, most=5)
    frames: bool = option(True, "find reading frames in transcribed parts, and weight the codons in them")
    reach: int = option(20, "codons on either side that determine a reading frame", least=1, most=100)
    codon_gain: float = option(1.5, "gain of the curves of codons, compared with words", above=0)
    join_gain: float = option(4.0, "gain of the curves on the parts' sums; 0: sums are only added", least=0)

    def __post_init__(self) -> None:
        """Check that the distances of knots grow, too."""
        super().__post_init__()
        if 1 < self.growth < LEAST_GROWTH:
            raise BadOption(f"growth is {self.growth}", hint=f"it must be 1 or at least {LEAST_GROWTH}")


class KANWords(SequenceNetwork):
    """Two layers of splines; every learned function can be plotted.

    1. Every word of ``k`` bases has a spline of its distance from the site, one in each part of the windows. The values
       of all words in a part are added up. Words overlap and are not cut by a grid. If transcribed parts are visible,
       each codon has such a function, too, weighted by the probability that it is in a reading frame.
    2. The sums ``h`` of all parts are added, and a KAN layer adds a spline of each: ``Σ h + Σ φ(h) + bias``.

    Curves are zero at first, so that the seed affects only the order of the genes.
    """

    decayed = ("weight", "spline_weight")

    def __init__(self, config: KANWordsConfig) -> None:
        """Build the curves for the configuration's geometry."""
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
        """Add the functions of codons if there are transcribed parts; they are linear from end to end."""
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
        """Learn reading frames, and the frequency of words by position, from the training sequences without labels."""
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
        """Map codes ``(n, columns)`` uint8 to ``(n, outputs)``."""
        words = self._words_of(codes, self.k)
        sums = [self.words(words)]
        if self.frames is not None and self.codons is not None:
            codons = words if self.k == CODON else self._words_of(codes, CODON)
            sums.append(self.codons(codons, self.frames.of_words(codons)))
        return self._joined(sums)

    def forward_encoded(self, x: Tensor) -> Tensor:
        """Map one-hot (or any real) columns ``(n, 4, columns)`` to ``(n, outputs)``.

        A word is a product of columns, so that attributions split it over its bases by the rule for products.
        """
        curves = [self.words] if self.codons is None else [self.words, self.codons]
        return self._joined([one.of_mixtures(mixture) for one, mixture in zip(curves, self._mixtures(x), strict=True)])

    def _joined(self, sums: list[Tensor]) -> Tensor:
        """Combine the sums ``(n, outputs, parts)`` into outputs."""
        h = torch.cat(sums, dim=2)
        plain = h.sum(2) + self.bias
        return plain if self.join is None else plain + self.join(h.flatten(1)) * self.join_gain

    def _words_of(self, codes: Tensor, k: int) -> Tensor:
        """Return the index of the word at each column, ``(n, columns - k + 1)``; ``4**k`` if it has an unknown base."""
        visible = codes.masked_fill(self.hidden, BASES).long()
        starts = max(1, codes.shape[1] - k + 1)
        word = visible.new_zeros(len(codes), starts)
        known = torch.full_like(word, codes.shape[1] >= k, dtype=torch.bool)
        for offset in range(min(k, codes.shape[1])):
            letter = visible[:, offset : offset + starts]
            word, known = word * BASES + letter, known & (letter < BASES)
        return torch.where(known, word, BASES**k)

    def _mixtures(self, x: Tensor) -> list[Tensor]:
        """Return the amount of each word, and of each codon in a reading frame, that begins in each column."""
        words = _products(x, self.k)
        if self.frames is None:
            return [words]
        codons = words if self.k == CODON else _products(x, CODON)
        frames = self.frames(torch.einsum("nkt,k->nt", codons, self.frames.score))
        return [words, codons * frames[:, None]]


def spread(batches: Iterable[Tensor], most: int) -> Tensor:
    """Return up to ``most`` sequences, evenly spaced: every one, or every second, fourth, eighth, …

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
    """Multiply ``k`` neighbouring columns ``(n, 4, columns)`` in all combinations: ``(n, 4**k, columns - k + 1)``."""
    starts = max(1, x.shape[2] - k + 1)
    if x.shape[2] < k:
        return x[:, :1, :1].expand(-1, BASES**k, -1) * 0
    words = x[:, :, :starts]
    for offset in range(1, k):
        words = (words[:, :, None] * x[:, None, :, offset : offset + starts]).flatten(1, 2)
    return words


ARCHITECTURE = predictor(
    name="kan-words",
    summary="KAN on overlapping words: splines of their positions, and of the sums",
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
