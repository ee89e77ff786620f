"""B-splines of any order on equally spaced or arbitrary knots, computed where they are not zero.

In: positions ``u``. Out: the values and slopes of every spline of the grid there.
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

    Without knots, ``u`` counts intervals from the grid's first, and function ``g`` is not zero on
    ``[g − order, g + 1)``. With knots, ``u`` is in their units, its last axes are all but the last axis of the knots,
    and the function is not zero on ``[knots[g], knots[g + order + 1])``. Intervals are closed on the left and open on
    the right; intervals of length 0 contribute nothing.

    Attributes:
        order: degree of the splines.
        intervals: intervals of the grid before it is extended.
        knots: ``(inputs, intervals + 2·order + 1)``, never decreasing; a single row is shared by all inputs.
    """

    order: int = 3
    intervals: int = 5
    knots: Tensor | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Check the order, the intervals and the shape of the knots."""
        if self.order < 0 or self.intervals < 1:
            raise ValueError(f"order ≥ 0 and intervals ≥ 1 are required: {self.order} and {self.intervals}")
        wanted = self.intervals + 2 * self.order + 1
        if self.knots is not None and self.knots.shape[-1:] != (wanted,):
            raise ValueError(f"{wanted} knots per input are required: {tuple(self.knots.shape)}")

    @property
    def size(self) -> int:
        """Number of functions."""
        return self.intervals + self.order

    @property
    def domain(self) -> tuple[float, float] | None:
        """The extended grid; ``None`` on knots, and for orders with jumps in values or slopes (0 and 1)."""
        smooth = self.knots is None and self.order >= 2
        return (-float(self.order), float(self.intervals + self.order)) if smooth else None

    @property
    def span(self) -> tuple[float, float] | None:
        """The grid before it is extended; ``None`` on knots, which already have positions."""
        return (0.0, float(self.intervals)) if self.knots is None else None

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the knots, if any."""
        return () if self.knots is None else (self.knots,)

    def over(self, tensors: tuple[Tensor, ...]) -> "BSplines":
        """Return the same basis with other knots."""
        return replace(self, knots=tensors[0] if tensors else None)

    def of(self, inputs: Tensor) -> "BSplines":
        """Return the basis of some inputs, for ``u (points, *inputs.shape)``."""
        if self.knots is None:
            return self
        return replace(self, knots=self.knots[inputs if len(self.knots) > 1 else 0])

    def values(self, u: Tensor) -> Tensor:
        """Evaluate the splines by the recursion of de Boor and Cox: ``(…)`` to ``(…, size)``."""
        knots = self._knots(u)
        # Far outside, positions could be infinite, and zero times infinity is NaN.
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
        """Write the splines and, if requested, their slopes. Only the ``order + 1`` that are not zero are computed."""
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
        """Fill by the closed form, in ``order + 1`` lanes, each of every ``order + 1``-th spline.

        At a position, only one spline of a lane, in its turn, is not zero. Around its middle it is
        ``Σ_k (−1)^k·C(order + 1, k)·max(0, (order + 1)/2 − k − |u|)^order / order!``.
        """
        order, turns = self.order, self.order + 1
        # In memory, the basis is either after the inputs or before them.
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
            # Zero where it is another spline's turn. A comparison takes several times as long.
            wrong = turn.narrow(axis, 0, count)
            here = torch.addcmul(whole, wrong, wrong, value=-share).clamp_(min=0)
            for lane, functions in zip(lanes, made, strict=True):
                torch.mul(functions.narrow(axis, 0, count), here, out=lane.narrow(axis, start, count))
            turn.sub_(1)

    def _fill_by_intervals(self, u: Tensor, outs: list[Tensor]) -> None:
        """Fill by finding each position's interval, computing its functions, and scattering them to their places.

        There are ``order + 1`` extra places on both sides for functions outside the family.
        """
        order, knots = self.order, self._knots(u)
        around = u.shape[u.ndim - knots.ndim + 1 :]
        rows = knots.expand(*around, -1).reshape(-1, knots.shape[-1]).contiguous()
        columns = u.reshape(-1, len(rows)).t().contiguous()
        # The number of knots up to a position is the place of the first function that is not zero there.
        place = torch.searchsorted(rows, columns, right=True).t().reshape(u.shape)
        padded = torch.cat([rows[:, :1].expand(-1, order), rows, rows[:, -1:].expand(-1, order)], dim=1)
        at = place + (torch.arange(len(rows), device=u.device) * padded.shape[1]).view(around)
        padded = padded.flatten()
        left = [u - padded[order - 1 - s :].take(at) for s in range(order)]
        right = [padded[order + r :].take(at) - u for r in range(order)]
        # Zero, or NaN where the position is NaN.
        nothing = u.clamp(0, 0)
        places = u.new_empty(self.size + 2 * (order + 1), *u.shape)
        for out, pieces in zip(outs, _pieces(nothing, left, right), strict=False):
            places.zero_()
            for k, piece in enumerate(pieces):
                places[k:].scatter_(0, place[None], piece[None])
            torch.add(places[order + 1 : -order - 1], nothing, out=out.movedim(-1, 0))

    def _knots(self, u: Tensor) -> Tensor:
        """Return the knots in the dtype of positions."""
        if self.knots is not None:
            return self.knots.to(u)
        return torch.arange(-self.order, self.intervals + self.order + 1, dtype=u.dtype, device=u.device)


TILE = 2**13
"""Positions whose splines are computed at a time on a CPU: few enough for its inner cache."""

CLOSED = range(2, 6)
"""Orders computed by the closed form: lower ones jump at knots, and in higher ones large numbers cancel."""


def _power(x: Tensor, exponent: int) -> Tensor:
    """Return a power of ``x``, with an exponent from 1 to 4, by products."""
    square = x if exponent == 1 else x * x
    return square if exponent <= 2 else square * (x if exponent == 3 else square)


def _pieces(nothing: Tensor, left: list[Tensor], right: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Build the ``order + 1`` functions of an interval, and their slopes, from those of lower order.

    ``left`` and ``right`` are the distances from the ``order`` knots on either side, the nearest first.
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
