"""The sum of curves over edges, which every KAN layer here computes.

In: ``(n, …, inputs)`` numbers and weights. Out: ``(n, …, outputs)``, differentiable. Run as it is, it goes by chunks; a
compiler sees one operator that does; an exported program gets plain operations, which any runtime has.
"""

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
) -> Tensor:
    """Sum the basis at ``u = scale·z + shift``, and ``silu(x)``, with their weights; ``z = LayerNorm(x)`` or ``x``.

    Args:
        x: ``(n, …, inputs)``; its order in memory does not matter.
        scale: ``(inputs,)``, the basis's units per unit of ``z``.
        shift: ``(inputs,)``, where the basis has ``z = 0``.
        weight: ``(outputs, …, size)``, see the product.
        base_weight: the same without ``size``; ``None`` for no SiLU branch.
        bias: ``(outputs,)`` or ``None``.
        plan: the rest.

    Returns:
        ``(n, …, outputs)`` in the type of ``x``.
    """
    if torch.compiler.is_exporting():
        return plain_sum_of_curves(x, scale, shift, weight, base_weight, bias, plan)
    if torch.compiler.is_compiling():
        return sums_as_one_operator(x, scale, shift, weight, base_weight, bias, plan)
    return _SumOfCurves.apply(x, scale, shift, weight, base_weight, bias, plan)


def plain_sum_of_curves(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    weight: Tensor,
    base_weight: Tensor | None,
    bias: Tensor | None,
    plan: Plan,
) -> Tensor:
    """Compute :func:`sum_of_curves` in operations that know their own derivatives, holding the whole basis."""
    basis, product, operands, epsilon, residual = plan
    if epsilon is None:
        u = torch.addcmul(shift, x, scale)
    else:
        u = functional.layer_norm(x, x.shape[-1:], scale, shift, epsilon)
    features = basis.values(u)
    features = (features.transpose(-1, -2) if product.size_first else features).flatten(-2)
    y = product.forward(features.to(operands), product.matrix(weight).to(operands)).to(x.dtype)
    if base_weight is not None:
        base = product.matrix(base_weight[..., None]).to(operands)
        y = y + product.forward(functional.silu(x).to(operands), base).to(x.dtype)
    y = y if bias is None else y + bias
    return y + x if residual else y


class _SumOfCurves(torch.autograd.Function):
    @staticmethod
    def forward(
        x: Tensor,
        scale: Tensor,
        shift: Tensor,
        weight: Tensor,
        base_weight: Tensor | None,
        bias: Tensor | None,
        plan: Plan,
    ) -> Tensor:
        return sums_in_chunks(x, scale, shift, weight, base_weight, bias, plan)

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple, output: Tensor) -> None:
        *tensors, ctx.plan = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: FunctionCtx, g: Tensor) -> tuple[Tensor | None, ...]:
        gradients = _plain_gradients if torch.is_grad_enabled() else gradients_in_chunks
        return *gradients(g, ctx.saved_tensors, ctx.needs_input_grad[:-1], ctx.plan), None


def _plain_gradients(
    g: Tensor, tensors: tuple[Tensor | None, ...], wanted: tuple[bool, ...], plan: Plan
) -> list[Tensor | None]:
    """Gradients that can be differentiated again."""
    y = plain_sum_of_curves(*tensors, plan)
    asked = [tensor for tensor, wants in zip(tensors, wanted, strict=True) if wants]
    found = iter(torch.autograd.grad(y, asked, g, create_graph=True, materialize_grads=True))
    return [next(found) if wants else None for wants in wanted]
