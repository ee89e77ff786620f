"""The sum of curves over edges in chunks, forwards and backwards: where a KAN layer's time goes.

In: ``(n, …, inputs)`` numbers and weights. Out: ``(n, …, outputs)``, and gradients. Normalisation, basis and SiLU are
made for a chunk at a time and made again for the gradients: memory grows with the inputs and not with the basis.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from kanseq.nn.basis import Basis
from kanseq.nn.products import Product
from kanseq.nn.tables import Table, as_words, may_be_looked_up, table_of


class Plan(NamedTuple):
    """What of a layer is not a tensor.

    Attributes:
        basis: the functions on its edges.
        product: how features and weights are multiplied.
        operands: the type to which products' operands are rounded; the inputs' own for none.
        epsilon: what the LayerNorm over the inputs adds to the variance; ``None`` for no LayerNorm.
        residual: whether the inputs themselves are added to the sums, which have their shape.
    """

    basis: Basis
    product: Product
    operands: torch.dtype
    epsilon: float | None
    residual: bool = False

    def over(self, tensors: Sequence[Tensor]) -> "Plan":
        """Give the same plan with other :meth:`kanseq.nn.basis.Basis.tensors`."""
        return self._replace(basis=self.basis.over(tuple(tensors)))


class Given(NamedTuple):
    """What gradients are taken by.

    Attributes:
        x: ``(n, …, inputs)``; its order in memory does not matter.
        scale: ``(inputs,)``, the basis's units per unit of the (normalised) input.
        shift: ``(inputs,)``, where the basis has its normalised input 0; without LayerNorm the input that it has at 0.
        weight: ``(outputs, …, size)``, see the product.
        base_weight: the same without ``size``; ``None`` for no SiLU branch.
        bias: ``(outputs,)`` or ``None``.
    """

    x: Tensor
    scale: Tensor
    shift: Tensor
    weight: Tensor
    base_weight: Tensor | None
    bias: Tensor | None


GIVEN = len(Given._fields)


def sums_in_chunks(given: Given, plan: Plan) -> Tensor:
    """Compute :func:`kanseq.nn.curves.sum_of_curves`."""
    x, scale, shift, weight, base_weight, bias = given
    product, operands = plan.product, plan.operands
    matrix = product.matrix(weight).to(operands)
    # Where rounded products are no more than some times faster, one exact product costs less than two that make it up.
    branch = x.dtype if x.device.type == "cpu" else operands
    base = None if base_weight is None else product.matrix(base_weight[..., None]).to(branch)
    y = x.new_empty(product.shape(x.shape, len(weight)))
    work = _Workspace(x, scale, shift, plan, slopes=False)
    for part, chunk in work.chunks():
        inputs, into = x[part].contiguous(), y[part]
        product.write(chunk.fill(inputs), matrix, out=into)
        if base is not None:
            product.write(functional.silu(inputs).to(branch), base, out=into, add=True, whole=True)
        if bias is not None:
            into += bias
        if plan.residual:
            into += inputs
    return y


def gradients_in_chunks(g: Tensor, given: Given, wanted: Sequence[bool], plan: Plan) -> list[Tensor | None]:
    """Make the gradients by those of the six tensors that are wanted; ``None`` for others."""
    x, scale, shift, weight, base_weight, _ = given
    wants_x, wants_scale, wants_shift, wants_weight, wants_base, wants_bias = wanted
    product, operands = plan.product, plan.operands
    matrix = product.matrix(weight).to(operands)
    base = None if base_weight is None else product.matrix(base_weight[..., None]).to(operands)
    grad_x = torch.empty_like(x) if wants_x else None
    # Where there are rows, the first chunk writes; where there are none, nothing does.
    blank = torch.empty_like if x.numel() else torch.zeros_like
    grad_matrix = blank(matrix, dtype=x.dtype) if wants_weight else None
    grad_base = blank(base, dtype=x.dtype) if wants_base else None
    wants_u = wants_x or wants_scale or wants_shift
    grad_scale, grad_shift = torch.zeros_like(scale), torch.zeros_like(shift)
    work = _Workspace(x, scale, shift, plan, slopes=wants_u)
    for part, chunk in work.chunks():
        inputs, h = x[part].contiguous(), g[part].to(operands).contiguous()
        turned = product.turned(h)
        features = chunk.fill(inputs)
        if grad_matrix is not None:
            product.weight_gradient(turned, features, grad_matrix, add=part.start > 0)
        if grad_base is not None:
            given = functional.silu(inputs).to(operands)
            product.weight_gradient(turned, given, grad_base, add=part.start > 0, whole=True)
        if wants_u:
            product.input_gradient(h, matrix, out=features)
            by_x, by_scale, by_shift = chunk.pull(inputs, (wants_x, wants_scale, wants_shift))
            if wants_scale:
                grad_scale += by_scale
            if wants_shift:
                grad_shift += by_shift
        if grad_x is not None:
            into = grad_x[part]
            if base is None:
                into.copy_(by_x)
            else:
                pulled = torch.empty_like(inputs, dtype=operands)
                product.input_gradient(h, base, out=pulled)
                torch.add(by_x, torch.ops.aten.silu_backward(pulled.to(x.dtype), inputs), out=into)
            if plan.residual:
                into += g[part]
    return [
        grad_x,
        grad_scale if wants_scale else None,
        grad_shift if wants_shift else None,
        None if grad_matrix is None else product.weight(grad_matrix, plan.basis.size),
        None if grad_base is None else product.weight(grad_base, 1)[..., 0],
        g.sum(tuple(range(g.ndim - 1))) if wants_bias else None,
    ]


CHUNK = 2**22
"""Bytes of basis that are held at a time on a processor: about its cache."""

GPU_CHUNK = 2**28
"""The same on a GPU, where a kernel should be worth its launch."""

LEAST = 256
"""Rows that a chunk has at least: each costs a pass over the weights' gradient, too."""

BLOCK = 2**19
"""Bytes of a chunk's slopes that are held at a time where features are rounded and slopes are not."""

GROUP = 16
"""Positions whose slopes are summed by one row of a product."""


class _Workspace:
    """Memory for one chunk's basis, used again for the next."""

    def __init__(self, x: Tensor, scale: Tensor, shift: Tensor, plan: Plan, slopes: bool) -> None:
        self.x, self.plan = x, plan
        self.rounds = plan.operands != x.dtype
        self.scale, self.shift = scale, shift
        self.place = (scale, shift)
        self.table: Table | None = None
        if self.rounds and may_be_looked_up(plan.basis):
            self.table = table_of(plan.basis, plan.operands, x.device)
            steps = plan.basis.steps
            offset = self.table.offset
            self.place = (scale * steps, shift if plan.epsilon is None else torch.add(offset, shift, alpha=steps))
        size, on_cpu = plan.basis.size, x.device.type == "cpu"
        positions, rows = (max(1, math.prod(extents)) for extents in (x.shape[1:], x.shape[1:-1]))
        fits = (CHUNK if on_cpu else GPU_CHUNK) // (size * plan.operands.itemsize * positions)
        self.height = min(len(x), max(1, fits, LEAST // rows))
        room = _whole(self.height * positions) * size
        self.features = x.new_empty(room, dtype=plan.operands)
        self.exact = x.new_empty(room) if self.rounds and self.table is None else None
        self.rates = x.new_empty(room) if slopes and self.table is None else None
        if slopes and self.rounds:
            self.block = max(1, (BLOCK if on_cpu else GPU_CHUNK) // (GROUP * size * x.itemsize)) * GROUP
            room = min(room, self.block * size)
            self.pulled, self.steep = x.new_empty(room), x.new_empty(room)
        self.ones = _ones(size, x) if slopes and on_cpu else None

    def chunks(self) -> Iterator[tuple[slice, "_Chunk"]]:
        """Yield ranges of the first axis, each with memory of their height."""
        chunk = None
        for start in range(0, len(self.x), max(1, self.height)):
            part = slice(start, min(start + self.height, len(self.x)))
            if chunk is None or part.stop - part.start != self.height:
                chunk = _Chunk(self, part.stop - part.start)
            yield part, chunk


class _Chunk:
    """The memory of a workspace, seen as the basis of a chunk of some height."""

    def __init__(self, work: _Workspace, height: int) -> None:
        self.work = work
        self.shape = (height, *work.x.shape[1:])
        self.positions = math.prod(self.shape)
        self.values = self._view(work.features)
        width = self.shape[-1] * work.plan.basis.size
        self.features = work.features[: self.positions * work.plan.basis.size].view(*self.shape[:-1], width)
        self.exact = self.values if work.exact is None else self._view(work.exact)
        self.rates = None if work.rates is None else self._view(work.rates)
        if work.table is not None:
            self.index = work.x.new_empty(self.positions, dtype=torch.int32)
            self.table, self.words = as_words(work.table.values), as_words(self.values)

    def _view(self, memory: Tensor) -> Tensor:
        """See memory as ``(n, …, inputs, size)``."""
        size = self.work.plan.basis.size
        memory = memory[: self.positions * size]
        if self.work.plan.product.size_first:
            return memory.view(*self.shape[:-1], size, self.shape[-1]).transpose(-1, -2)
        return memory.view(*self.shape, size)

    def fill(self, x: Tensor) -> Tensor:
        """Make the features ``(n, …, inputs·size)`` of inputs ``(n, …, inputs)``, and what :meth:`pull` needs."""
        work = self.work
        (scale, shift), epsilon = work.place, work.plan.epsilon
        if epsilon is None:
            u = (x - shift).mul_(scale)
            if work.table is not None:
                u += work.table.offset
        else:
            u, self.mean, self.deviation = torch.native_layer_norm(x, x.shape[-1:], scale, shift, epsilon)
        if work.table is not None:
            work.table.rows(u.view(-1), out=self.index)
            torch.index_select(self.table, 0, self.index, out=self.words)
        else:
            work.plan.basis.fill(u, self.exact, self.rates)
            if work.rounds:
                self.values.copy_(self.exact)
        return self.features

    def pull(self, x: Tensor, wanted: tuple[bool, bool, bool]) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Carry gradients by the features, that now stand in their place, to ``x``, scale and shift."""
        g = self._by_positions().view(self.shape)
        work = self.work
        if work.plan.epsilon is not None:
            return torch.ops.aten.native_layer_norm_backward(
                g, x, x.shape[-1:], self.mean, self.deviation, work.scale, work.shift, wanted
            )
        by_x = g * work.scale
        return (
            by_x,
            (g * (x - work.shift)).flatten(0, -2).sum(0) if wanted[1] else None,
            -by_x.flatten(0, -2).sum(0) if wanted[2] else None,
        )

    def _by_positions(self) -> Tensor:
        """Sum gradients by the features, times slopes, over the basis: ``(positions,)``."""
        work, size = self.work, self.work.plan.basis.size
        if work.rounds:
            g = self._by_blocks(work.ones)
            # What is not a number is still none when it is multiplied by 0, and must not reach its neighbours.
            return g if work.ones is None or g.sum().isfinite() else self._by_blocks(None)
        self.values.mul_(self.rates)
        if work.plan.product.size_first:
            return self.values.sum(-1)
        g = work.x.new_empty(_whole(self.positions))
        found = _sums(work.features, self.positions, size, g, work.ones)
        if work.ones is None or found.sum().isfinite():
            return found
        return _sums(work.features, self.positions, size, g, None)

    def _by_blocks(self, ones: Tensor | None) -> Tensor:
        """Widen gradients by the features, and do a few at a time with them what :meth:`_by_positions` says."""
        work, size = self.work, self.work.plan.basis.size
        g = work.x.new_empty(_whole(self.positions))
        for start in range(0, self.positions, work.block):
            stop = min(start + work.block, self.positions)
            part, used = slice(start * size, stop * size), (stop - start) * size
            pulled = work.pulled[:used].copy_(work.features[part])
            if work.table is None:
                pulled.mul_(work.rates[part])
            else:
                rates = work.steep[:used]
                torch.index_select(work.table.slopes, 0, self.index[start:stop], out=rates.view(-1, size))
                pulled.mul_(rates)
            _sums(work.pulled, stop - start, size, g[start:], ones)
        return g[: self.positions]


def _sums(memory: Tensor, count: int, size: int, out: Tensor, ones: Tensor | None) -> Tensor:
    """Sum ``count`` neighbouring runs of ``size`` numbers into ``out``, at once with :func:`_ones` or run by run.

    With ones, both ends need room for whole groups.
    """
    if ones is None:
        return torch.sum(memory[: count * size].view(-1, size), -1, out=out[:count])
    whole = _whole(count)
    memory[count * size : whole * size].zero_()
    torch.mm(memory[: whole * size].view(-1, GROUP * size), ones, out=out[:whole].view(-1, GROUP))
    return out[:count]


def _whole(count: int) -> int:
    """Round up to whole groups."""
    return -(-count // GROUP) * GROUP


def _ones(size: int, like: Tensor) -> Tensor:
    """``(GROUP·size, GROUP)``: a column of ones for each run.

    On a processor a sum over so short an axis is slow, and a product with ones is not, once it takes several runs a
    row.
    """
    return torch.eye(GROUP, dtype=like.dtype, device=like.device).repeat_interleave(size, dim=0)
