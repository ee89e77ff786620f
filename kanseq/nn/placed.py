"""Curves of position: an edge for each kind of thing that may stand in a row of columns, shared by all columns.

In: which kind stands in each column, or how much of each. Out: sums of the curves where things stand, by stretch.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from kanseq.nn.bsplines import BSplines


class Stretch(NamedTuple):
    """Columns on which one set of curves lives.

    Attributes:
        start, stop: half-open.
        positions: where each column lies for the splines, ``stop - start`` numbers.
        knots: ascending; no position is below the first, or reaches the last.
    """

    start: int
    stop: int
    positions: tuple[float, ...]
    knots: tuple[float, ...]


class PlacedCurves(nn.Module):
    """``y[o,s] = Σ_t a[t]·φ[o,k(t)](t) − mean`` over columns ``t`` of stretch ``s``, a thing of kind ``k(t)`` in each.

    That is a KAN's sum over edges (Liu et al. 2024, arXiv:2404.19756), one edge per kind, whose input is a position:
    ``φ[o,k](t) = gain·Σ_g W[o,k,g]·B_g(t) / σ[k,g]``, with B-splines ``B`` on each stretch's own knots, and mean and
    standard deviation ``σ`` of ``Σ_t a[t]·B_g(t)`` over the training sequences. So a weight is what one standard
    deviation adds, and a penalty on weights treats frequent and rare kinds alike.

    Attributes:
        weight: ``W``, ``(outputs, kinds, functions)``; zeros at first.
        mean, scale: ``(kinds, functions)``, see :meth:`standardise`.
        splines: the splines in every column, ``(columns, functions)``.
        stretches: half-open columns of each stretch.
        functions: which of the splines are each stretch's.
        kinds, gain: as given.
    """

    mean: Tensor
    scale: Tensor
    splines: Tensor

    def __init__(
        self, kinds: int, outputs: int, columns: int, stretches: Sequence[Stretch], *, order: int = 3, gain: float = 1.0
    ) -> None:
        """Lay the splines out.

        Args:
            kinds: how many there are.
            outputs: how many sums.
            columns: how many columns there are.
            stretches: where curves live, and on which knots; they do not overlap, and lie within the columns.
            order: degree of the splines' pieces.
            gain: what curves are multiplied with: the higher, the less a penalty on weights holds them back.
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
        """Give ``φ`` in every column, ``(outputs, kinds, columns)``; zero beside the stretches."""
        return self._curve_weight() @ self.splines.T

    def forward(self, kinds: Tensor, amounts: Tensor | None = None) -> Tensor:
        """Sum the curves of what stands in each column.

        Args:
            kinds: ``(n, columns)`` int64; ``self.kinds`` where nothing stands.
            amounts: how much of it, ``(n, columns)``; 1 everywhere if None.

        Returns:
            ``(n, outputs, stretches)``.
        """
        weight = self._curve_weight()
        columns = kinds.shape[1]
        places = (kinds * columns + torch.arange(columns, device=kinds.device)).flatten()
        sums = []
        for curves in weight @ self.splines.T:
            # What is of no kind finds zeros behind all curves.
            table = torch.cat([curves.flatten(), curves.new_zeros(columns)])
            values = table.index_select(0, places).view(kinds.shape)
            values = values if amounts is None else values * amounts
            sums.append(torch.stack([values[:, start:stop].sum(1) for start, stop in self.stretches], dim=1))
        return torch.stack(sums, dim=1) - self._at_mean(weight)

    def of_mixtures(self, x: Tensor) -> Tensor:
        """Sum the curves of mixtures ``x (n, kinds, columns)``; of single kinds it is what :meth:`forward` gives."""
        weight = self._curve_weight()
        curves = weight @ self.splines.T
        sums = [
            x[:, :, start:stop].flatten(1) @ curves[:, :, start:stop].flatten(1).T for start, stop in self.stretches
        ]
        return torch.stack(sums, dim=2) - self._at_mean(weight)

    def moments(self) -> "Moments":
        """Begin to take mean and standard deviation of ``Σ_t x[k,t]·B_g(t)``."""
        return Moments(self.splines, self.kinds)

    @torch.no_grad()
    def standardise(self, found: "Moments") -> None:
        """Take them over.

        What does not vary, or by rounding alone, gets the scale 1. What hardly does, because a kind is rare, gets that
        of one of its kind in one of the sequences: others may hold it anywhere.

        Raises:
            ValueError: nothing was counted.
        """
        if not found.number:
            raise ValueError("there are no sequences to take means from")
        deviation = (found.scatter / found.number).sqrt()
        varies = deviation > 1e-4 * found.mean.abs().clamp(min=1e-2)
        self.mean.copy_(found.mean)
        self.scale.copy_(torch.where(varies, deviation.clamp(min=found.number**-0.5), 1.0))

    def _curve_weight(self) -> Tensor:
        """Give the splines' weights, ``(outputs, kinds, functions)``."""
        return self.weight * (self.gain / self.scale)

    def _at_mean(self, weight: Tensor) -> Tensor:
        """Give what mean sequences get, ``(outputs, stretches)``."""
        each = (weight * self.mean).sum(1)
        return torch.stack([each[:, functions].sum(1) for functions in self.functions], dim=1)


class Moments:
    """Means and sums of squares of how much of each kind stands where a spline is, batch by batch.

    They are merged as by Chan, Golub and LeVeque (1983), whose sums of squares never cancel.

    Attributes:
        number: sequences so far.
        mean, scatter: ``(kinds, functions)`` float64; ``scatter`` holds squares of distances from the mean.
    """

    def __init__(self, splines: Tensor, kinds: int) -> None:
        """Begin with nothing."""
        self.splines, self.number = splines, 0
        self.mean, self.scatter = splines.new_zeros(2, kinds, splines.shape[1], dtype=torch.float64)

    @torch.no_grad()
    def add(self, x: Tensor) -> None:
        """Count in mixtures ``(n, kinds, columns)``."""
        counts = (x @ self.splines).double()
        mean, count = counts.mean(0), len(counts)
        step, total = mean - self.mean, self.number + count
        self.scatter += (counts - mean).square().sum(0) + step.square() * (self.number * count / total)
        self.mean += step * (count / total)
        self.number = total


def _splines(stretch: Stretch, order: int) -> Tensor:
    """Evaluate the splines of one stretch, ``(columns, functions)`` float64; the outer ones end where it ends."""
    inner = torch.tensor(stretch.knots, dtype=torch.float64)
    knots = torch.cat([inner[:1].expand(order), inner, inner[-1:].expand(order)])
    basis = BSplines(order, len(inner) - 1, knots[None])
    return basis.values(torch.tensor(stretch.positions, dtype=torch.float64)[:, None])[:, 0]
