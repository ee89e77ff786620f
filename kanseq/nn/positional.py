"""Learned functions of position. Each kind of item (such as a k-mer) has one KAN edge, which is shared by all columns.

In: the item at each column, or the amount of each kind at each column. Out: for each range of columns, the sum of the
functions of its items.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from kanseq.nn.bases.bsplines import BSplines


class Stretch(NamedTuple):
    """A range of columns with separate functions of position (such as the upstream region of a gene).

    Attributes:
        start, stop: half-open range of columns, 0-based.
        positions: input of the splines at each column, such as the distance from the TSS; ``stop - start`` numbers.
        knots: knots of the splines, ascending. All positions are at least the first knot, and below the last.
    """

    start: int
    stop: int
    positions: tuple[float, ...]
    knots: tuple[float, ...]


class PlacedCurves(nn.Module):
    """A KAN layer that sums learned functions of position over items, such as the k-mers of a sequence.

    ``y[o,s] = Σ_t a[t]·φ[o,k(t)](t) − mean``, where ``t`` are the columns of stretch (range of columns) ``s``, and
    ``k(t)`` and ``a[t]`` are the kind and the amount of the item at ``t``. Each kind has one edge (Liu et al. 2024,
    arXiv:2404.19756), whose input is a position: ``φ[o,k](t) = gain·Σ_g W[o,k,g]·B_g(t) / σ[k,g]``. ``B_g`` are
    B-splines on the knots of each stretch. ``σ[k,g]`` is the standard deviation over the training
    sequences of ``Σ_t a[t]·B_g(t)``, where the sum is over items of kind ``k``. ``mean`` is the mean of the first sum.
    A weight is thus the contribution of one standard deviation, and a penalty on weights treats frequent and rare kinds
    the same.

    Attributes:
        weight: ``W``, ``(outputs, kinds, functions)``; initially zeros.
        mean, scale: mean and ``σ``, ``(kinds, functions)``; set by :meth:`standardise`.
        splines: values of the splines at each column, ``(columns, functions)``.
        stretches: half-open range of columns of each stretch.
        functions: for each stretch, the slice of its splines on the axis ``functions``.
        kinds: number of kinds of items.
        gain: factor of the functions.
    """

    mean: Tensor
    scale: Tensor
    splines: Tensor

    def __init__(
        self, kinds: int, outputs: int, columns: int, stretches: Sequence[Stretch], *, order: int = 3, gain: float = 1.0
    ) -> None:
        """Evaluate the splines at all columns, and initialise all weights to zero.

        Args:
            kinds: number of kinds of items.
            outputs: number of outputs per stretch.
            columns: number of columns.
            stretches: ranges of columns with functions, and their knots. They must not overlap, and must lie within
                the columns.
            order: degree of the splines.
            gain: factor of the functions. The higher it is, the weaker is the effect of a penalty on weights.
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
        """Return the learned functions ``φ`` at each column, ``(outputs, kinds, columns)``; zero outside stretches."""
        return self._curve_weight() @ self.splines.T

    def forward(self, kinds: Tensor, amounts: Tensor | None = None) -> Tensor:
        """Sum the functions of all items in each stretch.

        Args:
            kinds: kind of the item at each column, ``(n, columns)`` int64; ``self.kinds`` if there is no item.
            amounts: amount of the item at each column, ``(n, columns)``; None for 1 everywhere.

        Returns:
            Sums minus their means over the training sequences, ``(n, outputs, stretches)``.
        """
        weight = self._curve_weight()
        columns = kinds.shape[1]
        places = (kinds * columns + torch.arange(columns, device=kinds.device)).flatten()
        sums = []
        for curves in weight @ self.splines.T:
            # Columns without an item have the index of one of the zeros at the end.
            table = torch.cat([curves.flatten(), curves.new_zeros(columns)])
            values = table.index_select(0, places).view(kinds.shape)
            values = values if amounts is None else values * amounts
            sums.append(torch.stack([values[:, start:stop].sum(1) for start, stop in self.stretches], dim=1))
        return torch.stack(sums, dim=1) - self._at_mean(weight)

    def of_mixtures(self, x: Tensor) -> Tensor:
        """Compute the sums of :meth:`forward` from amounts of each kind at each column, ``x (n, kinds, columns)``."""
        weight = self._curve_weight()
        curves = weight @ self.splines.T
        sums = [
            x[:, :, start:stop].flatten(1) @ curves[:, :, start:stop].flatten(1).T for start, stop in self.stretches
        ]
        return torch.stack(sums, dim=2) - self._at_mean(weight)

    def moments(self) -> "PositionMoments":
        """Return an empty accumulator of the moments of ``Σ_t x[k,t]·B_g(t)``, for :meth:`standardise`."""
        return PositionMoments(self.splines, self.kinds)

    @torch.no_grad()
    def standardise(self, found: "PositionMoments") -> None:
        """Set ``mean`` and ``scale`` from the moments of the training sequences.

        The scale is the standard deviation, or 1 for values that are constant up to rounding errors. A scale below
        ``1/√number`` (about the scale for one item in one sequence) is raised to this value, because other sequences
        may have items of rare kinds at any position.

        Raises:
            ValueError: no sequences were added to ``found``.
        """
        if not found.number:
            raise ValueError("there are no sequences to compute means from")
        deviation = (found.scatter / found.number).sqrt()
        varies = deviation > 1e-4 * found.mean.abs().clamp(min=1e-2)
        self.mean.copy_(found.mean)
        self.scale.copy_(torch.where(varies, deviation.clamp(min=found.number**-0.5), 1.0))

    def _curve_weight(self) -> Tensor:
        """Return the coefficients ``gain·W/σ`` of the splines, ``(outputs, kinds, functions)``."""
        return self.weight * (self.gain / self.scale)

    def _at_mean(self, weight: Tensor) -> Tensor:
        """Return the mean of the sums over the training sequences, ``(outputs, stretches)``."""
        each = (weight * self.mean).sum(1)
        return torch.stack([each[:, functions].sum(1) for functions in self.functions], dim=1)


class PositionMoments:
    """Accumulator of the mean and variance of ``Σ_t x[k,t]·B_g(t)``, where ``x`` are the amounts of each kind ``k``.

    Batches are merged by the method of Chan, Golub and LeVeque (1983), which avoids the cancellation of large sums of
    squares.

    Attributes:
        number: number of sequences so far.
        mean: mean over the sequences, ``(kinds, functions)`` float64.
        scatter: sum of squared differences from the mean, ``(kinds, functions)`` float64.
    """

    def __init__(self, splines: Tensor, kinds: int) -> None:
        """Create an empty accumulator for splines ``(columns, functions)``."""
        self.splines, self.number = splines, 0
        self.mean, self.scatter = splines.new_zeros(2, kinds, splines.shape[1], dtype=torch.float64)

    @torch.no_grad()
    def add(self, x: Tensor) -> None:
        """Add a batch of sequences, given the amount of each kind at each column, ``x (n, kinds, columns)``."""
        counts = (x @ self.splines).double()
        mean, count = counts.mean(0), len(counts)
        step, total = mean - self.mean, self.number + count
        self.scatter += (counts - mean).square().sum(0) + step.square() * (self.number * count / total)
        self.mean += step * (count / total)
        self.number = total


def _splines(stretch: Stretch, order: int) -> Tensor:
    """Evaluate the splines of a stretch at its columns: ``(columns, functions)`` float64, 0 beyond its knots."""
    inner = torch.tensor(stretch.knots, dtype=torch.float64)
    knots = torch.cat([inner[:1].expand(order), inner, inner[-1:].expand(order)])
    basis = BSplines(order, len(inner) - 1, knots[None])
    return basis.values(torch.tensor(stretch.positions, dtype=torch.float64)[:, None])[:, 0]
