"""The fully connected KAN layer with any basis: each edge from an input to an output has its own learned function.

In: numbers ``(…, in_features)``. Out: sums of the functions of all edges to each output, ``(…, out_features)``.
"""

import torch
from torch import Tensor

from kanseq.nn.bases.arguments import check_whole
from kanseq.nn.bases.basis import Basis
from kanseq.nn.kernels.products import PRODUCTS
from kanseq.nn.layer import EdgeFunctions, KANLayer
from kanseq.nn.precision import operand_type


class KANLinear(KANLayer):
    """A KAN layer with one learned function per pair of input and output (Liu et al. 2024, arXiv:2404.19756).

    ``y[j] = Σ_i Σ_g W[j,i,g]·B_g(u[i]) + Σ_i V[j,i]·silu(x[i]) + b[j]``, where ``B_g`` are the functions of the basis,
    and ``u`` is ``x`` or its LayerNorm, shifted and scaled to the basis, see :meth:`units`. With ``residual``, ``x[j]``
    is added.

    Basis functions are computed in chunks of rows, and computed again in the backward pass. Memory use therefore does
    not grow with the size of the basis. Second derivatives and the transforms of ``torch.func`` (except forward
    mode) are supported, but keep all values of basis functions in memory.

    Attributes:
        basis: the family of basis functions ``B_g``.
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
        """Build the layer. Initially, sums over edges have variance 1 for standard normal inputs.

        Args:
            in_features: number of inputs.
            out_features: number of outputs.
            basis: the family of basis functions.
            layer_norm: whether the inputs of the basis functions are normalised.
            base: whether each edge has a SiLU branch, and each output a bias.
            residual: whether the layer adds ``x`` to ``y``, which is faster than adding it outside of the layer.

        Raises:
            ValueError: ``in_features`` or ``out_features`` is below 1, or they differ although ``residual`` is true.
        """
        check_whole("in_features", in_features)
        check_whole("out_features", out_features)
        if residual and in_features != out_features:
            raise ValueError(f"a residual layer needs as many outputs as inputs: {in_features} to {out_features}")
        self.in_features, self.out_features = in_features, out_features
        edges = (in_features,)
        super().__init__(in_features, out_features, edges, basis, layer_norm=layer_norm, base=base, residual=residual)

    def units(self) -> tuple[Tensor, Tensor]:
        """Return the units of the basis: ``per_unit`` and ``origin`` of each input, both ``(in_features,)``.

        Basis functions of an input ``z`` are evaluated at ``u = (z − origin)·per_unit``. By default, ``u`` is ``z``.
        """
        like = self.spline_weight
        return like.new_ones(self.in_features), like.new_zeros(self.in_features)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the outputs ``(…, out_features)`` for inputs ``(…, in_features)``.

        Raises:
            ValueError: the last axis of ``x`` has the wrong length.
        """
        if x.shape[-1:] != (self.in_features,):
            raise ValueError(f"inputs must be (…, {self.in_features}): {tuple(x.shape)}")
        exact, operands, result = operand_type(self.precision, x, self.spline_weight)
        if torch.compiler.is_exporting():
            return self._sum(x.to(exact), PRODUCTS[False], operands).to(result)
        # Small samples and their gradients may have any memory order, because chunks are made contiguous.
        few = x.ndim == 3 and x.shape[1] * x.shape[2] * self.basis.size <= LARGE_SAMPLE
        samples = x.to(exact) if few else x.reshape(-1, self.in_features).to(exact)
        # Features are computed faster if inputs are the innermost axis, but weights must then be transposed twice.
        size_first = operands == exact and x.numel() > 4 * self.in_features * self.out_features
        y = self._sum(samples, PRODUCTS[size_first], operands).to(result)
        return y if few else y.reshape(*x.shape[:-1], self.out_features)

    def edge_functions(self, i: Tensor | int, j: Tensor | int, x: Tensor) -> EdgeFunctions:
        """Evaluate the learned functions of edges from inputs ``i`` to outputs ``j``.

        Args:
            i: index or indices of inputs.
            j: index or indices of outputs, broadcast with ``i``.
            x: points at which the functions are evaluated, ``(points,)``. Without LayerNorm, the function of an edge is
                ``curve + base``. With LayerNorm, ``x`` is the normalised input for ``curve``, but the input itself for
                ``base``.

        Returns:
            ``curve`` and ``base``, ``(points, …)`` each, where ``…`` is the broadcast shape of ``i`` and ``j``;
            differentiable.
        """
        i, j = torch.broadcast_tensors(*(torch.as_tensor(k, device=self.spline_weight.device) for k in (i, j)))
        return self._functions(i, (j, i), x)

    def _rows(self, x: Tensor) -> Tensor:
        """Reshape samples ``(…, in_features)`` to ``(n, in_features)``; raise ValueError if the width is wrong."""
        if x.shape[-1:] != (self.in_features,):
            raise ValueError(f"samples must be (…, {self.in_features}): {tuple(x.shape)}")
        return x.reshape(-1, self.in_features)

    def extra_repr(self) -> str:
        """Return the arguments of the layer for ``print(network)``."""
        return f"{self.in_features}, {self.out_features}, {self.basis}, precision={self.precision}"


LARGE_SAMPLE = 2**20
"""Maximum number of values of basis functions in a sample ``(rows, inputs)`` that is not split between chunks."""
