"""Logistic regression on k-mer counts in bins by stochastic gradient descent, for counts that do not fit into memory.

In: uint8 codes, or one-hot columns ``(n, 4, columns)``. Out: ``(n, outputs)``.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kanseq.models.architecture import TASKS, option, predictor
from kanseq.models.classical.kmers import KmerConfig, bin_count, bins_of_kmers
from kanseq.models.config import NetworkConfig
from kanseq.models.network import BASES, SequenceNetwork


@dataclass(frozen=True, kw_only=True)
class KmerSGDConfig(NetworkConfig, KmerConfig):
    """Hyper-parameters of :class:`KmerSGD`."""

    outputs: int = option(1, "outputs per sequence; set by the task", least=1)


class KmerSGD(SequenceNetwork):
    """A linear layer on the standardised counts that ``kmer-logistic`` is fitted to.

    It is trained in batches like every network, so that only one batch of counts is held at a time. With
    ``--decay coupled --weight-decay 1/(C·n)`` its loss is the one that ``kmer-logistic`` minimises on ``n`` training
    genes with the same ``C``.

    Attributes:
        mean, scale: mean and standard deviation of the training sequences' counts, ``(width,)``; see :meth:`prepare`.
    """

    decayed = ("weight",)

    mean: Tensor
    scale: Tensor
    bins: Tensor

    def __init__(self, config: KmerSGDConfig) -> None:
        """Build the layer with weights of zero."""
        super().__init__(config.geometry)
        self.k, self.words = config.k, 4**config.k
        self.width = bin_count(config.geometry, config.bin) * self.words
        bins = torch.from_numpy(bins_of_kmers(config.geometry, config.k, config.bin))
        self.register_buffer("bins", bins, persistent=False)
        self.register_buffer("mean", torch.zeros(self.width))
        self.register_buffer("scale", torch.ones(self.width))
        self.linear = nn.Linear(self.width, config.outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def prepare(self, batches: Iterable[Tensor]) -> None:
        """Compute mean and standard deviation of the counts in the training sequences; constant ones get scale 1."""
        number = 0
        total, squares = torch.zeros(2, self.width, dtype=torch.float64, device=self.mean.device)
        for codes in batches:
            counts = self.counts(codes).double()
            number += len(counts)
            total += counts.sum(dim=0)
            squares += counts.square().sum(dim=0)
        # Sums of whole numbers are exact, so that their difference loses no digits.
        variance = (squares * number - total.square()) / number**2
        self.mean.copy_(total / number)
        self.scale.copy_(torch.where(variance > 0, variance, 1.0).sqrt())

    def counts(self, codes: Tensor) -> Tensor:
        """Count each word (k-mer) per bin of uint8 codes ``(n, columns)``: ``(n, width)``, in the parameters' dtype."""
        visible = codes.masked_fill(self.hidden, BASES).long()
        starts = len(self.bins)
        word, known = torch.zeros_like(visible[:, :starts]), self.bins >= 0
        for offset in range(self.k):
            letter = visible[:, offset : offset + starts]
            word, known = word * BASES + letter, known & (letter < BASES)
        # Words with an unknown or masked base, or outside a window, are counted in one extra column at the end.
        place = torch.where(known, self.bins * self.words + word, self.width)
        counts = torch.zeros(len(codes), self.width + 1, dtype=self.mean.dtype, device=codes.device)
        return counts.scatter_add_(1, place, torch.ones_like(place, dtype=counts.dtype))[:, : self.width]

    def forward(self, codes: Tensor) -> Tensor:
        """Map codes ``(n, columns)`` uint8 to ``(n, outputs)``."""
        return self.linear((self.counts(codes) - self.mean) / self.scale)

    def forward_encoded(self, x: Tensor) -> Tensor:
        """Map one-hot (or any real) columns ``(n, 4, columns)`` to ``(n, outputs)``.

        A count is a sum of products of columns, so that attributions split it over the bases by the rule for products.
        """
        starts = len(self.bins)
        words = x[:, :, :starts]
        for offset in range(1, self.k):
            letter = x[:, None, :, offset : offset + starts]
            words = (words[:, :, None] * letter).flatten(1, 2)
        belongs = (self.bins[:, None] == torch.arange(self.width // self.words, device=x.device)).to(x.dtype)
        counts = (words @ belongs).transpose(1, 2).flatten(1)
        return self.linear((counts - self.mean) / self.scale)


ARCHITECTURE = predictor(
    name="kmer-sgd",
    summary="linear layer on k-mer counts in bins, by stochastic gradient descent",
    source="kanseq",
    config=KmerSGDConfig,
    build=KmerSGD,
    tasks=TASKS,
)
