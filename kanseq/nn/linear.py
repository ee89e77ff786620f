"""The KAN layer on any basis: each edge from input to output has its own curve.

In: ``(…, in_features)`` numbers. Out: ``(…, out_features)`` sums of the edges' curves.
"""

import torch
from torch import Tensor

from kanseq.nn.bases.arguments import check_whole
from kanseq.nn.bases.basis import Basis
from kanseq.nn.kernels.products import PRODUCTS
from kanseq.nn.layer import EdgeFunctions, KANLayer
from kanseq.nn.precision import operand_type


class KANLinear(KANLayer):
    """Sum of one-dimensional curves, one per pair of input and output (KAN: Liu et al. 2024, arXiv:2404.19756).

    ``y[j] = Σ_i Σ_g W[j,i,g]·B_g(u[i]) + Σ_i V[j,i]·silu(x[i]) + b[j]``, where ``u`` is ``x``, or its LayerNorm, in the
    units of the basis ``B``; and ``+ x[j]`` with ``residual``.

    The basis is computed for a chunk of rows at a time and again in the backward pass, so that memory grows with the
    inputs and not with the basis. Second derivatives and the transforms of ``torch.func`` (except forward mode) are
    supported, but hold the complete basis.

    Attributes:
        basis: the functions whose weighted sums are the curves.
        spline_weight: ``W``, ``(out_features, in_features, basis.size)``.
        base_weight: ``V``, ``(out_features, in_features)``; ``None`` without ``base``.
        base_bias: ``b``, ``(out_features,)``; ``None`` without ``base``.
        norm: the LayerNorm over ``in_features``; ``None`` without ``layer_norm``.
        precision: ``float32`` or ``bfloat16``, see :func:`kanseq.nn.precision.set_precision`.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        basis: Basis,
        *,
        layer_norm: bool = False,
        base: bool = True,
        residual: bool = False,
    ) -> None:
        """Draw initial weights whose sums of curves keep the variance of standard normal inputs.

        Args:
            in_features: number of inputs.
            out_features: number of outputs.
            basis: the functions whose weighted sums are the curves.
            layer_norm: whether the basis's inputs are normalised.
            base: whether each edge has a SiLU branch, and each output a bias.
            residual: whether ``x`` is added to ``y``; cheaper here than outside.

        Raises:
            ValueError: no inputs or outputs, or ``residual`` between different widths.
        """
        check_whole("in_features", in_features)
        check_whole("out_features", out_features)
        if residual and in_features != out_features:
            raise ValueError(f"a residual layer needs as many outputs as inputs: {in_features} to {out_features}")
        self.in_features, self.out_features = in_features, out_features
        edges = (in_features,)
        super().__init__(in_features, out_features, edges, basis, layer_norm=layer_norm, base=base, residual=residual)

    def units(self) -> tuple[Tensor, Tensor]:
        """Return the basis's units: ``u = (z − origin)·per_unit``, both ``(in_features,)``."""
        like = self.spline_weight
        return like.new_ones(self.in_features), like.new_zeros(self.in_features)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(…, in_features)`` to ``(…, out_features)``.

        Raises:
            ValueError: inputs of another width.
        """
        if x.shape[-1:] != (self.in_features,):
            raise ValueError(f"inputs must be (…, {self.in_features}): {tuple(x.shape)}")
        exact, operands, result = operand_type(self.precision, x, self.spline_weight)
        if torch.compiler.is_exporting():
            return self._sum(x.to(exact), PRODUCTS[False], operands).to(result)
        # Samples of a few rows may have any memory order, and so may their gradients: chunks make them contiguous.
        few = x.ndim == 3 and x.shape[1] * x.shape[2] * self.basis.size <= LARGE_SAMPLE
        samples = x.to(exact) if few else x.reshape(-1, self.in_features).to(exact)
        # Features with the inputs innermost are computed faster, but then weights are transposed twice per step.
        size_first = operands == exact and x.numel() > 4 * self.in_features * self.out_features
        y = self._sum(samples, PRODUCTS[size_first], operands).to(result)
        return y if few else y.reshape(*x.shape[:-1], self.out_features)

    def edge_functions(self, i: Tensor | int, j: Tensor | int, x: Tensor) -> EdgeFunctions:
        """Evaluate the learned functions of edges from inputs ``i`` to outputs ``j``.

        Args:
            i: input or inputs.
            j: output or outputs; broadcast with ``i``.
            x: ``(points,)``. Without LayerNorm, both parts are functions of the input, and the edge's function is
                ``curve + base``. With LayerNorm, the curve is a function of the normalised input and the base is not.

        Returns:
            ``(points, …)`` each, where ``…`` is the broadcast shape of ``i`` and ``j``; differentiable.
        """
        i, j = torch.broadcast_tensors(*(torch.as_tensor(k, device=self.spline_weight.device) for k in (i, j)))
        return self._functions(i, (j, i), x)

    def _rows(self, x: Tensor) -> Tensor:
        """Return samples ``(…, in_features)`` as rows."""
        if x.shape[-1:] != (self.in_features,):
            raise ValueError(f"samples must be (…, {self.in_features}): {tuple(x.shape)}")
        return x.reshape(-1, self.in_features)

    def extra_repr(self) -> str:
        """Return the shape for ``print(network)``."""
        return f"{self.in_features}, {self.out_features}, {self.basis}, precision={self.precision}"


LARGE_SAMPLE = 2**20
"""Maximum number of basis values of a sample that chunks do not split into rows."""
