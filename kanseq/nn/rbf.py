"""The fully connected KAN layer with Gaussians (radial basis functions).

In: numbers ``(…, in_features)``. Out: sums of the functions of all edges to each output, ``(…, out_features)``.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from kanseq.nn.bases.basis import Gaussians
from kanseq.nn.linear import KANLinear
from kanseq.nn.refitting import refit


class RBFLinear(KANLinear):
    """A fully connected KAN layer whose functions are sums of Gaussians (FastKAN, Li 2024, arXiv:2405.06721).

    ``y[j] = Σ_i Σ_g W[j,i,g]·exp(−((z[i] − c[g])/h)²) + Σ_i V[j,i]·silu(x[i]) + b[j]`` with ``z = LayerNorm(x)``. The
    centres ``c`` are equally spaced from ``low`` to ``high``, at a distance of ``h``.

    Attributes:
        grid: first and last centre for each input, ``(2, in_features)``.
    """

    grid: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        centres: int = 8,
        low: float = -2.0,
        high: float = 2.0,
        layer_norm: bool = True,
        base: bool = True,
        residual: bool = False,
        initial: Literal["variance", "fastkan"] = "variance",
    ) -> None:
        """Build the layer, and draw initial weights.

        Args:
            in_features: number of inputs.
            out_features: number of outputs.
            centres: number of Gaussians per edge.
            low: the first centre.
            high: the last centre.
            layer_norm: whether the inputs of the Gaussians are normalised.
            base: whether each edge has a SiLU branch, and each output a bias.
            residual: whether the inputs are added to the outputs.
            initial: distribution of initial weights: ``variance`` keeps the variance of standard normal inputs;
                ``fastkan`` draws weights as FastKAN does.

        Raises:
            ValueError: ``centres`` is below 2, ``low`` is not below ``high`` or not finite, or ``initial`` is unknown.
        """
        if centres < 2 or not -math.inf < low < high < math.inf:
            raise ValueError(f"at least 2 centres and finite low < high are required: {centres} from {low} to {high}")
        if initial not in ("variance", "fastkan"):
            raise ValueError(f"initial must be variance or fastkan: {initial!r}")
        self.initial = initial
        self._ends = (low, high)
        super().__init__(
            in_features, out_features, Gaussians(centres), layer_norm=layer_norm, base=base, residual=residual
        )
        self.register_load_state_dict_pre_hook(_keep_grid)

    def reset_parameters(self) -> None:
        """Draw new initial weights, and reset the centres of all inputs to the range from ``low`` to ``high``.

        FastKAN draws ``W`` from a normal distribution with standard deviation 0.1 (truncated at ±2), and ``V`` and
        ``b`` as ``nn.Linear`` does.
        """
        ends = torch.tensor(self._ends)[:, None].expand(2, self.in_features)
        self.register_buffer("grid", ends.to(self.spline_weight, copy=True))
        if self.initial == "variance":
            super().reset_parameters()
            return
        if self.norm is not None:
            self.norm.reset_parameters()
        nn.init.trunc_normal_(self.spline_weight, std=0.1)
        if self.base_weight is not None and self.base_bias is not None:
            bound = self.in_features**-0.5
            nn.init.uniform_(self.base_weight, -bound, bound)
            nn.init.uniform_(self.base_bias, -bound, bound)

    def units(self) -> tuple[Tensor, Tensor]:
        """Return ``per_unit`` and ``origin`` for ``u = (z − origin)·per_unit``, see :meth:`.KANLayer.units`.

        The unit is the distance between neighbouring centres, and the first centre is at 0.
        """
        return self._units_of(self.grid)

    def _units_of(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        low, high = grid
        return (self.basis.size - 1) / (high - low), low

    @torch.no_grad()
    def update_grid(self, x: Tensor, tails: float = 0.01) -> None:
        """Adapt the centres of each input to the range of its samples, and refit the weights to keep the functions.

        Use only samples from training data. If all samples of an input are equal, its centres and weights do not
        change.

        Args:
            x: samples of the inputs of this layer, ``(…, in_features)``.
            tails: fraction of samples below the first centre, and of samples above the last centre.

        Raises:
            ValueError: there are no samples, they have the wrong width or are not finite, or ``tails`` is not in
                [0, 0.5).
        """
        rows = self._rows(x).to(self.spline_weight)
        if not len(rows) or not 0 <= tails < 0.5:
            raise ValueError(f"samples and tails from 0 to below 0.5 are required: {len(rows)} samples, tails={tails}")
        if not rows.isfinite().all():
            raise ValueError("samples must be finite numbers")
        z = rows if self.norm is None else self.norm(rows)
        ranked = z.sort(dim=0).values
        cut = round(tails * (len(z) - 1))
        low, high = ranked[cut], ranked[len(z) - 1 - cut]
        # Samples that are so close that per_unit would be infinite count as equal, too.
        moves = (high > low) & ((self.basis.size - 1) / (high - low)).isfinite()
        grid = torch.where(moves, torch.stack([low, high]), self.grid)
        old, new = self._units_of(self.grid), self._units_of(grid)
        pairs = (
            tuple(self.basis.values((part - origin) * per_unit) for per_unit, origin in (old, new))
            for part in z.split(SAMPLES)
        )
        fitted = refit(self.spline_weight, pairs)
        self.spline_weight.copy_(torch.where(moves[:, None], fitted, self.spline_weight))
        self.grid.copy_(grid)


SAMPLES = 1024
"""Number of samples per chunk when weights are refitted, which limits the memory for values of basis functions."""


def _keep_grid(layer: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Add the current grid to a state dict without a grid, so that such a state dict can be loaded."""
    state.setdefault(f"{prefix}grid", layer.grid)
