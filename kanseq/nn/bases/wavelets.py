"""Mexican-hat wavelets as the curves of a KAN layer.

In: numbers around [−2, 2]. Out: the wavelets' values there, and their slopes.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kanseq.nn.bases.arguments import check_whole
from kanseq.nn.bases.basis import Basis


@dataclass(frozen=True)
class MexicanHats(Basis):
    """``ψ((u − b)/a)`` at scales ``a = 2, 1, ½, …`` and all shifts ``b`` that are multiples of ``a`` inside (−2, 2).

    ``ψ(t) = 2/(√3·π^¼)·(1 − t²)·exp(−t²/2)`` is the Mexican hat. All hats one scale apart, at all scales that halve,
    are nearly a tight frame (Daubechies 1990, doi:10.1109/18.57199). The hats of this family approximate curves on
    [−2, 2] that bend no faster than the finest hat to a few percent, from 3 octaves on; fewer cannot follow a slope.

    Wav-KAN (Bozorgasl & Chen 2024, arXiv:2405.12832) has one wavelet on each edge and learns its scale and shift. Here
    scales and shifts form a fixed, dyadic family shared by all edges, and an edge learns the weights: its curve is
    linear in the learned values, and the family is evaluated once per input instead of once per edge.

    Attributes:
        octaves: number of scales; 1, 4, 11, 26, … hats for 1, 2, 3, 4, … octaves. An ``int`` of at least 1,
            else ``ValueError``.
    """

    octaves: int = 3

    REACH = 6.0
    """Distance from a hat's middle, in scales, at which it has fallen to 5e-7."""

    FAR = 10.0
    """Distance from a hat's middle, in scales, beyond which it is −2e-20, with slopes of at most 2e-19 per scale."""

    FINEST = 4
    """The most octaves for which a table is fine enough."""

    def __post_init__(self) -> None:
        """Check the number of octaves."""
        check_whole("octaves", self.octaves)

    @property
    def size(self) -> int:
        """The number of hats."""
        return 2 ** (self.octaves + 1) - 2 - self.octaves

    @property
    def span(self) -> tuple[float, float]:
        """The interval over which the hats are spread."""
        return -2.0, 2.0

    @property
    def domain(self) -> tuple[float, float] | None:
        """The interval where any hat differs from 0 by more than 5e-7; ``None`` if one is too narrow for a table."""
        return (-2 * self.REACH, 2 * self.REACH) if self.octaves <= self.FINEST else None

    def values(self, u: Tensor) -> Tensor:
        """Evaluate the hats: ``(…)`` to ``(…, size)``, the widest first, and from left to right."""
        per_unit, shifts = self._family(u)
        # Far away, the square would be infinite, and times a bell of 0 it would be NaN.
        square = (u[..., None] * per_unit - shifts).clamp(-self.FAR, self.FAR).square()
        return (1 - square) * (LOG_HEIGHT - square / 2).exp()

    def fill(self, u: Tensor, values: Tensor, slopes: Tensor | None = None) -> None:
        """Write the hats and, if requested, their slopes, ``t·(t² − 3)·exp(−t²/2)`` by height and scale."""
        per_unit, shifts = self._family(u)
        place = values if slopes is None else slopes
        torch.addcmul(-shifts, u[..., None], per_unit, out=place)
        # Farther out, hats would be denormal numbers, which make CPUs a hundred times slower.
        square = place.clamp_(-self.FAR, self.FAR).square()
        bell = square.mul(-0.5).add_(LOG_HEIGHT).exp_()
        torch.sub(1, square, out=values).mul_(bell)
        if slopes is not None:
            slopes.mul_(square.sub_(3)).mul_(bell.mul_(per_unit))

    def _family(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return each hat's number of scales per unit, and its shift in scales."""
        # Built on the device: a Python list would be copied there, and waited for, once per chunk.
        most = [2**octave - 1 for octave in range(self.octaves)]
        per_unit = [torch.full((2 * n + 1,), (n + 1) / 2, dtype=u.dtype, device=u.device) for n in most]
        shifts = [torch.arange(-n, n + 1, dtype=u.dtype, device=u.device) for n in most]
        return torch.cat(per_unit), torch.cat(shifts)


LOG_HEIGHT = math.log(2 / (math.sqrt(3) * math.pi**0.25))
"""The logarithm of the height at which the Mexican hat has an integrated square of 1."""
