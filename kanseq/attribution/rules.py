"""Attribution rules: distribute the difference between two outputs of an operation over its inputs, without remainder.

In: inputs of an operation, and multipliers of its output. Out: multipliers of its inputs, with
``Σ m_in·(x − r) = Σ m_out·(f(x) − f(r))`` for every gene ``x`` and each of its references ``r``.

Tensors are *stacks*: the first axis consists of ``sides`` blocks with the same number of rows: all genes, then the
first reference of each gene, then the second one, and so on. A multiplier belongs to a gene and a reference, and is
stored in the row of the reference; the rows of genes contain zeros. Linear operations need no rule: for them,
multipliers propagate like gradients. *Moving* tensors are those that depend on the network's input.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional

from kanseq.nn.bases.basis import Basis
from kanseq.nn.bases.bsplines import BSplines
from kanseq.nn.kernels.chunks import GIVEN, CurvePlan, Given, sums_in_chunks
from kanseq.nn.kernels.products import PRODUCTS, ConvolutionProduct

Run: TypeAlias = Callable[..., Tensor]
Pull: TypeAlias = Callable[..., tuple[Tensor | None, ...]]


@dataclass(frozen=True)
class Rule:
    """An operation on stacks, and its backward pass for multipliers.

    Attributes:
        run: maps the input tensors to the output tensor.
        pull: maps ``(m, *tensors)``, the multipliers of the output and the input tensors, to the multipliers of the
            input tensors. Multipliers are ``(references, rows, …)``, and moving tensors ``(sides, rows, …)``.
    """

    run: Run
    pull: Pull

    def __call__(self, sides: int, *tensors: Tensor | None) -> Tensor:
        """Run the operation; in the backward pass, the gradient of its result is treated as multipliers."""
        return _Carried.apply(self, sides, *tensors)


class _Carried(torch.autograd.Function):
    """Autograd function that replaces an operation's gradient by its rule."""

    @staticmethod
    def forward(ctx: FunctionCtx, rule: Rule, sides: int, *tensors: Tensor | None) -> Tensor:
        ctx.save_for_backward(*tensors)
        ctx.rule, ctx.sides = rule, sides
        return rule.run(*tensors)

    @staticmethod
    def backward(ctx: FunctionCtx, m: Tensor) -> tuple[Tensor | None, ...]:
        tensors = ctx.saved_tensors
        moving = ctx.needs_input_grad[2:]
        stacks = [apart(t, ctx.sides) if moves else t for t, moves in zip(tensors, moving, strict=True)]
        gradients = ctx.rule.pull(apart(m, ctx.sides)[1:], *stacks)
        return None, None, *(None if one is None else _joined(one) for one in gradients)


def apart(stack: Tensor, sides: int) -> Tensor:
    """View a stack ``(sides·rows, …)`` as ``(sides, rows, …)``."""
    return stack.unflatten(0, (sides, -1))


def _joined(multipliers: Tensor) -> Tensor:
    """Convert multipliers ``(references, rows, …)`` to a stack with zeros in the rows of genes."""
    return torch.cat([torch.zeros_like(multipliers[:1]), multipliers]).flatten(0, 1)


# ---- elementwise functions ----


def elementwise(function: Run, close: float | None = None, relative: bool = False) -> Rule:
    """Return the rule of an elementwise function: the multiplier is its secant slope ``(f(x) − f(r)) / (x − r)``.

    If ``x`` and ``r`` are so close that rounding errors matter, the slope at their midpoint is used.

    Args:
        function: elementwise function.
        close: largest distance at which the slope at the midpoint is used; None for :func:`closeness`. Use 0 for
            piecewise linear functions, whose secants are exact at any distance.
        relative: whether ``close`` is multiplied by ``|x + r| / 2`` if this is below 1. Use it for functions without a
            natural scale, such as the logarithm.
    """

    def pull(m: Tensor, z: Tensor) -> tuple[Tensor]:
        return (m * secant(function, z[:1], z[1:], close, relative),)

    return Rule(function, pull)


def secant(function: Run, x: Tensor, r: Tensor, close: float | None = None, relative: bool = False) -> Tensor:
    """Return the secant slope of a function between ``x`` and ``r``, see :func:`elementwise`; ``x`` is broadcast."""
    distance = x - r
    limit = closeness(x.dtype) if close is None else close
    near = distance.abs() <= (limit * ((x + r).abs() / 2).clamp(max=1) if relative else limit)
    # Both values are the same infinity, as in attention masks.
    still = (x == r) & x.isinf()
    slope = (function(x) - function(r)) / distance.masked_fill(near | still, 1)
    if near.any():
        slope[near] = _gradients(lambda middle: function(middle).sum(), ((x + r) / 2)[near])[0]
    return slope.masked_fill(still, 0)


def _gradients(function: Run, *at: Tensor) -> tuple[Tensor, ...]:
    """Return the gradients of a scalar function; in backward mode, because forward mode is not thread-safe."""
    with torch.enable_grad():
        leaves = [one.detach().requires_grad_() for one in at]
        return torch.autograd.grad(function(*leaves), leaves)


def closeness(dtype: torch.dtype) -> float:
    """Return the distance below which the slope at the midpoint is more accurate than the secant slope.

    It is the cube root of the type's precision. For functions that change on a scale of about 1, the rounding error
    of the secant at this distance is about equal to the error of the slope at the midpoint.
    """
    return torch.finfo(dtype).eps ** (1 / 3)


def _closed(function: Run, slope: Callable[[Tensor, Tensor], Tensor]) -> Rule:
    """Return the rule of an elementwise function whose secant slope has a closed form without cancellation."""
    return Rule(function, lambda m, z: (m * slope(z[:1], z[1:]),))


def _of_roots(x: Tensor, r: Tensor) -> Tensor:
    total = x.sqrt() + r.sqrt()
    return total.reciprocal().masked_fill(total == 0, 0)


def _of_inverse_roots(x: Tensor, r: Tensor) -> Tensor:
    a, b = x.sqrt(), r.sqrt()
    return -(a * b * (a + b)).reciprocal()


RECIPROCAL = _closed(torch.reciprocal, lambda x, r: -(x * r).reciprocal())
"""``1/a − 1/b = −(a − b)/(a·b)``."""

SQUARE_ROOT = _closed(torch.sqrt, _of_roots)
"""``√a − √b = (a − b)/(√a + √b)``; 0 where both are 0."""

INVERSE_SQUARE_ROOT = _closed(torch.rsqrt, _of_inverse_roots)
"""``1/√a − 1/√b = −(a − b)/(√a·√b·(√a + √b))``."""

SQUARE = _closed(torch.square, lambda x, r: x + r)
"""``a² − b² = (a + b)·(a − b)``."""


# ---- products of two moving tensors ----


def bilinear(product: Run) -> Rule:
    """Return the rule of a product: ``Δ(a·b) = ā·Δb + b̄·Δa``, where ``ā`` and ``b̄`` are means of gene and reference."""

    def pull(m: Tensor, *factors: Tensor) -> tuple[Tensor, ...]:
        middles = [((factor[:1] + factor[1:]) / 2).flatten(0, 1) for factor in factors]
        gradients = _gradients(lambda *middles: (product(*middles) * m.flatten(0, 1)).sum(), *middles)
        return tuple(one.unflatten(0, m.shape[:2]) for one in gradients)

    return Rule(product, pull)


# ---- maxima ----


def greatest(pool: Callable[[Tensor], tuple[Tensor, Tensor]], axes: int = 1) -> Rule:
    """Return the rule of a maximum: divide its difference between its positions, ``i`` in ``x`` and ``j`` in ``r``.

    ``m_i = λ·m`` and ``m_j = (1 − λ)·m`` with ``λ = (x_i − x_j) / ((x_i − x_j) + (r_j − r_i))``, 1 where ``i = j``, and
    one half where the positions tie in both ``x`` and ``r``. This is exact, and ``λ`` lies in [0, 1].

    Args:
        pool: maps a stack to the maxima over windows of its last ``axes`` axes, and to their positions (flat
            indices over these axes).
        axes: number of axes that the windows have.
    """

    def pull(m: Tensor, z: Tensor) -> tuple[Tensor]:
        at = pool(z.flatten(0, 1))[1].unflatten(0, z.shape[:2]).flatten(-axes)
        places = z.flatten(-axes)
        j, r = at[1:], places[1:]
        i, x = at[:1].expand_as(j), places[:1].expand_as(r)
        lead, lag = x.gather(-1, i) - x.gather(-1, j), r.gather(-1, j) - r.gather(-1, i)
        share = (lead / (lead + lag)).where(lead + lag > 0, 0.5).where(i != j, 1.0)
        m = m.flatten(-axes)
        found = torch.zeros_like(r).scatter_add_(-1, i, share * m).scatter_add_(-1, j, (1 - share) * m)
        return (found.view_as(z[1:]),)

    return Rule(lambda z: pool(z)[0], pull)


# ---- normalisation ----


def softmax(axis: int) -> Rule:
    """Return the rule of softmax, ``p = e^(z − L)`` with ``L = log Σ e^z``, along an axis counted from the end.

    ``Δp_i = s_i·(Δz_i − ΔL)``, where ``s`` is the secant slope of the exponential between ``log p`` of the gene and of
    the reference. For both of them ``p`` sums to 1, so ``ΔL = Σ s·Δz / Σ s``. No exponential of a large number is
    computed.
    """

    def pull(m: Tensor, z: Tensor) -> tuple[Tensor]:
        logarithms = z.log_softmax(axis)
        s = secant(torch.exp, logarithms[:1], logarithms[1:])
        return (s * (m - (m * s).sum(axis, keepdim=True) / s.sum(axis, keepdim=True)),)

    return Rule(lambda z: z.softmax(axis), pull)


def layer_norm(shape: tuple[int, ...], scale: Tensor | None, shift: Tensor | None, epsilon: float) -> Rule:
    """Return the rule of ``LayerNorm(x)·scale + shift`` over the last axes, which have the sizes ``shape``."""

    def pull(m: Tensor, x: Tensor) -> tuple[Tensor]:
        by_normal = m if scale is None else m * scale
        flat = x.flatten(-len(shape))
        return (_through_norm(by_normal.flatten(-len(shape)), *_standard(flat, epsilon)).view_as(by_normal),)

    return Rule(lambda x: functional.layer_norm(x, shape, scale, shift, epsilon), pull)


def _standard(x: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """Return ``c = x − mean(x)`` and ``s = 1/√(var(x) + ε)`` over the last axis, so that ``c·s`` is normalised."""
    centred = x - x.mean(-1, keepdim=True)
    return centred, (centred.square().mean(-1, keepdim=True) + epsilon).rsqrt()


def _through_norm(m: Tensor, centred: Tensor, inverse: Tensor) -> Tensor:
    """Propagate multipliers of ``c·s`` (see :func:`_standard`) to the tensor ``x`` before the normalisation.

    ``Δ(c·s) = s̄·Δc + c̄·Δs``, where bars are means of gene and reference. ``Δs`` follows from the variance ``v``:
    ``Δs = secant(s; v)·Δv`` and ``Δv = (2/n)·Σ c̄·Δc``, so that
    ``m_c = s̄·m + (2/n)·c̄·secant(s; v)·Σ m·c̄`` and ``m_x = m_c − mean(m_c)``.
    """
    c, s = ((both[:1] + both[1:]) / 2 for both in (centred, inverse))
    x, r = inverse[:1], inverse[1:]
    # 1/√a − 1/√b = −(a − b) / (√a·√b·(√a + √b)), in terms of s = 1/√a.
    slope = -(x * r).square() / (x + r)
    found = m * s + (2 / m.shape[-1]) * c * slope * (m * c).sum(-1, keepdim=True)
    return found - found.mean(-1, keepdim=True)


# ---- sums of curves: KAN layers ----


def curves(plan: CurvePlan) -> Rule:
    """Return the rule of a KAN layer.

    The rule is called with the tensors of :class:`kanseq.nn.kernels.chunks.Given`, then those of the basis. The output
    of the layer is a sum over edges, so the multiplier of each edge is the weighted secant slope of its curve.
    """

    def run(*tensors: Tensor | None) -> Tensor:
        return sums_in_chunks(Given(*tensors[:GIVEN]), plan.over(tensors[GIVEN:]))

    def pull(m: Tensor, *tensors: Tensor | None) -> tuple[Tensor | None, ...]:
        given, here = Given(*tensors[:GIVEN]), plan.over(tensors[GIVEN:])
        return _through_curves(m, given, here), *(None for _ in tensors[1:])

    return Rule(run, pull)


def _through_curves(m: Tensor, given: Given, plan: CurvePlan) -> Tensor:
    """Propagate multipliers of the outputs of a KAN layer to its inputs, some rows at a time to limit memory."""
    # Sums over the basis axis are fast if it comes before the input axis in memory; convolutions need it after.
    product = plan.product if isinstance(plan.product, ConvolutionProduct) else PRODUCTS[True]
    matrix = product.matrix(given.weight).to(plan.operands)
    base = None if given.base_weight is None else product.matrix(given.base_weight[..., None]).to(given.x.dtype)
    plan = plan._replace(product=product)
    result = torch.empty_like(given.x[1:])
    each = plan.basis.size * given.x[:, :1].numel()
    for part in torch.arange(given.x.shape[1]).split(max(1, BASIS // each)):
        rows = slice(int(part[0]), int(part[-1]) + 1)
        result[:, rows] = _through_some_curves(m[:, rows], given._replace(x=given.x[:, rows]), plan, matrix, base)
    return result


BASIS = 2**20
"""Maximum number of basis values that are computed at once, to limit memory."""


def _through_some_curves(m: Tensor, given: Given, plan: CurvePlan, matrix: Tensor, base: Tensor | None) -> Tensor:
    """Propagate ``m (references, rows, …, outputs)`` to inputs of a KAN layer, ``(references, rows, …, inputs)``."""
    x, basis = given.x, plan.basis
    if plan.epsilon is None:
        u = (x - given.shift) * given.scale
    else:
        centred, inverse = _standard(x, plan.epsilon)
        u = centred * inverse * given.scale + given.shift
    by_feature = _gradient(m, matrix, plan, x, basis.size)
    close = _closeness_on(basis, x.dtype)
    values = _by_feature(x.new_empty(*x.shape[:-1], x.shape[-1] * basis.size), plan, basis.size)
    basis.fill(u, values)
    distance = u[:1] - u[1:]
    near = distance.abs() <= close
    by_u = (by_feature * (values[:1] - values[1:])).sum(-1).div_(distance.masked_fill(near, 1))
    if near.any():
        here, weights = basis.of(near.nonzero()[:, -1]), by_feature[near]
        by_u[near] = _gradients(lambda middle: (here.values(middle) * weights).sum(), ((u[:1] + u[1:]) / 2)[near])[0]
    by_u *= given.scale
    result = by_u if plan.epsilon is None else _through_norm(by_u, centred, inverse)
    if base is not None:
        result += _gradient(m, base, plan, x, 1)[..., 0] * secant(functional.silu, x[:1], x[1:])
    return result + m if plan.residual else result


def _closeness_on(basis: Basis, dtype: torch.dtype) -> float:
    """Return :func:`closeness` in units of the shortest interval of knots; 0 for splines with kinks or jumps."""
    if not isinstance(basis, BSplines):
        return closeness(dtype)
    if basis.order < 2:
        return 0.0
    if basis.knots is None:
        return closeness(dtype)
    spans = basis.knots.diff(dim=-1)
    return closeness(dtype) * float(spans[spans > 0].min())


def _gradient(m: Tensor, matrix: Tensor, plan: CurvePlan, x: Tensor, size: int) -> Tensor:
    """Propagate multipliers of a KAN layer's outputs to basis values, ``(references, rows, …, inputs, size)``."""
    references, rows = m.shape[:2]
    out = x.new_empty(references * rows, *x.shape[2:-1], x.shape[-1] * size, dtype=matrix.dtype)
    plan.product.input_gradient(m.flatten(0, 1).to(matrix.dtype).contiguous(), matrix, out)
    return _by_feature(out.to(x.dtype), plan, size).unflatten(0, (references, rows))


def _by_feature(memory: Tensor, plan: CurvePlan, size: int) -> Tensor:
    """View ``(…, inputs·size)``, in the memory order of the matrix product, as ``(…, inputs, size)``."""
    if plan.product.size_first:
        return memory.unflatten(-1, (size, -1)).transpose(-1, -2)
    return memory.unflatten(-1, (-1, size))
