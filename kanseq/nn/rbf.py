"""The KAN layer on Gaussian radial bases: each edge from input to output carries its own curve.

In: ``(…, in_features)`` numbers. Out: ``(…, out_features)`` sums of the edges' curves, and exact first gradients.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional

from kanseq.nn.precision import products


class RBFLinear(nn.Module):
    """Sum of one-dimensional curves, one per pair of input and output (FastKAN, Li 2024, arXiv:2405.06721).

    ``y[j] = Σ_i Σ_g W[j,i,g]·exp(−((z[i] − c[g])/h)²) + Σ_i V[j,i]·silu(x[i]) + b[j]`` with ``z = LayerNorm(x)``,
    ``centres`` equally spaced ``c`` from ``low`` to ``high``, and ``h`` their spacing.

    The basis is made for a few hundred rows at a time and made again in the backward pass, so that memory grows with
    the inputs and not with ``centres`` times the inputs. Gradients exist to first order, for inputs and parameters.

    Attributes:
        spline_weight: ``W``, ``(out_features, in_features, centres)``. In memory the inputs lie innermost, so use
            ``reshape`` and not ``view`` on it, and ``contiguous()`` where a file format asks for that.
        base_weight: ``V``, ``(out_features, in_features)``; ``None`` without ``base``.
        base_bias: ``b``, ``(out_features,)``; ``None`` without ``base``.
        norm: the LayerNorm over ``in_features``; ``None`` without ``layer_norm``.
        precision: ``float32`` or ``bfloat16``, see :func:`kanseq.nn.precision.set_precision`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        centres: int = 8,
        low: float = -2.0,
        high: float = 2.0,
        layer_norm: bool = True,
        base: bool = True,
    ) -> None:
        """Draw initial weights as FastKAN does.

        ``W`` from a normal distribution with standard deviation 0.1 (cut at ±2), ``V`` and ``b`` as ``nn.Linear``.

        Raises:
            ValueError: fewer than two centres, or ``low`` is not below ``high``.
        """
        super().__init__()
        if centres < 2 or not low < high:
            raise ValueError(f"at least 2 centres and low < high are wanted: {centres} from {low} to {high}")
        self.in_features, self.out_features = in_features, out_features
        self.grid = Grid(low, (high - low) / (centres - 1), centres)
        self.precision = "float32"
        self.norm = nn.LayerNorm(in_features) if layer_norm else None
        # One product takes all centres at once, with the inputs innermost; this order in memory spares a copy per step.
        self.spline_weight = nn.Parameter(torch.empty(out_features, centres, in_features).transpose(1, 2))
        self.base_weight = nn.Parameter(torch.empty(out_features, in_features)) if base else None
        self.base_bias = nn.Parameter(torch.empty(out_features)) if base else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        nn.init.trunc_normal_(self.spline_weight, std=0.1)
        if self.norm is not None:
            self.norm.reset_parameters()
        if self.base_weight is not None and self.base_bias is not None:
            nn.init.kaiming_uniform_(self.base_weight, a=math.sqrt(5))
            bound = 1 / math.sqrt(self.in_features)
            nn.init.uniform_(self.base_bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(…, in_features)`` to ``(…, out_features)``."""
        rows = x.reshape(-1, self.in_features).contiguous()
        z = rows if self.norm is None else self.norm(rows)
        y = _Curves.apply(z, rows, self.spline_weight, self.base_weight, self.base_bias, self.grid, self.precision)
        return y.reshape(*x.shape[:-1], self.out_features)

    def extra_repr(self) -> str:
        """Show the shape in ``print(network)``."""
        return f"{self.in_features}, {self.out_features}, centres={self.grid.centres}, precision={self.precision}"


class Grid(NamedTuple):
    """Equally spaced centres of Gaussians whose width is their spacing."""

    low: float
    spacing: float
    centres: int


class _Curves(torch.autograd.Function):
    """The layer's sum without its normalisation: ``z, x (rows, in)`` to ``(rows, out)``, in chunks of rows."""

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        z: Tensor,
        x: Tensor,
        weight: Tensor,
        base_weight: Tensor | None,
        base_bias: Tensor | None,
        grid: Grid,
        precision: str,
    ) -> Tensor:
        ctx.save_for_backward(z, x, weight, base_weight)
        ctx.grid, ctx.precision = grid, precision
        flat_weight = weight.transpose(1, 2).flatten(1)
        y = z.new_empty(len(z), weight.shape[0])
        for part, basis in _chunks(z, grid):
            fill_basis(basis, _positions(z[part], grid))
            with products(precision):
                torch.mm(basis.flatten(1), flat_weight.t(), out=y[part])
                if base_weight is not None:
                    y[part].addmm_(functional.silu(x[part]), base_weight.t())
            if base_bias is not None:
                y[part].add_(base_bias)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        z, x, weight, base_weight = ctx.saved_tensors
        grid, precision = ctx.grid, ctx.precision
        wants_z, wants_x, wants_weight, wants_base, wants_bias = ctx.needs_input_grad[:5]
        grad = grad.contiguous()
        flat_weight = weight.transpose(1, 2).flatten(1)
        grad_z = torch.empty_like(z) if wants_z else None
        grad_x = torch.empty_like(x) if wants_x and base_weight is not None else None
        # Without rows nothing is written; with rows the first product overwrites.
        blank = torch.empty_like if len(z) else torch.zeros_like
        grad_weight = blank(flat_weight) if wants_weight else None
        grad_base = blank(base_weight) if wants_base else None
        slope = None
        for part, basis in _chunks(z, grid):
            g, keep = grad[part], int(part.start > 0)
            u = _positions(z[part], grid)
            if grad_weight is not None or grad_z is not None:
                fill_basis(basis, u)
            with products(precision):
                if grad_weight is not None:
                    grad_weight.addmm_(g.t(), basis.flatten(1), beta=keep)
                if grad_base is not None:
                    grad_base.addmm_(g.t(), functional.silu(x[part]), beta=keep)
                if grad_x is not None:
                    torch.mm(g, base_weight, out=grad_x[part])
                if grad_z is not None:
                    slope = torch.empty_like(basis) if slope is None else slope[: len(basis)]
                    torch.mm(g, flat_weight, out=slope.flatten(1))
            if grad_x is not None:
                grad_x[part] = torch.ops.aten.silu_backward(grad_x[part], x[part])
            if grad_z is not None:
                _sum_of_slopes(slope.mul_(basis), u, grid, out=grad_z[part])
        return (
            grad_z,
            grad_x,
            None if grad_weight is None else grad_weight.unflatten(1, (grid.centres, -1)).transpose(1, 2),
            grad_base,
            grad.sum(0) if wants_bias else None,
            None,
            None,
        )


BLOCK = 8
"""Centres that one exponential per input serves."""

REACH = {torch.float64: 25.0}
"""How far from a block's middle centre (in spacings) a Gaussian of that dtype is told from nothing; else 8.8."""


def fill_basis(basis: Tensor, u: Tensor) -> None:
    """Write the Gaussians ``exp(−(u − g)²)`` for ``g = 0 … centres − 1`` into ``basis``.

    Neighbouring Gaussians of equal width have the ratio ``exp(2u − 2g − 1)``, so that one exponential for the middle
    one and two for the ratios give a whole block by multiplication. Positions are cut where the nearest Gaussian of
    the block is below 1e-9 (float32), so that no ratio can overflow.

    Args:
        basis: ``(rows, centres, in_features)``, overwritten.
        u: ``(rows, in_features)``, positions in units of the spacing, counted from the first centre.
    """
    reach = REACH.get(u.dtype, 8.8)
    nothing = torch.zeros((), dtype=u.dtype, device=u.device)
    centres = basis.shape[1]
    for start in range(0, centres, BLOCK):
        stop = min(start + BLOCK, centres)
        middle = (start + stop - 1) // 2
        v = (u - middle).clamp_(-reach, reach)
        torch.exp(v.square().neg_(), out=basis[:, middle])
        v.mul_(2)
        ratio = v.exp()
        for g in range(middle + 1, stop):
            constant = math.exp(1 - 2 * (g - middle))
            torch.addcmul(nothing, basis[:, g - 1], ratio, value=constant, out=basis[:, g])
        ratio = v.neg_().exp_()
        for g in range(middle - 1, start - 1, -1):
            constant = math.exp(1 - 2 * (middle - g))
            torch.addcmul(nothing, basis[:, g + 1], ratio, value=constant, out=basis[:, g])


def _positions(z: Tensor, grid: Grid) -> Tensor:
    """Where the values lie on the grid, in spacings from its first centre."""
    return (z - grid.low).mul_(1 / grid.spacing)


def _sum_of_slopes(weighted: Tensor, u: Tensor, grid: Grid, out: Tensor) -> None:
    """Contract ``weighted (rows, centres, in)`` with the logarithmic slopes ``−2(u − g)/h`` of the Gaussians."""
    middle = (grid.centres - 1) / 2
    offsets = torch.arange(grid.centres, dtype=u.dtype, device=u.device) - middle
    moments = torch.matmul(torch.stack([torch.ones_like(offsets), offsets]), weighted)
    torch.sub(moments[:, 1], moments[:, 0].mul_(u - middle), out=out)
    out.mul_(2 / grid.spacing)


def _chunks(z: Tensor, grid: Grid) -> Iterator[tuple[slice, Tensor]]:
    """Yield ranges of rows, each with a buffer ``(rows, centres, in)`` for its basis; the memory is used again."""
    rows, inputs = z.shape
    # On a processor the basis should stay in its cache, on a GPU a kernel should be worth its launch.
    fits = (2**20 if z.device.type == "cpu" else 2**26) // (grid.centres * max(1, inputs))
    height = min(rows, max(512, fits))
    buffer = z.new_empty(height, grid.centres, inputs)
    for start in range(0, rows, max(1, height)):
        part = slice(start, min(start + height, rows))
        yield part, buffer[: part.stop - part.start]
