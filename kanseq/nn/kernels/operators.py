"""Compute KAN layers by one PyTorch operator. Compilers do not change it, so the computation remains in chunks.

In: the arguments of :mod:`kanseq.nn.kernels.chunks`, as types that operators support. Out: the same outputs and
gradients.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from kanseq.nn.bases.basis import Basis
from kanseq.nn.kernels.chunks import GIVEN, CurvePlan, Given, gradients_in_chunks, sums_in_chunks
from kanseq.nn.kernels.products import Product


def sums_as_one_operator(given: Given, plan: CurvePlan, tensors: tuple[Tensor, ...]) -> Tensor:
    """Compute :func:`kanseq.nn.kernels.curves.sum_of_curves` by calling the operator ``kanseq::sum_of_curves``."""
    basis, product, *others = plan
    return _sums(*given, list(tensors), name_of(basis), name_of(product), *others)


_NAMED: dict[str, Basis | Product] = {}


@torch.compiler.assume_constant_result
def name_of(part: Basis | Product) -> str:
    """Register a basis or product, and return its name, because operators accept names but no objects as arguments."""
    name = f"{type(part).__module__}.{part!r}"
    _NAMED.setdefault(name, part)
    return name


def _plan(
    tensors: list[Tensor], basis: str, product: str, operands: torch.dtype, epsilon: float | None, residual: bool
) -> CurvePlan:
    found, by = _NAMED[basis], _NAMED[product]
    assert isinstance(found, Basis)
    assert isinstance(by, Product)
    return CurvePlan(found.over(tuple(tensors)), by, operands, epsilon, residual)


@torch.library.custom_op("kanseq::sum_of_curves", mutates_args=())
def _sums(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    weight: Tensor,
    base_weight: Tensor | None,
    bias: Tensor | None,
    tensors: list[Tensor],
    basis: str,
    product: str,
    operands: torch.dtype,
    epsilon: float | None,
    residual: bool,
) -> Tensor:
    plan = _plan(tensors, basis, product, operands, epsilon, residual)
    return sums_in_chunks(Given(x, scale, shift, weight, base_weight, bias), plan)


@_sums.register_fake
def _(
    x: Tensor,
    scale: Tensor,
    shift: Tensor,
    weight: Tensor,
    base_weight: Tensor | None,
    bias: Tensor | None,
    tensors: list[Tensor],
    basis: str,
    product: str,
    operands: torch.dtype,
    epsilon: float | None,
    residual: bool,
) -> Tensor:
    plan = _plan(tensors, basis, product, operands, epsilon, residual)
    return x.new_empty(plan.product.shape(x.shape, weight.shape[0]))


@torch.library.custom_op("kanseq::sum_of_curves_gradients", mutates_args=())
def _gradients(
    g: Tensor,
    given: list[Tensor | None],
    tensors: list[Tensor],
    wanted: list[bool],
    basis: str,
    product: str,
    operands: torch.dtype,
    epsilon: float | None,
    residual: bool,
) -> list[Tensor]:
    plan = _plan(tensors, basis, product, operands, epsilon, residual)
    found = gradients_in_chunks(g, Given(*given), wanted, plan)  # type: ignore[arg-type]
    # Results must not share memory with each other or with arguments, and must have the layout of the fake operator.
    return [gradient.contiguous() for gradient in found if gradient is not None]


@_gradients.register_fake
def _(
    g: Tensor,
    given: list[Tensor | None],
    tensors: list[Tensor],
    wanted: list[bool],
    basis: str,
    product: str,
    operands: torch.dtype,
    epsilon: float | None,
    residual: bool,
) -> list[Tensor]:
    x = given[0]
    assert x is not None
    return [
        torch.empty_like(tensor, dtype=x.dtype, memory_format=torch.contiguous_format)
        for tensor, wants in zip(given, wanted, strict=True)
        if wants and tensor is not None
    ]


def _remember(ctx: FunctionCtx, inputs: tuple, output: Tensor) -> None:
    *by, tensors, basis, product, operands, epsilon, residual = inputs
    ctx.save_for_backward(*by, *tensors)
    ctx.fixed = (basis, product, operands, epsilon, residual)


def _differentiate(ctx: FunctionCtx, g: Tensor) -> tuple:
    by, tensors = ctx.saved_tensors[:GIVEN], list(ctx.saved_tensors[GIVEN:])
    wanted = list(ctx.needs_input_grad[:GIVEN])
    found = iter(_gradients(g, list(by), tensors, wanted, *ctx.fixed))
    return *(next(found) if wants else None for wants in wanted), [None] * len(tensors), *(None,) * len(ctx.fixed)


_sums.register_autograd(_differentiate, setup_context=_remember)
