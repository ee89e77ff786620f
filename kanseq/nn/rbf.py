"""The KAN layer on Gaussian radial bases.

In: ``(…, in_features)`` numbers. Out: ``(…, out_features)`` sums of the edges' curves.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from kanseq.nn.bases.basis import Gaussians
from kanseq.nn.linear import KANLinear
from kanseq.nn.refitting import refit


class RBFLinear(KANLinear):
    """A KAN layer whose curves are sums of Gaussians (FastKAN, Li 2024, arXiv:2405.06721).

    ``y[j] = Σ_i Σ_g W[j,i,g]·exp(−((z[i] − c[g])/h)²) + Σ_i V[j,i]·silu(x[i]) + b[j]`` with ``z = LayerNorm(x)``,
    ``centres`` equally spaced ``c`` from ``low`` to ``high``, and ``h`` their spacing.

    Attributes:
        grid: ``(2, in_features)``, each input's first and last centre.
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
        """Draw initial weights.

        Args:
            in_features: number of inputs.
            out_features: number of outputs.
            centres: Gaussians per edge.
            low: the first centre.
            high: the last centre.
            layer_norm: whether the inputs of the Gaussians are normalised.
            base: whether each edge has a SiLU branch, and each output a bias.
            residual: whether the inputs are added to the outputs.
            initial: ``variance`` keeps the variance of the inputs, ``fastkan`` draws weights as FastKAN does.

        Raises:
            ValueError: fewer than two centres, or ``low`` is not below ``high``.
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
        """Draw the weights anew, and reset grids to the initial ones.

        FastKAN draws ``W`` from a normal distribution with standard deviation 0.1 (cut at ±2), ``V`` and ``b`` as
        ``nn.Linear`` does.
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
        """Return the units: spacings from the first centre."""
        return self._units_of(self.grid)

    def _units_of(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        low, high = grid
        return (self.basis.size - 1) / (high - low), low

    @torch.no_grad()
    def update_grid(self, x: Tensor, tails: float = 0.01) -> None:
        """Spread each input's centres over its samples, and refit the weights to keep the curves.

        Use only samples of the training data. An input whose samples are all equal keeps its grid and its
        curves.

        Args:
            x: ``(…, in_features)`` samples of the layer's inputs.
            tails: share of samples below the first centre, and share above the last.

        Raises:
            ValueError: no samples, samples of another width or not finite, or ``tails`` is not in [0, 0.5).
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
        # Samples so close that spacings per unit would be infinite count as equal, too.
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
"""Samples whose basis is held at a time when weights are refitted."""


def _keep_grid(layer: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Accept weights without a grid: the layer keeps its grid."""
    state.setdefault(f"{prefix}grid", layer.grid)
