"""The base class of families of basis functions, and Gaussians.

In: positions ``u`` (inputs of a layer in the units of the family). Out: values and slopes of all functions at ``u``.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kanseq.nn.bases.arguments import check_whole


@dataclass(frozen=True)
class Basis:
    """Base class of families of basis functions of one variable ``u``.

    The curves of a KAN layer are weighted sums of the ``size`` functions of a family. A subclass must define
    :attr:`size` and :meth:`values`, and be a frozen dataclass. Instances with the same fields are equal, and share
    lookup tables and compiled code. Fields that differ between layers, such as knots, must therefore be excluded from
    the comparison.
    """

    @property
    def size(self) -> int:
        """Number of functions in the family."""
        raise NotImplementedError

    @property
    def domain(self) -> tuple[float, float] | None:
        """The interval of ``u`` outside of which all functions are constant, or None if there is no such interval.

        If a basis has a domain, its values may be looked up in a table when operands of products are rounded to
        bfloat16 or float16.
        """
        return None

    @property
    def steps(self) -> int:
        """Number of points per unit of ``u`` in the lookup table."""
        return 1024

    @property
    def span(self) -> tuple[float, float] | None:
        """The interval of ``u`` that the functions cover, or None. Layers map a range of inputs to this interval."""
        return None

    def values(self, u: Tensor) -> Tensor:
        """Evaluate all functions at positions ``(…)``: ``(…, size)``. Must be differentiable, with no side effects."""
        raise NotImplementedError

    def of(self, inputs: Tensor) -> "Basis":
        """Return the basis for the inputs with the given indices: this basis, unless each input has its own knots."""
        return self

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the tensors that the basis depends on and that are not learned, such as knots."""
        return ()

    def over(self, tensors: tuple[Tensor, ...]) -> "Basis":
        """Return a copy of the basis with the given tensors in place of those from :meth:`tensors`."""
        return self

    def fill(self, u: Tensor, values: Tensor, slopes: Tensor | None = None) -> None:
        """Write the values of all functions, and optionally their derivatives, into existing tensors.

        Args:
            u: positions, ``(…)``.
            values: output tensor for the values, ``(…, size)``, in any memory order.
            slopes: output tensor for the derivatives with respect to ``u``, ``(…, size)``; None to skip them.
        """
        if slopes is None:
            values.copy_(self.values(u))
            return
        made, rates = torch.func.jvp(self.values, (u,), (torch.ones_like(u),))
        values.copy_(made)
        slopes.copy_(rates)


@dataclass(frozen=True)
class Gaussians(Basis):
    """Gaussians ``exp(−(u − g)²)`` with centres ``g = 0 … centres − 1``.

    They are the radial basis functions of FastKAN (Li 2024, arXiv:2405.06721). The unit of ``u`` is the distance
    between neighbouring centres, which is also the width of the Gaussians.

    Attributes:
        centres: number of Gaussians, an ``int`` of at least 1, else ``ValueError``.
    """

    centres: int = 8

    REACH = 4.0
    """Distance from its centre at which a Gaussian has fallen to 1e-7, in units of ``u``."""

    LEAST = 1e-30
    """Gaussians smaller than this are set to 0, which happens more than about 8.3 units from the centre."""

    def __post_init__(self) -> None:
        """Check the number of centres."""
        check_whole("centres", self.centres)

    @property
    def size(self) -> int:
        """Number of Gaussians."""
        return self.centres

    @property
    def steps(self) -> int:
        """Number of points per unit of ``u`` in the lookup table.

        The largest error, half a step from a point, is 8e-4 for a Gaussian and 2e-3 for its slope. The error of
        rounding to bfloat16 is larger.
        """
        return 512

    @property
    def domain(self) -> tuple[float, float]:
        """The interval of ``u`` outside of which all Gaussians are practically 0 (about 1e-7 or less)."""
        return -self.REACH, self.centres - 1 + self.REACH

    @property
    def span(self) -> tuple[float, float]:
        """The interval of ``u`` from the first to the last centre."""
        return 0.0, self.centres - 1.0

    def values(self, u: Tensor) -> Tensor:
        """Evaluate all Gaussians at positions ``(…)``: ``(…, centres)``."""
        return (-(u[..., None] - self._offsets(u)).square()).exp()

    def fill(self, u: Tensor, values: Tensor, slopes: Tensor | None = None) -> None:
        """Write the values of all Gaussians and, if requested, their slopes ``−2(u − g)·exp(−(u − g)²)``."""
        # steep = −2(u − g). The exponent is −¼·steep², and steep is also the derivative of the exponent.
        steep = values if slopes is None else slopes
        torch.sub((-2 * u)[..., None], -2 * self._offsets(u), out=steep)
        nothing = torch.zeros((), dtype=u.dtype, device=u.device)
        torch.addcmul(nothing, steep, steep, value=-0.25, out=values).exp_()
        # Smaller values may be denormal numbers, with which multiplications take a hundred times as long on CPUs.
        functional.threshold_(values, self.LEAST, 0.0)
        if slopes is not None:
            slopes.mul_(values)

    def _offsets(self, u: Tensor) -> Tensor:
        return torch.arange(self.centres, dtype=u.dtype, device=u.device)
