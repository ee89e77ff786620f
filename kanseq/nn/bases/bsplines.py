"""B-splines of any degree on equally spaced or arbitrary knots.

In: positions ``u``. Out: values and slopes of all B-splines of a grid at ``u``.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import comb, factorial

import torch
from torch import Tensor

from kanseq.nn.bases.basis import Basis


@dataclass(frozen=True)
class BSplines(Basis):
    """The B-splines on a grid that is extended by ``order`` knots on both sides (de Boor 1978, chapter IX).

    If ``knots`` is None, the grid is equally spaced: the unit of ``u`` is one interval, ``u = 0`` is the start of the
    grid, and B-spline ``g`` is not zero on ``[g − order, g + 1)``. Otherwise, ``u`` is in the units of the knots, and
    B-spline ``g`` is not zero on ``[knots[g], knots[g + order + 1])``. The last axes of ``u`` are then the axes of
    ``knots`` without the last one. Intervals are closed on the left and open on the right; intervals of length 0
    contribute nothing.

    Attributes:
        order: degree of the splines.
        intervals: number of intervals of the grid before it is extended.
        knots: knots of the extended grid for each input, ``(inputs, intervals + 2·order + 1)``, in non-decreasing
            order; a single row is shared by all inputs. None for an equally spaced grid.
    """

    order: int = 3
    intervals: int = 5
    knots: Tensor | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Check ``order``, ``intervals`` and the shape of ``knots``; raise ValueError if one is invalid."""
        if self.order < 0 or self.intervals < 1:
            raise ValueError(f"order ≥ 0 and intervals ≥ 1 are required: {self.order} and {self.intervals}")
        expected = self.intervals + 2 * self.order + 1
        if self.knots is not None and self.knots.shape[-1:] != (expected,):
            raise ValueError(f"{expected} knots per input are required: {tuple(self.knots.shape)}")

    @property
    def size(self) -> int:
        """Number of B-splines."""
        return self.intervals + self.order

    @property
    def domain(self) -> tuple[float, float] | None:
        """The extended grid as an interval of ``u``, outside of which all B-splines are 0.

        None (no lookup table) with ``knots``, or if ``order`` is 0 or 1, because values or slopes then have jumps.
        """
        smooth = self.knots is None and self.order >= 2
        return (-float(self.order), float(self.intervals + self.order)) if smooth else None

    @property
    def span(self) -> tuple[float, float] | None:
        """The grid before it is extended, as an interval of ``u``; None with ``knots``."""
        return (0.0, float(self.intervals)) if self.knots is None else None

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the knots in a tuple; an empty tuple without knots."""
        return () if self.knots is None else (self.knots,)

    def over(self, tensors: tuple[Tensor, ...]) -> "BSplines":
        """Return a copy of the basis with the given knots, in a tuple as returned by :meth:`tensors`."""
        return replace(self, knots=tensors[0] if tensors else None)

    def of(self, inputs: Tensor) -> "BSplines":
        """Return the basis for the inputs with the given indices, to evaluate it at ``u (points, *inputs.shape)``."""
        if self.knots is None:
            return self
        return replace(self, knots=self.knots[inputs if len(self.knots) > 1 else 0])

    def values(self, u: Tensor) -> Tensor:
        """Evaluate all B-splines at positions ``(…)`` by the Cox–de Boor recursion: ``(…, size)``."""
        knots = self._knots(u)
        # Positions may be infinite, and zero times infinity would be NaN.
        near = u.clamp(knots[..., 0], knots[..., -1])[..., None]
        x = u[..., None]
        made = ((x >= knots[..., :-1]) & (x < knots[..., 1:])).to(u) + 0 * near
        for k in range(1, self.order + 1):
            spans = knots[..., k:] - knots[..., :-k]
            shares = torch.where(spans > 0, 1 / torch.where(spans > 0, spans, 1), 0)
            rising = (near - knots[..., : -k - 1]) * shares[..., :-1]
            falling = (knots[..., k + 1 :] - near) * shares[..., 1:]
            made = rising * made[..., :-1] + falling * made[..., 1:]
        return made

    def fill(self, u: Tensor, values: Tensor, slopes: Tensor | None = None) -> None:
        """Write the values of all B-splines and, if requested, their slopes.

        Only the ``order + 1`` B-splines that are not zero at a position are computed.
        """
        equal = self.knots is None and self.order in CLOSED
        tile = u.numel() if u.device.type != "cpu" else TILE if equal else 4 * TILE
        height = max(1, tile * len(u) // max(1, u.numel()))
        for start in range(0, len(u) if u.numel() else 0, height):
            part = slice(start, start + height)
            outs = [out[part] for out in (values, slopes) if out is not None]
            if equal:
                self._fill_by_turns(u[part], outs)
            else:
                self._fill_by_intervals(u[part], outs)

    def _fill_by_turns(self, u: Tensor, outs: list[Tensor]) -> None:
        """Write values, and slopes if ``outs`` has two tensors, for an equally spaced grid by a closed form.

        The B-splines are divided into ``order + 1`` lanes; a lane contains every ``order + 1``-th B-spline. At any
        position, only one B-spline per lane is not zero. At distance ``|u|`` from its middle, it has the value
        ``Σ_k (−1)^k·C(order + 1, k)·max(0, (order + 1)/2 − k − |u|)^order / order!``.
        """
        order, turns = self.order, self.order + 1
        # In memory, the axis of the B-splines is the last or the last but one.
        axis = -1 if outs[0].stride(-1) == 1 else -2
        middles = torch.arange(turns, dtype=u.dtype, device=u.device) + (turns / 2 - order)
        off = u.clamp(-order, self.size).unsqueeze(axis) - (middles if axis == -1 else middles[:, None])
        turn = (off * (1 / turns)).round_()
        off.sub_(turn, alpha=turns)
        left = turns / 2 - off.abs()
        power = _power(left, order - 1)
        made = [power * left, power * order][: len(outs)]
        for k in range(1, order // 2 + 1):
            left = left.sub_(1).clamp_(min=0)
            power = _power(left, order - 1)
            share = (-1) ** k * comb(turns, k)
            made[0].addcmul_(power, left, value=share)
            if len(made) > 1:
                made[1].add_(power, alpha=order * share)
        if len(made) > 1:
            made[1].mul_(off.sign_().neg_())
        share = 1 / factorial(order)
        whole = turn.new_full((), share)
        lanes = [out.movedim(-1, axis) for out in outs]
        for k in range(-(-self.size // turns)):
            start, count = k * turns, min(turns, self.size - k * turns)
            # Zero where another B-spline of the lane is not zero. A comparison would take several times as long.
            wrong = turn.narrow(axis, 0, count)
            here = torch.addcmul(whole, wrong, wrong, value=-share).clamp_(min=0)
            for lane, functions in zip(lanes, made, strict=True):
                torch.mul(functions.narrow(axis, 0, count), here, out=lane.narrow(axis, start, count))
            turn.sub_(1)

    def _fill_by_intervals(self, u: Tensor, outs: list[Tensor]) -> None:
        """Write values, and slopes if ``outs`` has two tensors, for any knots and order.

        For each position, find its interval between knots, compute the B-splines of this interval, and scatter them
        to their indices. The scattered tensor has ``order + 1`` extra indices on both sides, for B-splines that do not
        belong to the grid.
        """
        order, knots = self.order, self._knots(u)
        around = u.shape[u.ndim - knots.ndim + 1 :]
        rows = knots.expand(*around, -1).reshape(-1, knots.shape[-1]).contiguous()
        columns = u.reshape(-1, len(rows)).t().contiguous()
        # The number of knots up to a position is the (shifted) index of the first B-spline that is not zero there.
        place = torch.searchsorted(rows, columns, right=True).t().reshape(u.shape)
        padded = torch.cat([rows[:, :1].expand(-1, order), rows, rows[:, -1:].expand(-1, order)], dim=1)
        at = place + (torch.arange(len(rows), device=u.device) * padded.shape[1]).view(around)
        padded = padded.flatten()
        left = [u - padded[order - 1 - s :].take(at) for s in range(order)]
        right = [padded[order + r :].take(at) - u for r in range(order)]
        # Zeros, but NaN where the position is NaN.
        nothing = u.clamp(0, 0)
        places = u.new_empty(self.size + 2 * (order + 1), *u.shape)
        for out, pieces in zip(outs, _pieces(nothing, left, right), strict=False):
            places.zero_()
            for k, piece in enumerate(pieces):
                places[k:].scatter_(0, place[None], piece[None])
            torch.add(places[order + 1 : -order - 1], nothing, out=out.movedim(-1, 0))

    def _knots(self, u: Tensor) -> Tensor:
        """Return the knots, or the knots of the equally spaced grid, in the dtype of positions ``u``."""
        if self.knots is not None:
            return self.knots.to(u)
        return torch.arange(-self.order, self.intervals + self.order + 1, dtype=u.dtype, device=u.device)


TILE = 2**13
"""Number of positions per tile on a CPU, small enough that the B-splines of a tile fit into the inner cache."""

CLOSED = range(2, 6)
"""Orders for which the closed form is used. Lower orders have jumps at knots; for higher ones, large numbers cancel."""


def _power(x: Tensor, exponent: int) -> Tensor:
    """Return ``x`` to the power of an exponent from 1 to 4, by multiplication."""
    square = x if exponent == 1 else x * x
    return square if exponent <= 2 else square * (x if exponent == 3 else square)


def _pieces(nothing: Tensor, left: list[Tensor], right: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Compute the ``order + 1`` B-splines that are not zero at each position, by recursion over the order.

    Args:
        nothing: zeros of the shape of the positions.
        left: distances from each position to the ``order`` knots on its left, the nearest first.
        right: the same for the knots on its right.

    Returns:
        The values and the slopes of these B-splines.
    """
    order = len(left)
    pieces, rates = [nothing + 1], [nothing]
    for k in range(1, order + 1):
        pieces = [piece / (right[r] + left[k - 1 - r]) for r, piece in enumerate(pieces)]
        if k == order:
            between = [(before - after) * order for before, after in pairwise(pieces)]
            rates = [pieces[0] * -order, *between, pieces[-1] * order]
        pieces = [
            right[0] * pieces[0],
            *(torch.addcmul(right[r] * pieces[r], left[k - r], pieces[r - 1]) for r in range(1, k)),
            left[0] * pieces[-1],
        ]
    return pieces, rates
