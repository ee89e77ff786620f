"""Predict reading frames from codon frequencies, learned from the sequences without labels.

In: the 3-mer at each column. Out: the probability that a codon of a coding sequence starts at each column.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

CODON, CODONS = 3, 64
"""Length of a codon in bases, and the number of codons."""

STOPS = (48, 50, 56)
"""Indices of TAA, TAG and TGA among 3-mers in alphabetical order."""

RARE = 0.02
"""Initial frequency of stop codons in reading frames, relative to their frequency elsewhere."""

SEQUENCES = 8192
"""Maximum number of sequences from which scores are learned: enough for 64 scores."""


class ReadingFrames(nn.Module):
    """Predict at which columns a codon of a coding sequence starts, from the 3-mers in the same reading frame.

    The score of a 3-mer is the logarithm of the ratio of its frequency as a codon to its frequency elsewhere. The
    evidence for a frame is the sum of the scores of ``2·reach + 1`` consecutive 3-mers in this frame. Probabilities are
    a softmax over the three frames and "no frame".

    Attributes:
        score: scores of the 3-mers in alphabetical order, ``(64,)``. :meth:`learn` sets their initial values.
        reach: number of codons on each side of a column whose scores are summed.
        prior: assumed fraction of coding columns.
    """

    def __init__(self, reach: int, prior: float = 0.4) -> None:
        """Initialise all scores to zero."""
        super().__init__()
        self.reach, self.prior = reach, prior
        self.score = nn.Parameter(torch.zeros(CODONS))

    def forward(self, scores: Tensor) -> Tensor:
        """Return the probability that a codon starts at each column, ``(n, columns)``.

        Args:
            scores: score of the 3-mer at each column, ``(n, columns)``.
        """
        window = scores.new_ones(1, 1, 2 * self.reach + 1)
        sums = functional.conv1d(scores[:, None], window, padding=3 * self.reach, dilation=3)[:, 0]
        # A codon that covers a column starts at this column, or one or two columns before.
        frames = [sums, functional.pad(sums, (0, 1))[:, 1:], functional.pad(sums, (1, 0))[:, :-1]]
        evidence = torch.stack(frames, dim=1) + math.log(self.prior / 3)
        nothing = torch.full_like(sums, math.log(1 - self.prior))[:, None]
        return torch.cat([evidence, nothing], dim=1).softmax(dim=1)[:, 0]

    def of_words(self, words: Tensor) -> Tensor:
        """Compute the probabilities of :meth:`forward` from 3-mer indices ``(n, columns)`` int64; 64 if unknown."""
        return self(functional.pad(self.score, (0, 1)).index_select(0, words.flatten()).view(words.shape))

    @torch.no_grad()
    def learn(self, words: Tensor, rounds: int = 15) -> None:
        """Learn the scores from sequences without labels, by expectation maximisation.

        Initially, stop codons are assumed to be rare in reading frames, and all other 3-mers to be as frequent in
        reading frames as elsewhere. Each round updates both frequencies: it counts 3-mers weighted by the probability
        that they are codons, and by the probability that they are outside reading frames.

        Args:
            words: index of the 3-mer at each column, ``(n, columns)`` int64; 64 if unknown.
            rounds: number of rounds.
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
    """Return the sum of weights of each 3-mer, ``(64,)`` float64; ``words`` and ``weight`` are ``(n, columns)``."""
    return torch.bincount(words.flatten(), weight.flatten().double(), minlength=CODONS + 1)[:CODONS]
