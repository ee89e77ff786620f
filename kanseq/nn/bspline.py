"""The KAN layer with B-splines.

In: ``(…, in_features)`` numbers. Out: ``(…, out_features)`` sums of the edges' curves.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from kanseq.nn.bases.bsplines import BSplines
from kanseq.nn.linear import KANLinear
from kanseq.nn.refitting import refit


class BSplineLinear(KANLinear):
    """A KAN layer with B-splines, as in the original KAN (Liu et al. 2024, arXiv:2404.19756) and efficient-KAN.

    ``y[j] = Σ_i Σ_g s[j,i]·W[j,i,g]·B_g(z[i]) + Σ_i V[j,i]·silu(x[i]) + b[j]``, where ``z`` is ``x`` or its LayerNorm
    and ``B`` are the B-splines of ``order`` on each input's own grid, extended by ``order`` knots on both sides. The
    curves are zero outside the extended grid. If the knots of every input are equally spaced, up to rounding, they are
    made exactly so, and a faster computation is used.

    Attributes:
        spline_scale: ``s``, ``(out_features, in_features)``; ``None`` without ``edge_scale``.
        grid: ``(in_features, intervals + 2·order + 1)``, each input's knots; change it only with :meth:`set_grid`.
    """

    basis: BSplines
    grid: Tensor
    spline_scale: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        intervals: int = 5,
        order: int = 3,
        low: float = -1.0,
        high: float = 1.0,
        layer_norm: bool = False,
        base: bool = True,
        edge_scale: bool = False,
    ) -> None:
        """Draw initial weights that keep the variance of standard normal inputs.

        Args:
            in_features: number of inputs.
            out_features: number of outputs.
            intervals: intervals of the grid before it is extended.
            order: degree of the splines.
            low: start of the first interval.
            high: end of the last interval.
            layer_norm: whether inputs of the splines are normalised.
            base: whether each edge has a SiLU branch, and each output a bias.
            edge_scale: whether each edge's curve has a learned factor, initially 1.

        Raises:
            ValueError: ``intervals`` is below 1, ``order`` is negative, or ``low`` is not below ``high``.
        """
        if not low < high:
            raise ValueError(f"low must be below high: {low} and {high}")
        self._ends = (low, high)
        super().__init__(in_features, out_features, BSplines(order, intervals), layer_norm=layer_norm, base=base)
        self.spline_scale = nn.Parameter(torch.ones(out_features, in_features)) if edge_scale else None

    def reset_parameters(self) -> None:
        """Draw the weights anew, and reset factors to 1 and grids to the initial ones."""
        self._adopt(self._first_grid())
        super().reset_parameters()
        if getattr(self, "spline_scale", None) is not None:
            nn.init.ones_(self.spline_scale)

    def units(self) -> tuple[Tensor, Tensor]:
        """Return the units: intervals from the first, if all are equal."""
        if not self._is_equally_spaced:
            return super().units()
        first, last = self.grid[:, 0], self.grid[:, -1]
        return (self.grid.shape[1] - 1) / (last - first), self.grid[:, self.basis.order]

    @torch.no_grad()
    def set_grid(self, grid: Tensor) -> None:
        """Replace the knots. This changes the curves.

        Args:
            grid: ``(in_features, intervals + 2·order + 1)`` knots, or one row of them for all inputs.

        Raises:
            ValueError: another shape, a knot that is not finite or less than the previous one, or all knots equal.
        """
        shape = self.in_features, self.basis.intervals + 2 * self.basis.order + 1
        if grid.ndim not in (1, 2) or grid.shape[-1] != shape[1] or grid.shape[:-1] not in ((), (1,), shape[:1]):
            raise ValueError(f"the grid must have the shape {shape}: {tuple(grid.shape)}")
        grid = grid.to(self.grid).expand(shape)
        if not _is_grid(grid).all():
            raise ValueError("every input's knots must be finite, must not decrease, and must not all be equal")
        self._adopt(grid.clone())

    @torch.no_grad()
    def update_grid(self, x: Tensor, margin: float = 0.01, uniform_share: float = 0.02) -> None:
        """Fit each input's knots to its samples, as efficient-KAN does, and refit the weights to keep the curves.

        Knots are quantiles of the samples, mixed with equally spaced ones from ``margin`` below the least to ``margin``
        above the greatest. Use only samples of the training data. An input whose samples are all equal keeps its grid
        and its curves.

        Args:
            x: ``(…, in_features)`` samples of the layer's inputs.
            margin: distance by which equally spaced knots extend beyond the samples.
            uniform_share: share of the equally spaced knots, from 0 to 1.

        Raises:
            ValueError: no samples, samples that are not finite, or arguments out of range.
        """
        rows = self._rows(x).to(self.spline_weight)
        if not (len(rows) and margin >= 0 and 0 <= uniform_share <= 1):
            raise ValueError(
                "samples, margin ≥ 0 and uniform_share from 0 to 1 are required: "
                f"{len(rows)} samples, margin={margin}, uniform_share={uniform_share}"
            )
        if not rows.isfinite().all():
            raise ValueError("samples must be finite numbers")
        z = rows if self.norm is None else self.norm(rows)
        ranked = z.sort(dim=0).values
        least, greatest = ranked[0], ranked[-1]
        intervals = self.basis.intervals
        at = torch.linspace(0, len(z) - 1, intervals + 1, dtype=torch.float64).long()
        step = (greatest - least + 2 * margin) / intervals
        uniform = torch.arange(intervals + 1).to(z)[:, None] * step + least - margin
        mixed = uniform_share * uniform + (1 - uniform_share) * ranked[at.to(z.device)]
        grid = _extended(mixed.t(), step[:, None], self.basis.order)
        moves = (greatest > least) & _is_grid(grid)
        old = self._curve_basis()
        weight = self.spline_weight.clone()
        self._adopt(torch.where(moves[:, None], grid, self.grid))
        new = self._curve_basis()
        refitted = refit(weight, ((old(part), new(part)) for part in z.split(SAMPLES)))
        self.spline_weight.copy_(torch.where(moves[:, None], refitted, weight))

    @torch.no_grad()
    def refine(self, intervals: int) -> None:
        """Divide each input's grid into more intervals (Liu et al. 2024, section 2.4).

        Inside the grid the curves stay: exactly if the new knots include the old ones, otherwise by least squares.
        Outside they end sooner, because shorter intervals extend the grid by less. New knots are interpolated between
        those that are not equally spaced.

        The layer is changed in place, as by :meth:`update_grid`, so that references to it remain valid. But
        ``spline_weight`` is a new parameter: create new optimisers.

        Raises:
            ValueError: fewer intervals than before.
        """
        order, before = self.basis.order, self.basis.intervals
        if intervals < before:
            raise ValueError(f"intervals must be at least {before}, the current number: {intervals}")
        old = self._curve_basis()
        ends = self.grid[:, order : order + before + 1].double()
        at = torch.arange(intervals + 1, device=ends.device, dtype=ends.dtype) * before / intervals
        left = at.long().clamp(max=before - 1)
        inner = torch.lerp(ends[:, left], ends[:, left + 1], at - left)
        grid = _extended(inner, (inner[:, -1:] - inner[:, :1]) / intervals, order)
        weight = self.spline_weight
        self.basis = replace(self.basis, intervals=intervals)
        self._adopt(grid.to(self.grid))
        new = self._curve_basis()
        # Between neighbouring knots, old or new, curves are polynomials, which order + 1 points determine.
        shares = (torch.arange(order + 1, device=ends.device, dtype=ends.dtype) + 0.5) / (order + 1)
        cuts = torch.cat([ends, inner], dim=1).sort(dim=1).values
        points = (cuts[:, :-1, None] + cuts.diff(dim=1)[..., None] * shares).flatten(1).t()
        refitted = refit(weight, ((old(part), new(part)) for part in points.split(SAMPLES)))
        self.spline_weight = nn.Parameter(refitted, requires_grad=weight.requires_grad)

    @torch.no_grad()
    def set_intervals(self, intervals: int) -> None:
        """Reset the layer to this number of equal intervals from ``low`` to ``high``, with curves of zero.

        It can then load the weights and grid of a refined layer. ``spline_weight`` is a new parameter.

        Raises:
            ValueError: ``intervals`` is below 1.
        """
        self.basis = replace(self.basis, intervals=intervals)
        weight = self.spline_weight
        zeros = weight.new_zeros(*weight.shape[:-1], self.basis.size)
        self.spline_weight = nn.Parameter(zeros, requires_grad=weight.requires_grad)
        self._adopt(self._first_grid())

    def regularization(self, l1: float = 1.0, entropy: float = 1.0) -> Tensor:
        """Return efficient-KAN's penalty on weights: ``l1·Σ a + entropy·(−Σ p·log p)``.

        Here ``a`` is the mean of an edge's ``|W|`` without its factor, and ``p = a / Σ a``.
        """
        return _penalty(self.spline_weight.abs().mean(-1), l1, entropy)

    def sample_regularization(self, x: Tensor, l1: float = 1.0, entropy: float = 1.0) -> Tensor:
        """Return the penalty on the edges' outputs for samples: the same with ``a`` from :meth:`edge_norms`.

        These are equations 2.17 to 2.20 of Liu et al. 2024.
        """
        return _penalty(self.edge_norms(x), l1, entropy)

    def edge_norms(self, x: Tensor) -> Tensor:
        """Return ``(out_features, in_features)``: the mean over samples ``(…, in_features)`` of ``|curve + base|``.

        Differentiable. The outputs of all edges are held for a few samples at a time.

        Raises:
            ValueError: no samples.
        """
        rows = self._rows(x).to(self.spline_weight)
        if not len(rows):
            raise ValueError("samples are required: 0 samples")
        total = torch.zeros_like(self.spline_weight[..., 0])
        for part in rows.split(max(1, EDGES // total.numel())):
            total = total + checkpoint(self._edge_sums, part, use_reentrant=False, preserve_rng_state=False)
        return total / len(rows)

    def _first_grid(self) -> Tensor:
        """Return equally spaced knots, ``(in_features, intervals + 2·order + 1)``."""
        low, high = self._ends
        steps = torch.arange(-self.basis.order, self.basis.intervals + self.basis.order + 1, dtype=torch.float64)
        knots = low + (high - low) / self.basis.intervals * steps
        return knots.to(self.spline_weight).repeat(self.in_features, 1)

    def _edge_sums(self, x: Tensor) -> Tensor:
        """Return the sum over samples of each edge's absolute output."""
        z = x if self.norm is None else self.norm(x)
        per_unit, origin = self.units()
        values = self.placed_basis().values((z - origin) * per_unit)
        given = torch.einsum("nig,jig->nji", values, self.curve_weight())
        if self.base_weight is not None:
            given = given + functional.silu(x)[:, None] * self.base_weight
        return given.abs().sum(0)

    def _basis_tensors(self) -> tuple[Tensor, ...]:
        return () if self._is_equally_spaced else (self.grid,)

    def curve_weight(self) -> Tensor:
        """Return the weights of the basis multiplied by the edges' factors."""
        return self.spline_weight if self.spline_scale is None else self.spline_weight * self.spline_scale[..., None]

    def _curve_basis(self) -> Callable[[Tensor], Tensor]:
        """Return the current basis as a function of the curves' inputs, in float64."""
        basis = replace(self.basis, knots=self.grid.to(torch.float64, copy=True))
        return lambda z: basis.values(z.double())

    def _adopt(self, grid: Tensor) -> None:
        """Set the knots, and check whether they are equally spaced."""
        if grid.is_meta:
            # Knots without values are assumed to be equally spaced, as they are initially.
            self._is_equally_spaced = True
            self.register_buffer("grid", grid)
            return
        even = _evenly(grid)
        rounding = 8 * max(torch.finfo(kind).eps for kind in (grid.dtype, torch.float32))
        spread = (grid - even).abs() <= rounding * grid.abs().amax(1, keepdim=True)
        # A Python bool, so that forward passes need not wait for the device.
        self._is_equally_spaced = bool(spread.all()) and bool((grid[:, 0] < grid[:, -1]).all())
        grid = even if self._is_equally_spaced else grid
        if "grid" in self._buffers and self.grid.shape == grid.shape and self.grid.dtype == grid.dtype:
            self.grid.copy_(grid)
        else:
            self.register_buffer("grid", grid)

    def _load_from_state_dict(self, *arguments: object, **options: object) -> None:
        super()._load_from_state_dict(*arguments, **options)
        with torch.no_grad():
            self._adopt(self.grid)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "BSplineLinear":
        kind = self.grid.dtype
        super()._apply(fn, recurse)
        if self.grid.dtype != kind and self._is_equally_spaced:
            self.grid.copy_(_evenly(self.grid))
        return self


SAMPLES = 1024
"""Samples whose basis is held at a time when weights are refitted."""

EDGES = 2**20
"""Maximum number of edge outputs that are held at a time."""


def _evenly(grid: Tensor) -> Tensor:
    """Return knots ``(inputs, knots)`` spaced equally from the first to the last."""
    shares = torch.linspace(0, 1, grid.shape[1], dtype=torch.float64, device=grid.device)
    return torch.lerp(grid[:, :1].double(), grid[:, -1:].double(), shares).to(grid)


def _extended(inner: Tensor, step: Tensor, order: int) -> Tensor:
    """Add ``order`` knots, a ``step (inputs, 1)`` apart, on both sides of knots ``(inputs, intervals + 1)``."""
    away = torch.arange(1, order + 1, dtype=inner.dtype, device=inner.device)
    return torch.cat([inner[:, :1] - step * away.flip(0), inner, inner[:, -1:] + step * away], dim=1)


def _is_grid(grid: Tensor) -> Tensor:
    """Return for each row of knots whether it is a valid grid for splines."""
    return grid.isfinite().all(1) & (grid.diff(dim=1) >= 0).all(1) & (grid[:, -1] > grid[:, 0])


def _penalty(norms: Tensor, l1: float, entropy: float) -> Tensor:
    total = norms.sum()
    shares = norms / torch.where(total > 0, total, 1)
    # 0·log 0 counts as 0, in the sum and in the gradients of norms.
    logarithms = shares.clamp(min=torch.finfo(shares.dtype).tiny).log()
    return l1 * total - entropy * (shares * logarithms).sum()
