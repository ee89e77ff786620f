"""The base class of KAN layers: parameters, their initial values, and the evaluation of learned functions of edges.

In: the shape of the edges, and a family of basis functions. Out: a module. Subclasses define which edges an input has.
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
    """Values of the learned functions of edges; see :meth:`.KANLinear.edge_functions`.

    The function of an edge is the sum of two terms, ``curve + base``.

    Attributes:
        curve: the weighted sum of the basis functions, as a function of the input *after* the layer's normalisation.
        base: the SiLU branch ``V·silu(x)``, as a function of the input *before* normalisation; zero without ``base``.
    """

    curve: Tensor
    base: Tensor


class KANLayer(nn.Module):
    """Base class of KAN layers. An output is the sum of learned one-dimensional functions (curves), one per edge.

    Subclasses are :class:`.KANLinear` and :class:`.KANConv1d`.

    Attributes:
        basis: the family of basis functions. A curve is a weighted sum of them.
        spline_weight: weights of the basis functions, ``(outputs, …, basis.size)``, where ``…`` is the shape of the
            edges to one output.
        base_weight: weights of the SiLU branches, ``(outputs, …)``; ``None`` without ``base``.
        base_bias: biases, ``(outputs,)``; ``None`` without ``base``.
        norm: LayerNorm over the inputs, applied before the basis functions; ``None`` without ``layer_norm``.
        residual: whether the inputs are added to the outputs (in addition to the functions of the edges). This
            increases the variance of the outputs.
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
        """Build the layer. Initially, sums over edges have variance 1 for standard normal inputs.

        Args:
            inputs: number of inputs, or of input channels.
            outputs: number of outputs, or of output channels.
            edges: shape of the edges to one output.
            basis: the family of basis functions.
            layer_norm: whether inputs of the basis functions are normalised.
            base: whether each edge has a SiLU branch, and each output a bias.
            residual: whether the inputs are added to the outputs.

        Raises:
            TypeError: ``basis`` is not an instance of a frozen dataclass derived from :class:`.Basis`.
        """
        super().__init__()
        if not isinstance(basis, Basis) or "__dataclass_params__" not in type(basis).__dict__:
            raise TypeError(f"a basis must be an instance of a frozen dataclass derived from Basis: {basis!r}")
        # Equal bases are replaced by one object, so that compilers recognise that they are the same.
        self.basis = _SHARED.setdefault(basis, basis)
        self.precision, self.residual = "float32", residual
        self.norm = nn.LayerNorm(inputs) if layer_norm else None
        self.spline_weight = nn.Parameter(torch.empty(outputs, *edges, basis.size))
        self.base_weight = nn.Parameter(torch.empty(outputs, *edges)) if base else None
        self.base_bias = nn.Parameter(torch.empty(outputs)) if base else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights from normal distributions, and reset biases and LayerNorm.

        Let inputs be standard normal, and weights have mean 0 and standard deviation ``σ``. The variance of an output
        is then ``edges · σ² · Σ_g E[B_g²]``, where ``edges`` is the number of edges per output. ``σ`` is chosen so that
        this variance is 1, or 1/2 if there are SiLU branches, which add the other half.
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
        """Return the units of the basis: ``per_unit`` and ``origin`` of each input, both ``(inputs,)``.

        Basis functions of an input ``z`` are evaluated at ``u = (z − origin)·per_unit``.
        """
        raise NotImplementedError

    def _basis_tensors(self) -> tuple[Tensor, ...]:
        """Return the tensors of this layer that the basis needs, such as knots, for :meth:`.Basis.over`."""
        return ()

    def placed_basis(self) -> Basis:
        """Return the basis with the tensors of this layer, such as knots."""
        return self.basis.over(self._basis_tensors())

    def curve_weight(self) -> Tensor:
        """Return the weights of the basis functions, times the factors of edges (if any), ``(outputs, …, size)``."""
        return self.spline_weight

    def _sum(self, x: Tensor, product: Product, operands: torch.dtype) -> Tensor:
        """Compute the outputs of the layer for ``x (…, inputs)``, with products in the dtype ``operands``."""
        scale, shift = self._place(x.dtype)
        epsilon = None if self.norm is None else self.norm.eps
        plan = CurvePlan(self.basis, product, operands, epsilon, self.residual)
        given = Given(x, scale, shift, self.curve_weight(), self.base_weight, self.base_bias)
        return sum_of_curves(given, plan, self._basis_tensors())

    def _functions(self, i: Tensor, edges: tuple[Tensor, ...], x: Tensor) -> EdgeFunctions:
        """Evaluate the learned functions of edges from inputs ``i`` at ``x``; ``edges`` are the indices of weights."""
        weight = self.curve_weight()[edges]
        x = x.to(weight).reshape(-1, *(1,) * i.ndim)
        per_unit, origin = self.units()
        values = self.placed_basis().of(i).values((x - origin[i]) * per_unit[i])
        curve = (values * weight).sum(-1)
        base = torch.zeros_like(curve) if self.base_weight is None else functional.silu(x) * self.base_weight[edges]
        return EdgeFunctions(curve, base)

    def _place(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return ``scale`` and ``shift`` for :func:`.sum_of_curves`, which map inputs to the units of the basis."""
        per_unit, origin = (column.to(dtype) for column in self.units())
        if self.norm is None:
            return per_unit, origin
        return self.norm.weight.to(dtype) * per_unit, (self.norm.bias.to(dtype) - origin) * per_unit

    @torch.no_grad()
    def _second_moment(self) -> float:
        """Return ``Σ_g E[B_g²]`` for a standard normal input (mean over quantiles), at least :data:`LEAST_MOMENT`."""
        z = torch.special.ndtri((torch.arange(QUANTILES, dtype=torch.float64) + 0.5) / QUANTILES)
        per_unit, origin = (column[:1].to(z) for column in self.units())
        values = self.placed_basis().of(torch.zeros((), dtype=torch.long)).values((z.to(per_unit) - origin) * per_unit)
        # Without the limit, weights would be enormous for a grid far from typical standard normal inputs.
        return max(float(values.square().sum(-1).mean()), LEAST_MOMENT)


_SHARED: dict[Basis, Basis] = {}

SILU_SECOND_MOMENT = 0.35578
"""``E[silu(z)²]`` for a standard normal ``z``."""

LEAST_MOMENT = 0.1
"""Lower limit of the second moment of a basis. For eight Gaussians from −2 to 2, the second moment is about 1.2."""

QUANTILES = 4001
"""Number of quantiles of the normal distribution over which the second moment of a basis is averaged."""
