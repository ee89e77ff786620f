"""The sum of curves over edges, which every KAN layer computes.

In: ``(n, …, inputs)`` numbers and weights. Out: ``(n, …, outputs)``, differentiable. Eager code runs in chunks; a
compiler sees one operator that does so; an exported program gets plain operations, which any runtime supports.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional
from torch.overrides import handle_torch_function, has_torch_function

from kanseq.nn.kernels.chunks import GIVEN, CurvePlan, Given, gradients_in_chunks, sums_in_chunks


def sum_of_curves(given: Given, plan: CurvePlan, tensors: tuple[Tensor, ...]) -> Tensor:
    """Return the weighted sum of the basis at positions ``u``, and of ``silu(x)``.

    ``u = scale·LayerNorm(x) + shift``, or ``u = scale·(x − shift)`` without LayerNorm: inputs may then be far from 0,
    where the other form would lose digits.

    Args:
        given: inputs and weights.
        plan: the properties of the layer that are not tensors.
        tensors: the basis's tensors, see :meth:`kanseq.nn.bases.basis.Basis.tensors`.

    Returns:
        ``(n, …, outputs)`` in the dtype of ``x``.
    """
    if has_torch_function((given.x,)):
        # Code that follows a network operation by operation (attribution) sees this as one operation.
        return handle_torch_function(sum_of_curves, (given.x,), given, plan, tensors)
    if torch.compiler.is_exporting():
        return plain_sum_of_curves(given, plan, tensors)
    if torch.compiler.is_compiling():
        # Its decorators load the compiler, which takes as long as the rest of torch.
        from kanseq.nn.kernels.operators import sums_as_one_operator

        return sums_as_one_operator(given, plan, tensors)
    return _SumOfCurves.apply(plan, *given, *tensors)


def plain_sum_of_curves(given: Given, plan: CurvePlan, tensors: tuple[Tensor, ...]) -> Tensor:
    """Compute :func:`sum_of_curves` by differentiable operations that hold the complete basis."""
    x, scale, shift, weight, base_weight, bias = given
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
    """The sum in chunks; by plain operations for higher derivatives and for transforms of ``torch.func``."""

    @staticmethod
    def forward(plan: CurvePlan, *tensors: Tensor | None) -> Tensor:
        return sums_in_chunks(Given(*tensors[:GIVEN]), plan.over(tensors[GIVEN:]))

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple, output: Tensor) -> None:
        ctx.plan, *tensors = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: FunctionCtx, g: Tensor) -> tuple[Tensor | None, ...]:
        given, tensors = Given(*ctx.saved_tensors[:GIVEN]), ctx.saved_tensors[GIVEN:]
        wanted = ctx.needs_input_grad[1 : 1 + GIVEN]
        if torch.is_grad_enabled():
            found = _plain_gradients(g, given, wanted, ctx.plan, tensors)
        else:
            found = gradients_in_chunks(g, given, wanted, ctx.plan.over(tensors))
        return None, *found, *(None for _ in tensors)

    @staticmethod
    def vmap(
        info: object, in_dims: tuple[int | None, ...], plan: CurvePlan, *tensors: Tensor | None
    ) -> tuple[Tensor, int]:
        def sums(*tensors: Tensor | None) -> Tensor:
            return plain_sum_of_curves(Given(*tensors[:GIVEN]), plan, tensors[GIVEN:])

        return torch.vmap(sums, in_dims[1:])(*tensors), 0


def _plain_gradients(
    g: Tensor, given: Given, wanted: tuple[bool, ...], plan: CurvePlan, tensors: tuple[Tensor, ...]
) -> list[Tensor | None]:
    """Return gradients that can be differentiated again."""

    def sums(*asked: Tensor) -> Tensor:
        one = iter(asked)
        return plain_sum_of_curves(
            Given(*(next(one) if wants else tensor for wants, tensor in zip(wanted, given, strict=True))), plan, tensors
        )

    # Not autograd.grad, which would continue through the inputs to the weights if the inputs depend on them.
    _, pull = torch.func.vjp(sums, *(tensor for wants, tensor in zip(wanted, given, strict=True) if wants))
    found = iter(pull(g))
    return [next(found) if wants else None for wants in wanted]
