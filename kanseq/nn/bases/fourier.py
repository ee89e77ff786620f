"""Cosines and sines as basis functions of a KAN layer.

In: angles in radians. Out: values and slopes of the cosines and sines of their multiples.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanseq.nn.bases.arguments import check_whole
from kanseq.nn.bases.basis import Basis


@dataclass(frozen=True)
class Fourier(Basis):
    """Functions ``cos(u), …, cos(K·u), sin(u), …, sin(K·u)``, where ``K`` is ``frequencies``.

    They are the basis functions of FourierKAN (Xu et al. 2024, FourierKAN-GCF, arXiv:2406.01034). They are periodic:
    values at ``u`` and ``u + 2π`` are the same.

    Attributes:
        frequencies: number of frequencies ``K``, an ``int`` of at least 1, else ``ValueError``.
    """

    frequencies: int = 4

    def __post_init__(self) -> None:
        """Check the number of frequencies."""
        check_whole("frequencies", self.frequencies)

    @property
    def size(self) -> int:
        """Number of functions: a cosine and a sine per frequency."""
        return 2 * self.frequencies

    def values(self, u: Tensor) -> Tensor:
        """Evaluate all functions at positions ``(…)``: ``(…, 2·frequencies)``, cosines first."""
        angles = u[..., None] * self._numbers(u)
        return torch.cat([angles.cos(), angles.sin()], dim=-1)

    def fill(self, u: Tensor, values: Tensor, slopes: Tensor | None = None) -> None:
        """Write the values of all functions, cosines first, and, if requested, their slopes."""
        numbers = self._numbers(u)
        cosines, sines = values.split(self.frequencies, dim=-1)
        # Computed in a separate tensor: rows of the output may be too short for the CPU's vector instructions.
        angles = torch.mul(u[..., None], numbers)
        cosines.copy_(angles.cos())
        sines.copy_(angles.sin_())
        if slopes is not None:
            of_cosines, of_sines = slopes.split(self.frequencies, dim=-1)
            torch.mul(sines, -numbers, out=of_cosines)
            torch.mul(cosines, numbers, out=of_sines)

    def _numbers(self, u: Tensor) -> Tensor:
        return torch.arange(1, self.frequencies + 1, dtype=u.dtype, device=u.device)
