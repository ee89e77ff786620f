"""Mexican-hat wavelets as the curves of a KAN layer.

In: numbers around [−2, 2]. Out: the wavelets' values there, and their slopes.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kanseq.nn.basis import Basis
from kanseq.nn.checks import check_whole


@dataclass(frozen=True)
class MexicanHats(Basis):
    """``ψ((u − b)/a)`` at scales ``a = 2, 1, ½, …`` and all shifts ``b`` that are multiples of ``a`` inside (−2, 2).

    ``ψ(t) = 2/(√3·π^¼)·(1 − t²)·exp(−t²/2)`` is the Mexican hat. All hats one scale apart, at all scales that halve,
    are nearly a tight frame (Daubechies 1990, doi:10.1109/18.57199). These few of them follow curves on [−2, 2] that
    bend no faster than the finest hat within a few percent, once there are 3 octaves; fewer do not follow a slope.

    Wav-KAN (Bozorgasl & Chen 2024, arXiv:2405.12832) has one wavelet on each edge and learns its scale and shift. Here
    these stand in a fixed, dyadic family which all edges share, and an edge learns the weights: its curve is linear in
    what is learned, and the family is evaluated once per input instead of once per edge.

    Attributes:
        octaves: how many scales; 1, 4, 11, 26, … hats for 1, 2, 3, 4, … of them. An ``int`` of at least 1,
            else ``ValueError``.
    """

    octaves: int = 3

    REACH = 6.0
    """Scales from a hat's middle where it has fallen to 5e-7."""

    FAR = 10.0
    """Scales from a hat's middle beyond which it stays at −2e-20, with slopes of 2e-19 per scale at most."""

    FINEST = 4
    """The most octaves for which a table has steps enough."""

    def __post_init__(self) -> None:
        """Refuse a basis of nothing, and what is no number of scales."""
        check_whole("octaves", self.octaves)

    @property
    def size(self) -> int:
        """The number of hats."""
        return 2 ** (self.octaves + 1) - 2 - self.octaves

    @property
    def span(self) -> tuple[float, float]:
        """The interval in which the hats stand."""
        return -2.0, 2.0

    @property
    def domain(self) -> tuple[float, float] | None:
        """Where any hat differs from nothing by more than 5e-7; ``None`` where one is too narrow for a table."""
        return (-2 * self.REACH, 2 * self.REACH) if self.octaves <= self.FINEST else None

    def values(self, u: Tensor) -> Tensor:
        """Evaluate the hats: ``(…)`` to ``(…, size)``, the widest first, and from left to right."""
        per_unit, shifts = self._family(u)
        # Far away the square would be infinite, and times a bell of 0 not a number.
        square = (u[..., None] * per_unit - shifts).clamp(-self.FAR, self.FAR).square()
        return (1 - square) * (LOG_HEIGHT - square / 2).exp()

    def fill(self, u: Tensor, values: Tensor, slopes: Tensor | None = None) -> None:
        """Write the hats and, where wanted, their slopes, ``t·(t² − 3)·exp(−t²/2)`` by height and scale."""
        per_unit, shifts = self._family(u)
        place = values if slopes is None else slopes
        torch.addcmul(-shifts, u[..., None], per_unit, out=place)
        # Beyond, hats would be denormal numbers, with which processors are a hundred times slower.
        square = place.clamp_(-self.FAR, self.FAR).square()
        bell = square.mul(-0.5).add_(LOG_HEIGHT).exp_()
        torch.sub(1, square, out=values).mul_(bell)
        if slopes is not None:
            slopes.mul_(square.sub_(3)).mul_(bell.mul_(per_unit))

    def _family(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Each hat's number of scales per unit, and its shift in scales."""
        # Made where they are needed: a list of numbers would be copied there, and waited for, once a chunk.
        most = [2**octave - 1 for octave in range(self.octaves)]
        per_unit = [torch.full((2 * n + 1,), (n + 1) / 2, dtype=u.dtype, device=u.device) for n in most]
        shifts = [torch.arange(-n, n + 1, dtype=u.dtype, device=u.device) for n in most]
        return torch.cat(per_unit), torch.cat(shifts)


LOG_HEIGHT = math.log(2 / (math.sqrt(3) * math.pi**0.25))
"""The logarithm of what gives the Mexican hat an integrated square of 1."""
