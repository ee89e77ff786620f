"""Chebyshev polynomials as the curves of a KAN layer.

In: numbers of any size, squashed to (−1, 1). Out: the polynomials' values there, and their slopes.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kanseq.nn.bases.arguments import check_whole
from kanseq.nn.bases.basis import Basis


@dataclass(frozen=True)
class Chebyshev(Basis):
    """``T_k(tanh(u))`` for ``k = 0 … degree``, ``T_k`` the Chebyshev polynomials of the first kind.

    These are the bases of ChebyKAN (Sidharth et al. 2024, arXiv:2405.07200). It squashes inputs because the polynomials
    grow without bound outside [−1, 1]; with squashing, ``T_k = cos(k·arccos(tanh(u)))``.

    Attributes:
        degree: the highest degree; an ``int`` of at least 1, else ``ValueError``.
    """

    degree: int = 4

    FINEST = 8
    """The highest degree for which a table is fine enough: slopes are up to ``degree`` per unit."""

    def __post_init__(self) -> None:
        """Check the degree."""
        check_whole("degree", self.degree)

    @property
    def size(self) -> int:
        """The number of polynomials, including the constant one."""
        return self.degree + 1

    @property
    def domain(self) -> tuple[float, float] | None:
        """The interval where any polynomial is over 2e-6 from ±1; ``None`` if one is too steep for a table.

        Far out, at ``±u``, the polynomial of the highest degree differs by ``2·degree²·exp(−2u)``.
        """
        if self.degree > self.FINEST:
            return None
        reach = 7.0 + math.log(self.degree)
        return -reach, reach

    def values(self, u: Tensor) -> Tensor:
        """Evaluate the polynomials: ``(…)`` to ``(…, degree + 1)``."""
        t = u.tanh()
        made = [torch.ones_like(t), t]
        for _ in range(2, self.size):
            made.append(2 * t * made[-1] - made[-2])
        return torch.stack(made, dim=-1)

    def fill(self, u: Tensor, values: Tensor, slopes: Tensor | None = None) -> None:
        """Write the polynomials by their recurrence, ``T_k = 2t·T_{k−1} − T_{k−2}``, and slopes by its derivative."""
        t = u.tanh()
        twice = 2 * t
        values[..., 0] = 1
        values[..., 1] = t
        for k in range(2, self.size):
            torch.mul(values[..., k - 1], twice, out=values[..., k]).sub_(values[..., k - 2])
        if slopes is None:
            return
        slope = 1 - t.square()
        slopes[..., 0] = 0
        slopes[..., 1] = slope
        slope *= 2
        for k in range(2, self.size):
            made = torch.mul(values[..., k - 1], slope, out=slopes[..., k])
            made.addcmul_(slopes[..., k - 1], twice).sub_(slopes[..., k - 2])
