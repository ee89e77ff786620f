"""Families of one-dimensional functions. Weighted sums of them are the curves on a KAN layer's edges.

In: positions ``u`` in a family's units. Out: the values of its functions there, and their slopes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kanseq.nn.bases.arguments import check_whole


@dataclass(frozen=True)
class Basis:
    """A family of ``size`` functions of one variable. A subclass must define :attr:`size` and :meth:`values`.

    It is a frozen dataclass: two instances with the same fields are equal, and share tables and compiled code.
    Properties that differ between layers are not among its fields.
    """

    @property
    def size(self) -> int:
        """Number of functions."""
        raise NotImplementedError

    @property
    def domain(self) -> tuple[float, float] | None:
        """The interval outside which every function keeps the value at its end, or None.

        A basis with a domain may be looked up in a table if products are rounded anyway.
        """
        return None

    @property
    def steps(self) -> int:
        """Points per unit in the table."""
        return 1024

    @property
    def span(self) -> tuple[float, float] | None:
        """The interval over which the functions are spread, or None; layers map it to a range of inputs."""
        return None

    def values(self, u: Tensor) -> Tensor:
        """Evaluate every function: ``(…)`` to ``(…, size)``. Must be differentiable, without side effects."""
        raise NotImplementedError

    def of(self, inputs: Tensor) -> "Basis":
        """Return the basis of some inputs: the same, unless it differs between inputs."""
        return self

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the tensors of the basis that are not learned, such as knots."""
        return ()

    def over(self, tensors: tuple[Tensor, ...]) -> "Basis":
        """Return the same basis with other :meth:`tensors`."""
        return self

    def fill(self, u: Tensor, values: Tensor, slopes: Tensor | None = None) -> None:
        """Write the result of :meth:`values`, and optionally the derivatives by ``u``, into existing memory.

        Args:
            u: ``(…)`` positions.
            values: ``(…, size)``, overwritten; in any memory order.
            slopes: the same, for the derivatives; None to skip them.
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

    These are the radial bases of FastKAN (Li 2024, arXiv:2405.06721). Their width is the spacing of centres.
    """

    centres: int = 8

    REACH = 4.0
    """Distance from a centre, in spacings, at which its Gaussian has fallen to 1e-7."""

    LEAST = 1e-30
    """A Gaussian below this counts as 0, from some 8.3 spacings from its centre."""

    def __post_init__(self) -> None:
        """Check the number of centres."""
        check_whole("centres", self.centres)

    @property
    def size(self) -> int:
        """The number of centres."""
        return self.centres

    @property
    def steps(self) -> int:
        """Half a step away, a Gaussian is off by 8e-4 and its slope by 2e-3, less than by rounding to bfloat16."""
        return 512

    @property
    def domain(self) -> tuple[float, float]:
        """The interval in which any Gaussian differs from 0."""
        return -self.REACH, self.centres - 1 + self.REACH

    @property
    def span(self) -> tuple[float, float]:
        """From the first centre to the last."""
        return 0.0, self.centres - 1.0

    def values(self, u: Tensor) -> Tensor:
        """Evaluate the Gaussians: ``(…)`` to ``(…, centres)``."""
        return (-(u[..., None] - self._offsets(u)).square()).exp()

    def fill(self, u: Tensor, values: Tensor, slopes: Tensor | None = None) -> None:
        """Write the Gaussians and, if requested, their slopes ``−2(u − g)·exp(−(u − g)²)``."""
        # Minus twice the distances: −¼ of their squares are the exponents, and they are the slopes of the logarithms.
        steep = values if slopes is None else slopes
        torch.sub((-2 * u)[..., None], -2 * self._offsets(u), out=steep)
        nothing = torch.zeros((), dtype=u.dtype, device=u.device)
        torch.addcmul(nothing, steep, steep, value=-0.25, out=values).exp_()
        # Smaller values may be denormal numbers, which CPUs multiply a hundred times slower.
        functional.threshold_(values, self.LEAST, 0.0)
        if slopes is not None:
            slopes.mul_(values)

    def _offsets(self, u: Tensor) -> Tensor:
        return torch.arange(self.centres, dtype=u.dtype, device=u.device)
