"""Compute KAN layers (sums of learned functions of edges) and their gradients in chunks, to save memory.

In: inputs ``(n, …, inputs)`` and weights. Out: outputs ``(n, …, outputs)``, and gradients. Normalisation, basis
functions and SiLU are computed per chunk, and again for the gradients: memory does not grow with the size of the basis.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from kanseq.nn.bases.basis import Basis
from kanseq.nn.kernels.lookup import BasisTable, as_words, may_be_looked_up, table_of
from kanseq.nn.kernels.products import Product


class CurvePlan(NamedTuple):
    """The properties of a KAN layer, other than its tensors, that determine its computation.

    Attributes:
        basis: the family of basis functions.
        product: the product of features (values of basis functions) and weights.
        operands: the dtype to which the operands of products are rounded; the dtype of the inputs for no rounding.
        epsilon: the value that LayerNorm adds to the variance; ``None`` for no LayerNorm.
        residual: whether the inputs are added to the outputs, which must have the same shape.
    """

    basis: Basis
    product: Product
    operands: torch.dtype
    epsilon: float | None
    residual: bool = False

    def over(self, tensors: Sequence[Tensor]) -> "CurvePlan":
        """Return a copy of the plan in which the tensors of the basis are replaced, see :meth:`.Basis.over`."""
        return self._replace(basis=self.basis.over(tuple(tensors)))


class Given(NamedTuple):
    """The inputs and parameters of a KAN layer. Gradients can be computed with respect to each of them.

    Attributes:
        x: inputs, ``(n, …, inputs)``, in any memory order.
        scale: units of the basis per unit of the (normalised) input, ``(inputs,)``.
        shift: with LayerNorm, the position ``u`` of the normalised input 0; without LayerNorm, the input at position 0;
            ``(inputs,)``.
        weight: weights of the basis functions, ``(outputs, …, size)``, see :class:`.Product`.
        base_weight: weights of the SiLU branches, ``(outputs, …)``; ``None`` for no SiLU branch.
        bias: biases, ``(outputs,)``; ``None`` for no bias.
    """

    x: Tensor
    scale: Tensor
    shift: Tensor
    weight: Tensor
    base_weight: Tensor | None
    bias: Tensor | None


GIVEN = len(Given._fields)


def sums_in_chunks(given: Given, plan: CurvePlan) -> Tensor:
    """Compute the outputs of a KAN layer, chunk by chunk; see :func:`kanseq.nn.kernels.curves.sum_of_curves`."""
    x, scale, shift, weight, base_weight, bias = given
    product, operands = plan.product, plan.operands
    matrix = product.matrix(weight).to(operands)
    # On a CPU, rounded products are only a few times faster: one exact product is faster than two rounded ones.
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


def gradients_in_chunks(g: Tensor, given: Given, wanted: Sequence[bool], plan: CurvePlan) -> list[Tensor | None]:
    """Compute the gradients of a KAN layer's inputs and parameters, chunk by chunk.

    Args:
        g: gradient of the outputs, ``(n, …, outputs)``.
        given: inputs and parameters of the layer.
        wanted: for each tensor of ``given``, whether its gradient is required.
        plan: the other properties of the layer.

    Returns:
        For each tensor of ``given``, its gradient; ``None`` if it is not required.
    """
    x, scale, shift, weight, base_weight, _ = given
    wants_x, wants_scale, wants_shift, wants_weight, wants_base, wants_bias = wanted
    product, operands = plan.product, plan.operands
    matrix = product.matrix(weight).to(operands)
    base = None if base_weight is None else product.matrix(base_weight[..., None]).to(operands)
    grad_x = torch.empty_like(x) if wants_x else None
    # The first chunk overwrites the memory. Without rows there is no chunk, so zeros are required.
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
"""Bytes of basis-function values per chunk on a CPU: about the size of its cache."""

GPU_CHUNK = 2**28
"""Bytes of basis-function values per chunk on a GPU, where chunks must be large enough to outweigh kernel launches."""

LEAST = 256
"""Minimum number of rows per chunk, because each chunk also requires a pass over the gradient of the weights."""

BLOCK = 2**19
"""Bytes of slopes per block of a chunk on a CPU, if features are rounded and slopes are not."""

GROUP = 16
"""Number of positions per row of the matrix product that sums over basis functions, see :func:`_ones`."""


class _Workspace:
    """Memory for the values and slopes of basis functions of one chunk, which is reused for all chunks."""

    def __init__(self, x: Tensor, scale: Tensor, shift: Tensor, plan: CurvePlan, slopes: bool) -> None:
        self.x, self.plan = x, plan
        self.rounds = plan.operands != x.dtype
        self.scale, self.shift = scale, shift
        self.place = (scale, shift)
        self.table: BasisTable | None = None
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
        """Yield each chunk: its range of the first axis of ``x``, and the memory for its basis functions."""
        chunk = None
        for start in range(0, len(self.x), max(1, self.height)):
            part = slice(start, min(start + self.height, len(self.x)))
            if chunk is None or part.stop - part.start != self.height:
                chunk = _Chunk(self, part.stop - part.start)
            yield part, chunk


class _Chunk:
    """Tensors for a chunk of ``height`` rows, as views of the memory of a workspace."""

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
        """View flat memory as values of basis functions, ``(n, …, inputs, size)``."""
        size = self.work.plan.basis.size
        memory = memory[: self.positions * size]
        if self.work.plan.product.size_first:
            return memory.view(*self.shape[:-1], size, self.shape[-1]).transpose(-1, -2)
        return memory.view(*self.shape, size)

    def fill(self, x: Tensor) -> Tensor:
        """Return the features (values of basis functions), ``(n, …, inputs·size)``, of inputs ``x (n, …, inputs)``.

        Intermediate values are stored for :meth:`pull`.
        """
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
        """Compute the gradients of ``x``, scale and shift from the gradients of the features.

        The gradients of the features must be in the memory of the features. ``wanted`` states which of the three
        gradients are required. The gradients of scale and shift are None if they are not required.
        """
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
        """Return the gradients of the positions ``u``, ``(positions,)``.

        These are the gradients of the features times their slopes, summed over the basis functions.
        """
        work, size = self.work, self.work.plan.basis.size
        if work.rounds:
            g = self._by_blocks(work.ones)
            # In a product with ones, a NaN would spread to neighbouring positions, because NaN times 0 is NaN.
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
        """Compute :meth:`_by_positions` in blocks, with gradients of the features converted to the dtype of ``x``."""
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
    """Sum each of ``count`` consecutive segments of ``size`` numbers into ``out``.

    Args:
        memory: the numbers; with ``ones``, it must have space for a multiple of :data:`GROUP` segments.
        count: number of segments.
        size: numbers per segment.
        out: output tensor; with ``ones``, it must have space for a multiple of :data:`GROUP` sums.
        ones: the matrix of :func:`_ones`, to compute the sums as a matrix product; None for plain sums.

    Returns:
        The sums, ``(count,)``.
    """
    if ones is None:
        return torch.sum(memory[: count * size].view(-1, size), -1, out=out[:count])
    whole = _whole(count)
    memory[count * size : whole * size].zero_()
    torch.mm(memory[: whole * size].view(-1, GROUP * size), ones, out=out[:whole].view(-1, GROUP))
    return out[:count]


def _whole(count: int) -> int:
    """Round ``count`` up to a multiple of :data:`GROUP`."""
    return -(-count // GROUP) * GROUP


def _ones(size: int, like: Tensor) -> Tensor:
    """Return a matrix ``(GROUP·size, GROUP)`` of zeros and ones that sums :data:`GROUP` segments of ``size`` numbers.

    On a CPU, a sum over such a short axis is slow. A matrix product is fast if a row contains several segments.
    """
    return torch.eye(GROUP, dtype=like.dtype, device=like.device).repeat_interleave(size, dim=0)
