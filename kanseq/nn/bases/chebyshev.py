"""Chebyshev polynomials as basis functions of a KAN layer.

In: any numbers, which are mapped to (−1, 1) by tanh. Out: values and slopes of the polynomials.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kanseq.nn.bases.arguments import check_whole
from kanseq.nn.bases.basis import Basis


@dataclass(frozen=True)
class Chebyshev(Basis):
    """Functions ``T_k(tanh(u))`` for ``k = 0 … degree``, where ``T_k`` are Chebyshev polynomials of the first kind.

    They are the basis functions of ChebyKAN (Sidharth et al. 2024, arXiv:2405.07200). Inputs are mapped by tanh because
    the polynomials grow without bound outside [−1, 1]. With tanh, ``T_k = cos(k·arccos(tanh(u)))``.

    Attributes:
        degree: the highest degree, an ``int`` of at least 1, else ``ValueError``.
    """

    degree: int = 4

    FINEST = 8
    """The highest degree for which a lookup table is precise enough; slopes are up to ``degree`` per unit of ``u``."""

    def __post_init__(self) -> None:
        """Check the degree."""
        check_whole("degree", self.degree)

    @property
    def size(self) -> int:
        """Number of polynomials, including the constant ``T_0``."""
        return self.degree + 1

    @property
    def domain(self) -> tuple[float, float] | None:
        """The interval of ``u`` outside of which all functions are within 2e-6 of ±1, their limits.

        None if the highest degree is above :attr:`FINEST`, because a lookup table would not be precise enough. For
        large ``|u|``, the polynomial of the highest degree differs from ±1 by ``2·degree²·exp(−2|u|)``.
        """
        if self.degree > self.FINEST:
            return None
        reach = 7.0 + math.log(self.degree)
        return -reach, reach

    def values(self, u: Tensor) -> Tensor:
        """Evaluate all polynomials at positions ``(…)``: ``(…, degree + 1)``."""
        t = u.tanh()
        made = [torch.ones_like(t), t]
        for _ in range(2, self.size):
            made.append(2 * t * made[-1] - made[-2])
        return torch.stack(made, dim=-1)

    def fill(self, u: Tensor, values: Tensor, slopes: Tensor | None = None) -> None:
        """Write the values of all polynomials and, if requested, their slopes.

        Values are computed by the recurrence ``T_k = 2t·T_{k−1} − T_{k−2}``, slopes by its derivative.
        """
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
