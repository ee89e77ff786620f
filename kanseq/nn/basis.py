"""Families of one-dimensional functions, whose weighted sums are the curves on a KAN layer's edges.

In: numbers ``u`` in a family's own units. Out: the values of its functions there, and their slopes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kanseq.nn.checks import check_whole


@dataclass(frozen=True)
class Basis:
    """A family of ``size`` functions of one number. A new one needs :attr:`size` and :meth:`values`.

    It is a frozen dataclass: two with the same fields are the same, and share tables and what compilers made for them.
    What differs from layer to layer is not in its fields.
    """

    @property
    def size(self) -> int:
        """How many functions there are."""
        raise NotImplementedError

    @property
    def domain(self) -> tuple[float, float] | None:
        """An interval outside of which every function keeps the value at its end, if there is one.

        A basis that has one may be looked up in a table where products are rounded anyway.
        """
        return None

    @property
    def steps(self) -> int:
        """Points per unit in that table."""
        return 1024

    @property
    def span(self) -> tuple[float, float] | None:
        """The interval over which the functions are spread, if there is one: layers lay it over a range of inputs."""
        return None

    def values(self, u: Tensor) -> Tensor:
        """Evaluate every function: ``(…)`` to ``(…, size)``. Differentiable, and free of effects."""
        raise NotImplementedError

    def of(self, inputs: Tensor) -> "Basis":
        """Give the basis of some inputs: the same, unless it differs from input to input."""
        return self

    def tensors(self) -> tuple[Tensor, ...]:
        """Give the tensors that belong to the basis and are not learned, knots for one."""
        return ()

    def over(self, tensors: tuple[Tensor, ...]) -> "Basis":
        """Give the same basis with other :meth:`tensors`."""
        return self

    def fill(self, u: Tensor, values: Tensor, slopes: Tensor | None = None) -> None:
        """Write what :meth:`values` gives, and where wanted the derivatives by ``u``, into memory that is there.

        Args:
            u: ``(…)`` positions.
            values: ``(…, size)``, overwritten; its order in memory is the caller's choice.
            slopes: the same, for the derivatives.
        """
        if slopes is None:
            values.copy_(self.values(u))
            return
        made, rates = torch.func.jvp(self.values, (u,), (torch.ones_like(u),))
        values.copy_(made)
        slopes.copy_(rates)


@dataclass(frozen=True)
class Gaussians(Basis):
    """``exp(−(u − g)²)`` for ``g = 0 … centres − 1``: ``u`` counts spacings from the first centre.

    These are the radial bases of FastKAN (Li 2024, arXiv:2405.06721), whose width is their spacing.
    """

    centres: int = 8

    REACH = 4.0
    """Spacings from a centre where its Gaussian has fallen to 1e-7."""

    LEAST = 1e-30
    """What a Gaussian is taken for 0 at, some 8.3 spacings from its centre."""

    def __post_init__(self) -> None:
        """Refuse a basis of nothing."""
        check_whole("centres", self.centres)

    @property
    def size(self) -> int:
        """The number of centres."""
        return self.centres

    @property
    def steps(self) -> int:
        """Half of a step off, a Gaussian is wrong by 8e-4 and its slope by 2e-3: less than by rounding to bfloat16."""
        return 512

    @property
    def domain(self) -> tuple[float, float]:
        """Where any Gaussian differs from nothing."""
        return -self.REACH, self.centres - 1 + self.REACH

    @property
    def span(self) -> tuple[float, float]:
        """From the first centre to the last."""
        return 0.0, self.centres - 1.0

    def values(self, u: Tensor) -> Tensor:
        """Evaluate the Gaussians: ``(…)`` to ``(…, centres)``."""
        return (-(u[..., None] - self._offsets(u)).square()).exp()

    def fill(self, u: Tensor, values: Tensor, slopes: Tensor | None = None) -> None:
        """Write the Gaussians and, where wanted, their slopes ``−2(u − g)·exp(−(u − g)²)``."""
        # Minus twice the distances: their squares' quarters are exponents, and they are the logarithmic slopes.
        steep = values if slopes is None else slopes
        torch.sub((-2 * u)[..., None], -2 * self._offsets(u), out=steep)
        nothing = torch.zeros((), dtype=u.dtype, device=u.device)
        torch.addcmul(nothing, steep, steep, value=-0.25, out=values).exp_()
        # Smaller ones might be denormal numbers, which processors multiply a hundred times slower.
        functional.threshold_(values, self.LEAST, 0.0)
        if slopes is not None:
            slopes.mul_(values)

    def _offsets(self, u: Tensor) -> Tensor:
        return torch.arange(self.centres, dtype=u.dtype, device=u.device)
