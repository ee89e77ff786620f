"""The base of KAN layers: weights of the curves on their edges, the basis's units, and initial weights.

In: the shape of the edges and a basis. Out: a module; subclasses define how inputs are connected to edges.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from kanseq.nn.bases.basis import Basis
from kanseq.nn.kernels.chunks import CurvePlan, Given
from kanseq.nn.kernels.curves import sum_of_curves
from kanseq.nn.kernels.products import Product


class EdgeFunctions(NamedTuple):
    """The functions of some edges, as the sum of two parts; see :meth:`KANLinear.edge_functions`.

    Attributes:
        curve: the weighted sum of the basis, at the input *after* the layer's normalisation.
        base: the part ``V·silu(x)``, at the input *before* it; zero without ``base``.
    """

    curve: Tensor
    base: Tensor


class KANLayer(nn.Module):
    """A sum of one-dimensional curves, one per edge. Subclasses: :class:`KANLinear` and :class:`KANConv1d`.

    Attributes:
        basis: the functions whose weighted sums are the curves.
        spline_weight: ``(outputs, …, basis.size)``; ``…`` is the shape of the edges that meet in one output.
        base_weight: ``(outputs, …)``; ``None`` without ``base``.
        base_bias: ``(outputs,)``; ``None`` without ``base``.
        norm: the LayerNorm over the inputs; ``None`` without ``layer_norm``.
        residual: whether the layer adds its inputs to its outputs; the inputs are not part of any edge's function,
            and add their variance to that of the sums.
        precision: ``float32`` or ``bfloat16``, see :func:`kanseq.nn.precision.set_precision`.
    """

    base_weight: nn.Parameter | None
    base_bias: nn.Parameter | None

    def __init__(
        self,
        inputs: int,
        outputs: int,
        edges: tuple[int, ...],
        basis: Basis,
        *,
        layer_norm: bool,
        base: bool,
        residual: bool = False,
    ) -> None:
        """Draw initial weights whose sums of curves keep the variance of standard normal inputs."""
        super().__init__()
        if not isinstance(basis, Basis) or "__dataclass_params__" not in type(basis).__dict__:
            raise TypeError(f"a basis must be an instance of a frozen dataclass derived from Basis: {basis!r}")
        # Equal bases are one object, so that compilers recognise them as the same.
        self.basis = _SHARED.setdefault(basis, basis)
        self.precision, self.residual = "float32", residual
        self.norm = nn.LayerNorm(inputs) if layer_norm else None
        self.spline_weight = nn.Parameter(torch.empty(outputs, *edges, basis.size))
        self.base_weight = nn.Parameter(torch.empty(outputs, *edges)) if base else None
        self.base_bias = nn.Parameter(torch.empty(outputs)) if base else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw normal weights; curves and SiLU branch contribute half of the variance each.

        Weights of zero mean result in an output variance of ``edges · σ² · Σ_g E[B_g²]``, where ``edges`` is the number
        of edges per output. Thus ``σ`` follows from the basis's second moments under a standard normal input.
        """
        if self.spline_weight.is_meta:
            return
        if self.norm is not None:
            self.norm.reset_parameters()
        shares = 1 if self.base_weight is None else 2
        edges = math.prod(self.spline_weight.shape[1:-1])
        nn.init.normal_(self.spline_weight, std=(shares * edges * self._second_moment()) ** -0.5)
        if self.base_weight is not None and self.base_bias is not None:
            nn.init.normal_(self.base_weight, std=(shares * edges * SILU_SECOND_MOMENT) ** -0.5)
            nn.init.zeros_(self.base_bias)

    def units(self) -> tuple[Tensor, Tensor]:
        """Return the basis's units: ``u = (z − origin)·per_unit``, both ``(inputs,)``."""
        raise NotImplementedError

    def _basis_tensors(self) -> tuple[Tensor, ...]:
        """Return the tensors of the basis in this layer, see :meth:`kanseq.nn.bases.basis.Basis.over`."""
        return ()

    def placed_basis(self) -> Basis:
        """Return the basis with this layer's knots."""
        return self.basis.over(self._basis_tensors())

    def curve_weight(self) -> Tensor:
        """Return the weights of the basis, ``(outputs, …, size)``, multiplied by the edges' factors, if any."""
        return self.spline_weight

    def _sum(self, x: Tensor, product: Product, operands: torch.dtype) -> Tensor:
        """Sum the curves at ``x``, whose last axis is the inputs."""
        scale, shift = self._place(x.dtype)
        epsilon = None if self.norm is None else self.norm.eps
        plan = CurvePlan(self.basis, product, operands, epsilon, self.residual)
        given = Given(x, scale, shift, self.curve_weight(), self.base_weight, self.base_bias)
        return sum_of_curves(given, plan, self._basis_tensors())

    def _functions(self, i: Tensor, edges: tuple[Tensor, ...], x: Tensor) -> EdgeFunctions:
        """Evaluate the functions of edges from inputs ``i``; ``edges`` is the index of their weights."""
        weight = self.curve_weight()[edges]
        x = x.to(weight).reshape(-1, *(1,) * i.ndim)
        per_unit, origin = self.units()
        values = self.placed_basis().of(i).values((x - origin[i]) * per_unit[i])
        curve = (values * weight).sum(-1)
        base = torch.zeros_like(curve) if self.base_weight is None else functional.silu(x) * self.base_weight[edges]
        return EdgeFunctions(curve, base)

    def _place(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return scale and shift of inputs to the basis's units, for :func:`kanseq.nn.kernels.curves.sum_of_curves`."""
        per_unit, origin = (column.to(dtype) for column in self.units())
        if self.norm is None:
            return per_unit, origin
        return self.norm.weight.to(dtype) * per_unit, (self.norm.bias.to(dtype) - origin) * per_unit

    @torch.no_grad()
    def _second_moment(self) -> float:
        """Return ``Σ_g E[B_g²]`` under a standard normal input, as a mean over its quantiles."""
        z = torch.special.ndtri((torch.arange(QUANTILES, dtype=torch.float64) + 0.5) / QUANTILES)
        per_unit, origin = (column[:1].to(z) for column in self.units())
        values = self.placed_basis().of(torch.zeros((), dtype=torch.long)).values((z.to(per_unit) - origin) * per_unit)
        # A grid far from the standard normal's mass would require enormous weights.
        return max(float(values.square().sum(-1).mean()), LEAST_MOMENT)


_SHARED: dict[Basis, Basis] = {}

SILU_SECOND_MOMENT = 0.35578
"""``E[silu(z)²]`` of a standard normal ``z``."""

LEAST_MOMENT = 0.1
"""Lower limit of the basis's second moment; that of eight Gaussians from −2 to 2 is about 1.2."""

QUANTILES = 4001
"""Number of points for an expectation under the normal distribution."""
