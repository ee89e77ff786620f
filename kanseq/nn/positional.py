"""Curves of position: an edge for each kind of item (such as a word) in a row of columns, shared by all columns.

In: the kind of item in each column, or the amount of each kind. Out: sums of the curves of all items, per stretch.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from kanseq.nn.bases.bsplines import BSplines


class Stretch(NamedTuple):
    """A range of columns with one set of curves.

    Attributes:
        start, stop: half-open.
        positions: position of each column for the splines, ``stop - start`` numbers.
        knots: ascending; all positions are at least the first, and below the last.
    """

    start: int
    stop: int
    positions: tuple[float, ...]
    knots: tuple[float, ...]


class PlacedCurves(nn.Module):
    """``y[o,s] = Σ_t a[t]·φ[o,k(t)](t) − mean`` over columns ``t`` of stretch ``s``, with an item of kind ``k(t)``.

    This is a KAN's sum over edges (Liu et al. 2024, arXiv:2404.19756), one edge per kind, whose input is a position:
    ``φ[o,k](t) = gain·Σ_g W[o,k,g]·B_g(t) / σ[k,g]``, with B-splines ``B`` on each stretch's own knots, and mean and
    standard deviation ``σ`` of ``Σ_t a[t]·B_g(t)`` over the training sequences. So a weight is the contribution of one
    standard deviation, and a penalty on weights treats frequent and rare kinds the same.

    Attributes:
        weight: ``W``, ``(outputs, kinds, functions)``; initially zeros.
        mean, scale: ``(kinds, functions)``, see :meth:`standardise`.
        splines: the splines in every column, ``(columns, functions)``.
        stretches: half-open columns of each stretch.
        functions: the splines of each stretch, as a slice.
        kinds, gain: the arguments.
    """

    mean: Tensor
    scale: Tensor
    splines: Tensor

    def __init__(
        self, kinds: int, outputs: int, columns: int, stretches: Sequence[Stretch], *, order: int = 3, gain: float = 1.0
    ) -> None:
        """Build the splines.

        Args:
            kinds: number of kinds.
            outputs: number of sums.
            columns: number of columns.
            stretches: ranges of columns with curves, and their knots; they do not overlap, and are within the columns.
            order: degree of the splines.
            gain: factor of the curves: the higher, the less a penalty on weights restrains them.
        """
        super().__init__()
        self.kinds, self.gain = kinds, gain
        self.stretches = [(one.start, one.stop) for one in stretches]
        made = [_splines(one, order) for one in stretches]
        self.functions: list[slice] = []
        splines = torch.zeros(columns, sum(one.shape[1] for one in made))
        first = 0
        for one, values in zip(stretches, made, strict=True):
            self.functions.append(slice(first, first + values.shape[1]))
            splines[one.start : one.stop, self.functions[-1]] = values.to(splines)
            first += values.shape[1]
        self.register_buffer("splines", splines, persistent=False)
        self.register_buffer("mean", torch.zeros(kinds, first))
        self.register_buffer("scale", torch.ones(kinds, first))
        self.weight = nn.Parameter(torch.zeros(outputs, kinds, first))

    def curves(self) -> Tensor:
        """Return ``φ`` in every column, ``(outputs, kinds, columns)``; zero outside the stretches."""
        return self._curve_weight() @ self.splines.T

    def forward(self, kinds: Tensor, amounts: Tensor | None = None) -> Tensor:
        """Sum the curves of the items in all columns.

        Args:
            kinds: ``(n, columns)`` int64; ``self.kinds`` for no item.
            amounts: amount of the item, ``(n, columns)``; 1 everywhere if None.

        Returns:
            ``(n, outputs, stretches)``.
        """
        weight = self._curve_weight()
        columns = kinds.shape[1]
        places = (kinds * columns + torch.arange(columns, device=kinds.device)).flatten()
        sums = []
        for curves in weight @ self.splines.T:
            # Columns without an item read the zeros after all curves.
            table = torch.cat([curves.flatten(), curves.new_zeros(columns)])
            values = table.index_select(0, places).view(kinds.shape)
            values = values if amounts is None else values * amounts
            sums.append(torch.stack([values[:, start:stop].sum(1) for start, stop in self.stretches], dim=1))
        return torch.stack(sums, dim=1) - self._at_mean(weight)

    def of_mixtures(self, x: Tensor) -> Tensor:
        """Sum the curves of mixtures ``x (n, kinds, columns)``; for single kinds, as :meth:`forward` does."""
        weight = self._curve_weight()
        curves = weight @ self.splines.T
        sums = [
            x[:, :, start:stop].flatten(1) @ curves[:, :, start:stop].flatten(1).T for start, stop in self.stretches
        ]
        return torch.stack(sums, dim=2) - self._at_mean(weight)

    def moments(self) -> "PositionMoments":
        """Return an empty accumulator for mean and standard deviation of ``Σ_t x[k,t]·B_g(t)``."""
        return PositionMoments(self.splines, self.kinds)

    @torch.no_grad()
    def standardise(self, found: "PositionMoments") -> None:
        """Set mean and scale from accumulated moments.

        Values that do not vary, apart from rounding, get the scale 1. Those that hardly vary, because a kind is rare,
        get the scale of one such item in one of the sequences: other sequences may hold it anywhere.

        Raises:
            ValueError: no sequences were added.
        """
        if not found.number:
            raise ValueError("there are no sequences to compute means from")
        deviation = (found.scatter / found.number).sqrt()
        varies = deviation > 1e-4 * found.mean.abs().clamp(min=1e-2)
        self.mean.copy_(found.mean)
        self.scale.copy_(torch.where(varies, deviation.clamp(min=found.number**-0.5), 1.0))

    def _curve_weight(self) -> Tensor:
        """Return the splines' weights, ``(outputs, kinds, functions)``."""
        return self.weight * (self.gain / self.scale)

    def _at_mean(self, weight: Tensor) -> Tensor:
        """Return the sums of a mean sequence, ``(outputs, stretches)``."""
        each = (weight * self.mean).sum(1)
        return torch.stack([each[:, functions].sum(1) for functions in self.functions], dim=1)


class PositionMoments:
    """Means and sums of squares of the amount of each kind under each spline, accumulated over batches.

    They are merged as by Chan, Golub and LeVeque (1983), whose sums of squares never cancel.

    Attributes:
        number: sequences so far.
        mean, scatter: ``(kinds, functions)`` float64; ``scatter`` holds sums of squared distances from the mean.
    """

    def __init__(self, splines: Tensor, kinds: int) -> None:
        """Start without sequences."""
        self.splines, self.number = splines, 0
        self.mean, self.scatter = splines.new_zeros(2, kinds, splines.shape[1], dtype=torch.float64)

    @torch.no_grad()
    def add(self, x: Tensor) -> None:
        """Add mixtures ``(n, kinds, columns)``."""
        counts = (x @ self.splines).double()
        mean, count = counts.mean(0), len(counts)
        step, total = mean - self.mean, self.number + count
        self.scatter += (counts - mean).square().sum(0) + step.square() * (self.number * count / total)
        self.mean += step * (count / total)
        self.number = total


def _splines(stretch: Stretch, order: int) -> Tensor:
    """Evaluate the splines of one stretch, ``(columns, functions)`` float64; the outer ones end at its ends."""
    inner = torch.tensor(stretch.knots, dtype=torch.float64)
    knots = torch.cat([inner[:1].expand(order), inner, inner[-1:].expand(order)])
    basis = BSplines(order, len(inner) - 1, knots[None])
    return basis.values(torch.tensor(stretch.positions, dtype=torch.float64)[:, None])[:, 0]
