"""Which columns begin a codon: reading frames, found from the sequences alone.

In: which 3-mer stands in each column. Out: the probability that a codon of a coding sequence begins there.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

CODON, CODONS = 3, 64
"""Length of a codon, and how many there are."""

STOPS = (48, 50, 56)
"""Numbers of TAA, TAG and TGA among 3-mers in alphabetical order."""

RARE = 0.02
"""How often stop codons are taken to stand in a reading frame at first, beside elsewhere."""

SEQUENCES = 8192
"""So many sequences are enough to learn 64 numbers from."""


class ReadingFrames(nn.Module):
    """Three reading frames and none compete in every column, by how well the codons around it fit.

    A 3-mer's score is the logarithm of how much more often it is a codon than it stands elsewhere. The evidence for a
    frame is the sum of the scores of ``2·reach + 1`` 3-mers in it, and a softmax over the three frames and the lack of
    any makes it a probability.

    Attributes:
        score: ``(64,)``, of the 3-mers in alphabetical order; learned without labels at first, see :meth:`learn`.
        reach: codons on either side whose scores count.
        prior: share of columns that are taken to be coding.
    """

    def __init__(self, reach: int, prior: float = 0.4) -> None:
        """Begin with scores of zero."""
        super().__init__()
        self.reach, self.prior = reach, prior
        self.score = nn.Parameter(torch.zeros(CODONS))

    def forward(self, scores: Tensor) -> Tensor:
        """Map each column's score ``(n, columns)`` to the probability that a codon begins there, ``(n, columns)``."""
        window = scores.new_ones(1, 1, 2 * self.reach + 1)
        sums = functional.conv1d(scores[:, None], window, padding=3 * self.reach, dilation=3)[:, 0]
        # A codon that covers a column begins there, or one or two columns before.
        frames = [sums, functional.pad(sums, (0, 1))[:, 1:], functional.pad(sums, (1, 0))[:, :-1]]
        evidence = torch.stack(frames, dim=1) + math.log(self.prior / 3)
        nothing = torch.full_like(sums, math.log(1 - self.prior))[:, None]
        return torch.cat([evidence, nothing], dim=1).softmax(dim=1)[:, 0]

    def of_words(self, words: Tensor) -> Tensor:
        """Map 3-mers ``(n, columns)`` int64, 64 where there is none, to such probabilities."""
        return self(functional.pad(self.score, (0, 1)).index_select(0, words.flatten()).view(words.shape))

    @torch.no_grad()
    def learn(self, words: Tensor, rounds: int = 15) -> None:
        """Learn the scores from sequences alone, by expectation maximisation.

        It begins with stop codons that are rare in reading frames, and with all else alike. Each round counts 3-mers by
        the probability that they are codons, and that they are in no frame.
        """
        everywhere = torch.bincount(words.flatten(), minlength=CODONS + 1)[:CODONS].double() + 1
        outside = everywhere / everywhere.sum()
        inside = outside.clone()
        inside[list(STOPS)] *= RARE
        inside /= inside.sum()
        for _ in range(rounds):
            self.score.copy_((inside / outside).log())
            counts = torch.zeros(2, CODONS, dtype=torch.float64, device=words.device) + 5
            for part in words.split(256):
                codons = self.of_words(part)
                covered = codons + functional.pad(codons, (1, 0))[:, :-1] + functional.pad(codons, (0, 1))[:, 1:]
                counts[0] += _counts(part, codons)
                counts[1] += _counts(part, (1 - covered).clamp(min=0))
            inside, outside = counts / counts.sum(1, keepdim=True)
        self.score.copy_((inside / outside).log())


def _counts(words: Tensor, weight: Tensor) -> Tensor:
    """Add up weights ``(n, columns)`` by 3-mer, ``(64,)`` float64."""
    return torch.bincount(words.flatten(), weight.flatten().double(), minlength=CODONS + 1)[:CODONS]
