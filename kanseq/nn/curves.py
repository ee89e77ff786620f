"""The sum of curves over edges, which every KAN layer here computes.

In: ``(n, …, inputs)`` numbers and weights. Out: ``(n, …, outputs)``, differentiable. Run as it is, it goes by chunks; a
compiler sees one operator that does; an exported program gets plain operations, which any runtime has.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional

from kanseq.nn.chunks import Plan, gradients_in_chunks, sums_in_chunks
from kanseq.nn.operators import sums_as_one_operator


def sum_of_curves(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    weight: Tensor,
    base_weight: Tensor | None,
    bias: Tensor | None,
    plan: Plan,
    *tensors: Tensor,
) -> Tensor:
    """Sum the basis at positions ``u``, and ``silu(x)``, with their weights.

    ``u = scale·LayerNorm(x) + shift``, or ``u = scale·(x − shift)`` without LayerNorm: there inputs may lie far from 0,
    where the other form would cancel.

    Args:
        x: ``(n, …, inputs)``; its order in memory does not matter.
        scale: ``(inputs,)``, the basis's units per unit of the (normalised) input.
        shift: ``(inputs,)``, where the basis has its normalised input 0; without LayerNorm the input that it has at 0.
        weight: ``(outputs, …, size)``, see the product.
        base_weight: the same without ``size``; ``None`` for no SiLU branch.
        bias: ``(outputs,)`` or ``None``.
        plan: the rest.
        tensors: the basis's own, see :meth:`kanseq.nn.basis.Basis.tensors`.

    Returns:
        ``(n, …, outputs)`` in the type of ``x``.
    """
    run = _SumOfCurves.apply
    if torch.compiler.is_exporting():
        run = plain_sum_of_curves
    elif torch.compiler.is_compiling():
        run = sums_as_one_operator
    return run(x, scale, shift, weight, base_weight, bias, plan, *tensors)


def plain_sum_of_curves(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    weight: Tensor,
    base_weight: Tensor | None,
    bias: Tensor | None,
    plan: Plan,
    *tensors: Tensor,
) -> Tensor:
    """Compute :func:`sum_of_curves` in operations that know their own derivatives, holding the whole basis."""
    basis, product, operands, epsilon, residual = plan
    u = (x - shift) * scale if epsilon is None else functional.layer_norm(x, x.shape[-1:], scale, shift, epsilon)
    features = basis.over(tensors).values(u)
    features = (features.transpose(-1, -2) if product.size_first else features).flatten(-2)
    y = product.forward(features.to(operands), product.matrix(weight).to(operands)).to(x.dtype)
    if base_weight is not None:
        base = product.matrix(base_weight[..., None]).to(operands)
        y = y + product.forward(functional.silu(x).to(operands), base).to(x.dtype)
    y = y if bias is None else y + bias
    return y + x if residual else y


class _SumOfCurves(torch.autograd.Function):
    """By chunks; plainly where derivatives are to be differentiated again, or transformed by ``torch.func``."""

    @staticmethod
    def forward(
        x: Tensor,
        scale: Tensor,
        shift: Tensor,
        weight: Tensor,
        base_weight: Tensor | None,
        bias: Tensor | None,
        plan: Plan,
        *tensors: Tensor,
    ) -> Tensor:
        return sums_in_chunks(x, scale, shift, weight, base_weight, bias, plan.over(tensors))

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple, output: Tensor) -> None:
        by, ctx.plan, tensors = inputs[:6], inputs[6], inputs[7:]
        ctx.save_for_backward(*by, *tensors)

    @staticmethod
    def backward(ctx: FunctionCtx, g: Tensor) -> tuple[Tensor | None, ...]:
        by, tensors = ctx.saved_tensors[:6], ctx.saved_tensors[6:]
        wanted = ctx.needs_input_grad[:6]
        if torch.is_grad_enabled():
            found = _plain_gradients(g, by, wanted, ctx.plan, tensors)
        else:
            found = gradients_in_chunks(g, by, wanted, ctx.plan.over(tensors))
        return *found, None, *(None for _ in tensors)

    @staticmethod
    def vmap(info: object, in_dims: tuple[int | None, ...], *arguments: object) -> tuple[Tensor, int]:
        return torch.vmap(plain_sum_of_curves, in_dims)(*arguments), 0


def _plain_gradients(
    g: Tensor,
    by: tuple[Tensor | None, ...],
    wanted: tuple[bool, ...],
    plan: Plan,
    tensors: tuple[Tensor, ...],
) -> list[Tensor | None]:
    """Gradients that can be differentiated again."""

    def sums(*asked: Tensor) -> Tensor:
        given = iter(asked)
        return plain_sum_of_curves(
            *(next(given) if wants else tensor for wants, tensor in zip(wanted, by, strict=True)), plan, *tensors
        )

    pull: Callable[[Tensor], tuple[Tensor, ...]]
    # Not by autograd.grad, which would walk on from the inputs into the weights that they may depend on.
    _, pull = torch.func.vjp(sums, *(tensor for wants, tensor in zip(wanted, by, strict=True) if wants))
    found = iter(pull(g))
    return [next(found) if wants else None for wants in wanted]
