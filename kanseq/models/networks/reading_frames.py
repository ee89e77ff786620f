"""Find the columns that begin a codon: reading frames, learned from the sequences alone.

In: the 3-mer at each column. Out: the probability that a codon of a coding sequence begins there.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

CODON, CODONS = 3, 64
"""Length of a codon, and the number of codons."""

STOPS = (48, 50, 56)
"""Indices of TAA, TAG and TGA among 3-mers in alphabetical order."""

RARE = 0.02
"""Initial frequency of stop codons in a reading frame, relative to elsewhere."""

SEQUENCES = 8192
"""Number of sequences that is enough to learn 64 scores."""


class ReadingFrames(nn.Module):
    """Choose between three reading frames and none in every column, by the codons around it.

    A 3-mer's score is the logarithm of its frequency as a codon relative to its frequency elsewhere. The evidence for a
    frame is the sum of the scores of ``2·reach + 1`` 3-mers in it. A softmax over the three frames and "no frame" turns
    it into a probability.

    Attributes:
        score: scores of the 3-mers in alphabetical order, ``(64,)``; first learned without labels, see :meth:`learn`.
        reach: codons on either side whose scores count.
        prior: assumed fraction of coding columns.
    """

    def __init__(self, reach: int, prior: float = 0.4) -> None:
        """Start with scores of zero."""
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
        """Map 3-mers ``(n, columns)`` int64 (64 for none) to the probabilities of :meth:`forward`."""
        return self(functional.pad(self.score, (0, 1)).index_select(0, words.flatten()).view(words.shape))

    @torch.no_grad()
    def learn(self, words: Tensor, rounds: int = 15) -> None:
        """Learn the scores from sequences without labels, by expectation maximisation.

        Initially, stop codons are rare in reading frames, and all other 3-mers are as frequent as elsewhere. Each round
        counts 3-mers weighted by the probability that they are codons, and that they are in no frame.
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
    """Return the sum of weights ``(n, columns)`` per 3-mer, ``(64,)`` float64."""
    return torch.bincount(words.flatten(), weight.flatten().double(), minlength=CODONS + 1)[:CODONS]
