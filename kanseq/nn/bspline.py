"""The fully connected KAN layer with B-splines, whose grids can be fitted to data and refined.

In: numbers ``(…, in_features)``. Out: sums of the functions of all edges to each output, ``(…, out_features)``.
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
    """A fully connected KAN layer with B-splines, as in KAN (Liu et al. 2024, arXiv:2404.19756) and efficient-KAN.

    ``y[j] = Σ_i Σ_g s[j,i]·W[j,i,g]·B_g(z[i]) + Σ_i V[j,i]·silu(x[i]) + b[j]``, where ``z`` is ``x`` or its LayerNorm,
    and ``B_g`` are B-splines of degree ``order``. Each input has its own grid, which is extended by ``order`` knots on
    both sides; outside the extended grid, splines are zero. If the knots of all inputs are equally spaced up to
    rounding errors, they are replaced by exactly equally spaced knots, which allow a faster computation.

    Attributes:
        spline_scale: ``s``, ``(out_features, in_features)``; ``None`` without ``edge_scale``.
        grid: knots of each input, ``(in_features, intervals + 2·order + 1)``. Change it only with :meth:`set_grid`.
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
        """Build the layer. Initially, outputs have variance 1 for standard normal inputs.

        Args:
            in_features: number of inputs.
            out_features: number of outputs.
            intervals: number of intervals of the grid before it is extended.
            order: degree of the splines.
            low: start of the first interval.
            high: end of the last interval.
            layer_norm: whether inputs of the splines are normalised.
            base: whether each edge has a SiLU branch, and each output a bias.
            edge_scale: whether the spline of each edge is multiplied by a learned factor, initially 1.

        Raises:
            ValueError: ``intervals`` is below 1, ``order`` is negative, or ``low`` is not below ``high``.
        """
        if not low < high:
            raise ValueError(f"low must be below high: {low} and {high}")
        self._ends = (low, high)
        super().__init__(in_features, out_features, BSplines(order, intervals), layer_norm=layer_norm, base=base)
        self.spline_scale = nn.Parameter(torch.ones(out_features, in_features)) if edge_scale else None

    def reset_parameters(self) -> None:
        """Draw new initial weights, and reset ``spline_scale`` and the grids to their initial values."""
        self._adopt(self._first_grid())
        super().reset_parameters()
        if getattr(self, "spline_scale", None) is not None:
            nn.init.ones_(self.spline_scale)

    def units(self) -> tuple[Tensor, Tensor]:
        """Return ``per_unit`` and ``origin`` for ``u = (z − origin)·per_unit``, see :meth:`.KANLayer.units`.

        For equally spaced knots, the unit is one interval, and the grid starts at ``u = 0``. For other knots, ``u`` is
        ``z``.
        """
        if not self._is_equally_spaced:
            return super().units()
        first, last = self.grid[:, 0], self.grid[:, -1]
        return (self.grid.shape[1] - 1) / (last - first), self.grid[:, self.basis.order]

    @torch.no_grad()
    def set_grid(self, grid: Tensor) -> None:
        """Replace the knots. The weights stay the same, so the functions of the edges change.

        Args:
            grid: knots ``(in_features, intervals + 2·order + 1)``, or one row of knots for all inputs.

        Raises:
            ValueError: the shape is wrong, or the knots of an input are not finite, decrease, or are all equal.
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
        """Fit the knots of each input to its samples, as in efficient-KAN. The learned functions are kept.

        Each new knot is a weighted mean of a quantile of the samples and an equally spaced knot. Weights are refitted
        so that the functions of edges stay the same. Use only samples from training data. If all samples of an input
        are equal, its knots and weights do not change.

        Args:
            x: samples of the inputs of this layer, ``(…, in_features)``.
            margin: distance by which equally spaced knots extend beyond the smallest and the largest sample.
            uniform_share: weight of the equally spaced knots in the mean, from 0 to 1.

        Raises:
            ValueError: there are no samples, they are not finite, or an argument is out of range.
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
        """Divide the grid of each input into more intervals (Liu et al. 2024, section 2.4), keeping the functions.

        Within the grid, the functions of the edges do not change if the new knots include the old ones; otherwise they
        are approximated by least squares. Outside the grid, functions become zero closer to it than before, because the
        grid is extended by shorter intervals. If knots are not equally spaced, new knots are interpolated between them.

        The layer is changed in place. ``spline_weight`` is replaced by a new parameter, so optimisers must be created
        again.

        Args:
            intervals: the new number of intervals.

        Raises:
            ValueError: ``intervals`` is below the current number.
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
        # Between neighbouring knots (old or new), curves are polynomials, which are determined by order + 1 points.
        shares = (torch.arange(order + 1, device=ends.device, dtype=ends.dtype) + 0.5) / (order + 1)
        cuts = torch.cat([ends, inner], dim=1).sort(dim=1).values
        points = (cuts[:, :-1, None] + cuts.diff(dim=1)[..., None] * shares).flatten(1).t()
        refitted = refit(weight, ((old(part), new(part)) for part in points.split(SAMPLES)))
        self.spline_weight = nn.Parameter(refitted, requires_grad=weight.requires_grad)

    @torch.no_grad()
    def set_intervals(self, intervals: int) -> None:
        """Reset the grid to ``intervals`` equal intervals from ``low`` to ``high``, and all spline weights to zero.

        The weights and the grid of a refined layer can then be loaded. ``spline_weight`` is replaced by a new
        parameter.

        Raises:
            ValueError: ``intervals`` is below 1.
        """
        self.basis = replace(self.basis, intervals=intervals)
        weight = self.spline_weight
        zeros = weight.new_zeros(*weight.shape[:-1], self.basis.size)
        self.spline_weight = nn.Parameter(zeros, requires_grad=weight.requires_grad)
        self._adopt(self._first_grid())

    def regularization(self, l1: float = 1.0, entropy: float = 1.0) -> Tensor:
        """Return efficient-KAN's penalty on weights, ``l1·Σ a + entropy·(−Σ p·log p)``. Sums are over all edges.

        ``a`` is the mean of ``|W|`` over the splines of an edge (without ``spline_scale``), and ``p = a / Σ a``.
        """
        return _penalty(self.spline_weight.abs().mean(-1), l1, entropy)

    def sample_regularization(self, x: Tensor, l1: float = 1.0, entropy: float = 1.0) -> Tensor:
        """Return the penalty on the outputs of edges for samples ``x`` (Liu et al. 2024, equations 2.17 to 2.20).

        The formula is the same as in :meth:`regularization`, but ``a`` is the result of :meth:`edge_norms`.
        """
        return _penalty(self.edge_norms(x), l1, entropy)

    def edge_norms(self, x: Tensor) -> Tensor:
        """Return the mean absolute output ``|curve + base|`` of each edge over samples ``x (…, in_features)``.

        The result ``(out_features, in_features)`` is differentiable. To limit memory use, samples are processed in
        chunks.

        Raises:
            ValueError: there are no samples.
        """
        rows = self._rows(x).to(self.spline_weight)
        if not len(rows):
            raise ValueError("samples are required: 0 samples")
        total = torch.zeros_like(self.spline_weight[..., 0])
        for part in rows.split(max(1, EDGES // total.numel())):
            total = total + checkpoint(self._edge_sums, part, use_reentrant=False, preserve_rng_state=False)
        return total / len(rows)

    def _first_grid(self) -> Tensor:
        """Return the initial, equally spaced knots of all inputs, ``(in_features, intervals + 2·order + 1)``."""
        low, high = self._ends
        steps = torch.arange(-self.basis.order, self.basis.intervals + self.basis.order + 1, dtype=torch.float64)
        knots = low + (high - low) / self.basis.intervals * steps
        return knots.to(self.spline_weight).repeat(self.in_features, 1)

    def _edge_sums(self, x: Tensor) -> Tensor:
        """Return the sum of ``|curve + base|`` of each edge over samples ``x (n, in_features)``."""
        z = x if self.norm is None else self.norm(x)
        per_unit, origin = self.units()
        values = self.placed_basis().values((z - origin) * per_unit)
        outputs = torch.einsum("nig,jig->nji", values, self.curve_weight())
        if self.base_weight is not None:
            outputs = outputs + functional.silu(x)[:, None] * self.base_weight
        return outputs.abs().sum(0)

    def _basis_tensors(self) -> tuple[Tensor, ...]:
        return () if self._is_equally_spaced else (self.grid,)

    def curve_weight(self) -> Tensor:
        """Return the weights of the splines, multiplied by ``spline_scale`` if the layer has it."""
        return self.spline_weight if self.spline_scale is None else self.spline_weight * self.spline_scale[..., None]

    def _curve_basis(self) -> Callable[[Tensor], Tensor]:
        """Return a function that evaluates the splines on a copy of the current grid, in float64."""
        basis = replace(self.basis, knots=self.grid.to(torch.float64, copy=True))
        return lambda z: basis.values(z.double())

    def _adopt(self, grid: Tensor) -> None:
        """Store the knots, and determine whether they are equally spaced."""
        if grid.is_meta:
            # Knots on the meta device have no values. Assume that they are equally spaced, as they are initially.
            self._is_equally_spaced = True
            self.register_buffer("grid", grid)
            return
        even = _evenly(grid)
        rounding = 8 * max(torch.finfo(kind).eps for kind in (grid.dtype, torch.float32))
        spread = (grid - even).abs() <= rounding * grid.abs().amax(1, keepdim=True)
        # Stored as a Python bool, so that forward passes do not wait for the device.
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
"""Number of samples per chunk when weights are refitted, which limits the memory for values of basis functions."""

EDGES = 2**20
"""Maximum number of edge outputs per chunk of :meth:`BSplineLinear.edge_norms`."""


def _evenly(grid: Tensor) -> Tensor:
    """Return equally spaced knots with the same ends as the given knots, ``(inputs, knots)``."""
    shares = torch.linspace(0, 1, grid.shape[1], dtype=torch.float64, device=grid.device)
    return torch.lerp(grid[:, :1].double(), grid[:, -1:].double(), shares).to(grid)


def _extended(inner: Tensor, step: Tensor, order: int) -> Tensor:
    """Extend knots ``(inputs, intervals + 1)`` on both sides by ``order`` knots at distances ``step (inputs, 1)``."""
    away = torch.arange(1, order + 1, dtype=inner.dtype, device=inner.device)
    return torch.cat([inner[:, :1] - step * away.flip(0), inner, inner[:, -1:] + step * away], dim=1)


def _is_grid(grid: Tensor) -> Tensor:
    """Return whether each row of knots is valid: finite, not decreasing and not all equal; ``(inputs,)`` bool."""
    return grid.isfinite().all(1) & (grid.diff(dim=1) >= 0).all(1) & (grid[:, -1] > grid[:, 0])


def _penalty(norms: Tensor, l1: float, entropy: float) -> Tensor:
    total = norms.sum()
    shares = norms / torch.where(total > 0, total, 1)
    # 0·log 0 counts as 0, in the sum and in its gradients.
    logarithms = shares.clamp(min=torch.finfo(shares.dtype).tiny).log()
    return l1 * total - entropy * (shares * logarithms).sum()
