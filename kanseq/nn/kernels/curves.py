"""Compute the outputs of a KAN layer: for each output, the sum of the learned functions of its edges.

In: inputs ``(n, …, inputs)`` and weights. Out: differentiable outputs ``(n, …, outputs)``. Eager code computes them in
chunks; compiled code calls one operator that does so; exported programs use basic operations that any runtime supports.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional
from torch.overrides import handle_torch_function, has_torch_function

from kanseq.nn.kernels.chunks import GIVEN, CurvePlan, Given, gradients_in_chunks, sums_in_chunks


def sum_of_curves(given: Given, plan: CurvePlan, tensors: tuple[Tensor, ...]) -> Tensor:
    """Return the outputs of a KAN layer: weighted sums of basis functions at positions ``u`` and of ``silu(x)``.

    ``u = scale·LayerNorm(x) + shift``, or ``u = scale·(x − shift)`` without LayerNorm. The second form is more precise
    for inputs far from 0.

    Args:
        given: inputs and parameters of the layer.
        plan: the other properties of the layer.
        tensors: the tensors of the basis, see :meth:`.Basis.tensors`.

    Returns:
        ``(n, …, outputs)`` in the dtype of ``x``.
    """
    if has_torch_function((given.x,)):
        # For code that intercepts each operation of a network (attribution), this is one operation.
        return handle_torch_function(sum_of_curves, (given.x,), given, plan, tensors)
    if torch.compiler.is_exporting():
        return plain_sum_of_curves(given, plan, tensors)
    if torch.compiler.is_compiling():
        # Imported here, because the module's decorators load the compiler, which takes as long as the rest of torch.
        from kanseq.nn.kernels.operators import sums_as_one_operator

        return sums_as_one_operator(given, plan, tensors)
    return _SumOfCurves.apply(plan, *given, *tensors)


def plain_sum_of_curves(given: Given, plan: CurvePlan, tensors: tuple[Tensor, ...]) -> Tensor:
    """Compute :func:`sum_of_curves` by basic differentiable operations, with all basis-function values in memory."""
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
    """Autograd function of :func:`sum_of_curves`, computed in chunks.

    Higher derivatives and transforms of ``torch.func`` use :func:`plain_sum_of_curves`.
    """

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
    """Compute the same gradients as :func:`.gradients_in_chunks`, by operations that can be differentiated again."""

    def sums(*variables: Tensor) -> Tensor:
        one = iter(variables)
        return plain_sum_of_curves(
            Given(*(next(one) if wants else tensor for wants, tensor in zip(wanted, given, strict=True))), plan, tensors
        )

    # torch.autograd.grad would continue through the inputs to the weights if the inputs depend on the weights.
    _, pull = torch.func.vjp(sums, *(tensor for wants, tensor in zip(wanted, given, strict=True) if wants))
    found = iter(pull(g))
    return [next(found) if wants else None for wants in wanted]
