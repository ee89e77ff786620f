"""A linear model on binned k-mer counts, trained in batches, for data sets with counts that do not fit into memory.

In: uint8 base codes ``(n, columns)``, or one-hot columns ``(n, 4, columns)``. Out: outputs ``(n, outputs)``.
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
    """A linear layer on standardised k-mer counts in bins. The features are the same as those of ``kmer-logistic``.

    It is trained in batches like any network, so only the counts of one batch are in memory. With ``--decay coupled
    --weight-decay 1/(C·n)``, where ``n`` is the number of training genes, it minimises the same loss as
    ``kmer-logistic`` with this ``C``.

    Attributes:
        mean, scale: mean and standard deviation of each count over the training sequences, ``(width,)``; computed by
            :meth:`prepare`.
    """

    decayed = ("weight",)

    mean: Tensor
    scale: Tensor
    bins: Tensor

    def __init__(self, config: KmerSGDConfig) -> None:
        """Build the linear layer with all weights set to zero."""
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
        """Compute ``mean`` and ``scale`` of the k-mer counts in the training sequences; constant counts get scale 1."""
        number = 0
        total, squares = torch.zeros(2, self.width, dtype=torch.float64, device=self.mean.device)
        for codes in batches:
            counts = self.counts(codes).double()
            number += len(counts)
            total += counts.sum(dim=0)
            squares += counts.square().sum(dim=0)
        # Sums of integers are exact, so the difference has no rounding error.
        variance = (squares * number - total.square()) / number**2
        self.mean.copy_(total / number)
        self.scale.copy_(torch.where(variance > 0, variance, 1.0).sqrt())

    def counts(self, codes: Tensor) -> Tensor:
        """Count k-mers per bin in uint8 codes ``(n, columns)``: ``(n, width)``, in the dtype of the parameters."""
        visible = codes.masked_fill(self.hidden, BASES).long()
        starts = len(self.bins)
        word, known = torch.zeros_like(visible[:, :starts]), self.bins >= 0
        for offset in range(self.k):
            letter = visible[:, offset : offset + starts]
            word, known = word * BASES + letter, known & (letter < BASES)
        # K-mers with an unknown or masked base, or outside a window, are counted in one extra column at the end.
        place = torch.where(known, self.bins * self.words + word, self.width)
        counts = torch.zeros(len(codes), self.width + 1, dtype=self.mean.dtype, device=codes.device)
        return counts.scatter_add_(1, place, torch.ones_like(place, dtype=counts.dtype))[:, : self.width]

    def forward(self, codes: Tensor) -> Tensor:
        """Compute the outputs ``(n, outputs)`` for base codes ``(n, columns)`` uint8."""
        return self.linear((self.counts(codes) - self.mean) / self.scale)

    def forward_encoded(self, x: Tensor) -> Tensor:
        """Compute the outputs ``(n, outputs)`` for one-hot (or other real-valued) columns ``(n, 4, columns)``.

        Each count is computed as a sum of products of columns. Attribution methods can therefore divide it among the
        bases of a k-mer by their rule for products.
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
