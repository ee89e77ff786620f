"""Mexican-hat wavelets as basis functions of a KAN layer.

In: positions, mostly within [−2, 2]. Out: values and slopes of all wavelets at these positions.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from kanseq.nn.bases.arguments import check_whole
from kanseq.nn.bases.basis import Basis


@dataclass(frozen=True)
class MexicanHats(Basis):
    """Wavelets ``ψ((u − b)/a)`` at scales ``a = 2, 1, ½, …``, shifted by all multiples ``b`` of ``a`` in (−2, 2).

    ``ψ(t) = 2/(√3·π^¼)·(1 − t²)·exp(−t²/2)`` is the Mexican hat. The infinite family (all scales that are powers of 2,
    all multiples of each scale as shifts) is nearly a tight frame (Daubechies 1990, doi:10.1109/18.57199). With at
    least 3 octaves, the wavelets of this class approximate functions on [−2, 2] to a few percent. The functions must
    not bend faster than the narrowest wavelet. With fewer octaves, the wavelets cannot approximate a slope.

    Wav-KAN (Bozorgasl & Chen 2024, arXiv:2405.12832) has one wavelet on each edge and learns its scale and shift. Here,
    all edges share the same wavelets, with fixed scales and shifts, and each edge learns the weights of the wavelets.
    The function of an edge is thus linear in the learned values, and wavelets are evaluated once per input instead of
    once per edge.

    Attributes:
        octaves: number of scales, an ``int`` of at least 1, else ``ValueError``. There are 1, 4, 11, 26, … wavelets for
            1, 2, 3, 4, … octaves.
    """

    octaves: int = 3

    REACH = 6.0
    """Distance from the middle of a wavelet at which it has fallen to 5e-7, in units of its scale."""

    FAR = 10.0
    """Maximum distance from the middle, in units of the scale; farther positions are clipped to it. A wavelet is −2e-20
    there, and its slope at most 2e-19 per scale."""

    FINEST = 4
    """Maximum number of octaves for which a lookup table is precise enough."""

    def __post_init__(self) -> None:
        """Check the number of octaves."""
        check_whole("octaves", self.octaves)

    @property
    def size(self) -> int:
        """Number of wavelets."""
        return 2 ** (self.octaves + 1) - 2 - self.octaves

    @property
    def span(self) -> tuple[float, float]:
        """The interval of ``u`` that the wavelets cover."""
        return -2.0, 2.0

    @property
    def domain(self) -> tuple[float, float] | None:
        """The interval of ``u`` outside of which all wavelets are practically 0 (below 5e-7).

        None if there are more than :attr:`FINEST` octaves, because a lookup table would not be precise enough.
        """
        return (-2 * self.REACH, 2 * self.REACH) if self.octaves <= self.FINEST else None

    def values(self, u: Tensor) -> Tensor:
        """Evaluate all wavelets at positions ``(…)``: ``(…, size)``, from wide to narrow, then from left to right."""
        per_unit, shifts = self._family(u)
        # Without clipping, the square of a distant position may be infinite, and infinity times 0 is NaN.
        square = (u[..., None] * per_unit - shifts).clamp(-self.FAR, self.FAR).square()
        return (1 - square) * (LOG_HEIGHT - square / 2).exp()

    def fill(self, u: Tensor, values: Tensor, slopes: Tensor | None = None) -> None:
        """Write the values of all wavelets and, if requested, their slopes.

        The slope is ``t·(t² − 3)·exp(−t²/2)`` with ``t = (u − b)/a``, times the height of ``ψ``, divided by ``a``.
        """
        per_unit, shifts = self._family(u)
        place = values if slopes is None else slopes
        torch.addcmul(-shifts, u[..., None], per_unit, out=place)
        # Without clipping, values may be denormal numbers, with which CPUs are a hundred times slower.
        square = place.clamp_(-self.FAR, self.FAR).square()
        bell = square.mul(-0.5).add_(LOG_HEIGHT).exp_()
        torch.sub(1, square, out=values).mul_(bell)
        if slopes is not None:
            slopes.mul_(square.sub_(3)).mul_(bell.mul_(per_unit))

    def _family(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``1/a`` and ``b/a`` of all wavelets, ``(size,)`` each, on the device of ``u``."""
        # Built on the device: a Python list would have to be copied to it for each chunk.
        most = [2**octave - 1 for octave in range(self.octaves)]
        per_unit = [torch.full((2 * n + 1,), (n + 1) / 2, dtype=u.dtype, device=u.device) for n in most]
        shifts = [torch.arange(-n, n + 1, dtype=u.dtype, device=u.device) for n in most]
        return torch.cat(per_unit), torch.cat(shifts)


LOG_HEIGHT = math.log(2 / (math.sqrt(3) * math.pi**0.25))
"""Logarithm of the maximum of the Mexican hat, which is scaled so that the integral of its square is 1."""
