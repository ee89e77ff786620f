"""Apply attribution rules to the PyTorch operations of a network while it runs on genes and references.

In: each operation that the network calls. Out: its result, with a rule in place of its gradient in the backward pass.
Operations that are not listed here raise an error that names the operation and its layer.

A *stack* is a tensor whose first axis contains genes, followed by their references (see
:mod:`kanseq.attribution.rules`). *Moving* tensors are those that depend on the network's input (they require a
gradient); all others are constant.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from kanseq.attribution import rules
from kanseq.errors import NoRule
from kanseq.nn.kernels.curves import sum_of_curves


class PathRules(TorchFunctionMode):
    """PyTorch function mode: while it is active, every operation on stacks uses its attribution rule.

    Attributes:
        sides: number of blocks in a stack: one for the genes, and one per reference.
        height: number of rows of a stack. The length of the first axis of every moving tensor is a multiple of it.
        where: function that returns the name of the layer that is running, for error messages.
    """

    def __init__(self, sides: int, height: int, where: Callable[[], str]) -> None:
        """Store the sizes of the stacks and the function that names the layer."""
        super().__init__()
        self.sides, self.height, self.where = sides, height, where

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Run an operation, with its rule if it depends on the network's input; raise NoRule if it has no rule."""
        kwargs = dict(kwargs or {})
        called = getattr(func, "__name__", str(func))
        name = called.strip("_")
        if "input" in kwargs and not args:
            args = (kwargs.pop("input"),)
        moving = sum(one.requires_grad for one in _tensors((*args, *kwargs.values())))
        if not moving:
            return func(*args, **kwargs)
        if not torch.is_grad_enabled() or name in VALUES:
            raise self._no_rule(name)
        if called == "__get__" or _is_linear(name, moving, args, kwargs):
            found = func(*args, **kwargs)
            kept = all(one.requires_grad or name in SHAPES for one in _tensors((found,)))
            if not kept:
                raise self._no_rule(name)
            return found
        # In-place operations have no rule, except augmented assignments, where Python uses the returned result.
        if called.endswith("__") or not called.endswith("_"):
            made = self._by_rule(func, name, moving, args, kwargs)
            if made is not None:
                return made
        found = func(*args, **kwargs)
        if next(_tensors((found,)), None) is not None:
            raise self._no_rule(name)
        return found

    def _no_rule(self, name: str) -> NoRule:
        """Return the error for the operation ``name``, which has no rule."""
        return NoRule(
            f"the method paths has no rule for '{name}' in the layer {self.where()}",
            hint="use --method occlusion (any model) or integrated (models with gradients)",
        )

    def _by_rule(
        self,
        func: Callable[..., Tensor],
        name: str,
        moving: int,
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> Tensor | None:
        """Run an operation with its rule and return the result; return None if it has no rule."""
        if not all(one.ndim and len(one) % self.height == 0 for one in _tensors(args) if one.requires_grad):
            return None
        if func is sum_of_curves:
            given, plan, tensors = args
            return rules.curves(plan)(self.sides, *given, *tensors)  # type: ignore[arg-type]
        if moving == len(args) == 2 and name in BILINEAR:
            return rules.bilinear(func)(self.sides, *args)  # type: ignore[arg-type]
        if name == "einsum" and moving == len(args) - 1 == 2:
            return rules.bilinear(lambda *factors: func(args[0], *factors))(self.sides, *args[1:])  # type: ignore[arg-type]
        if name in DIVISIONS and len(args) == 2 and not kwargs:
            above, below = args[::-1] if name in TURNED else args
            with self:
                return above * torch.reciprocal(below)  # type: ignore[operator,arg-type]
        z, *more = args
        if moving > 1 or not _moves(z) or kwargs.get("rounding_mode"):
            return None
        if name in FUNCTIONS and not any(isinstance(one, Tensor) for one in more):
            kwargs.pop("inplace", None)
            rule = rules.elementwise(lambda part: func(part, *more, **kwargs), CLOSE.get(name), name in SCALELESS)
            return rule(self.sides, z)  # type: ignore[arg-type]
        return RULES[name](self.sides, z, *more, **kwargs) if name in RULES else None


def _is_linear(name: str, moving: int, args: tuple[object, ...], kwargs: Mapping[str, object]) -> bool:
    """Return whether an operation is linear in all tensors that depend on the input; it then needs no special rule."""
    if name in FROZEN:
        at = FROZEN[name]
        return not (args[at] if len(args) > at else kwargs.get("training", name != "batch_norm"))
    if name in DIVISIONS:
        return moving == 1 and _moves(args[0]) and name not in TURNED and not kwargs.get("rounding_mode")
    return name in LINEAR or (moving == 1 and name in MULTILINEAR)


def _set(names: str) -> frozenset[str]:
    """Return the operations in a text: PyTorch functions and methods, without leading and trailing underscores."""
    return frozenset(names.split())


LINEAR = _set(
    "add radd iadd sub rsub isub subtract neg negative sum mean reshape view view_as flatten unflatten transpose "
    "permute movedim swapaxes t expand expand_as broadcast_to cat concat stack hstack vstack getitem select narrow "
    "index_select gather where masked_fill unfold pad contiguous to type_as float double clone squeeze unsqueeze chunk "
    "split split_with_sizes tensor_split unbind flip roll repeat repeat_interleave tile cumsum avg_pool1d avg_pool2d "
    "adaptive_avg_pool1d adaptive_avg_pool2d zeros_like ones_like empty_like full_like new_zeros new_ones new_empty "
    "new_full"
)
"""Operations that are linear in all tensors that depend on the network's input, or do not use values of tensors."""

FROZEN = {"batch_norm": 5, "dropout": 2, "dropout1d": 2, "dropout2d": 2, "alpha_dropout": 2}
"""Operation that is linear in evaluation mode -> index of its argument that selects training mode."""

BILINEAR = _set("mul rmul imul multiply matmul rmatmul mm bmm")
"""Products of two tensors, both of which may depend on the network's input."""

MULTILINEAR = BILINEAR | _set("einsum baddbmm addmm linear conv1d conv2d new_tensor")
"""Operations that are linear if only one of the tensors depends on the network's input."""

DIVISIONS = _set("truediv itruediv div divide rdiv rtruediv")
"""Quotients, which are linear in the numerator."""

TURNED = _set("rdiv rtruediv")
"""Quotients whose first argument is the denominator."""

STRAIGHT = _set("relu relu6 leaky_relu abs clamp clamp_min clamp_max hardtanh threshold hardsigmoid")
"""Elementwise functions that are piecewise linear."""

CORNERED = _set("elu selu celu hardswish")
"""Elementwise functions whose slope has jumps."""

SCALELESS = _set("log pow")
"""Elementwise functions whose slope varies more the closer the argument is to 0."""

FUNCTIONS = (
    STRAIGHT
    | CORNERED
    | SCALELESS
    | _set("silu gelu sigmoid tanh exp expm1 log1p softplus mish sin cos erf rpow log_sigmoid atan")
)
"""All elementwise functions that have a rule."""

CLOSE = {**dict.fromkeys(STRAIGHT, 0.0), **dict.fromkeys(CORNERED, 1e-5)}
"""Function -> distance up to which the midpoint slope replaces the secant; others have the default distance."""

SHAPES = _set("zeros_like ones_like empty_like full_like new_zeros new_ones new_empty new_full new_tensor")
"""Operations that create new tensors, whose values do not depend on their input."""

VALUES = _set("item tolist numpy bool float int index equal allclose contains is_nonzero")
"""Operations that read values of tensors. They have no rule, because the program could branch on these values."""


def _normalised(
    sides: int,
    z: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    return rules.layer_norm(tuple(normalized_shape), weight, bias, eps)(sides, z)


def _softmax(sides: int, z: Tensor, dim: int = -1, **kwargs: object) -> Tensor:
    return rules.softmax(dim if dim < 0 else dim - z.ndim)(sides, z)


def _pooled(pool: Callable[..., tuple[Tensor, Tensor]], axes: int) -> Callable[..., Tensor]:
    """Return the rule for max pooling over windows of the last ``axes`` axes."""

    def run(sides: int, z: Tensor, *more: object, **kwargs: object) -> Tensor:
        kwargs.pop("return_indices", None)
        return rules.greatest(lambda part: pool(part, *more, **kwargs), axes)(sides, z)

    return run


def _greatest(sides: int, z: Tensor, dim: int, keepdim: bool = False) -> Tensor | None:
    """Return the maximum over the axis ``dim``, with its rule; None (no rule) if ``dim`` is several axes."""
    if not isinstance(dim, int):
        return None
    rule = rules.greatest(lambda part: part.max(dim=-1, keepdim=True))
    result = rule(sides, z.movedim(dim, -1)).movedim(-1, dim)
    return result if keepdim else result.squeeze(dim)


RULES: dict[str, Callable[..., Tensor]] = {
    "reciprocal": rules.RECIPROCAL,
    "sqrt": rules.SQUARE_ROOT,
    "rsqrt": rules.INVERSE_SQUARE_ROOT,
    "square": rules.SQUARE,
    "softmax": _softmax,
    "layer_norm": _normalised,
    "max_pool1d": _pooled(functional.max_pool1d_with_indices, 1),
    "max_pool2d": _pooled(functional.max_pool2d_with_indices, 2),
    "amax": _greatest,
}
"""Rules of other operations by name, called with ``(sides, z)`` and the other arguments of the PyTorch function."""


def _moves(one: object) -> bool:
    return isinstance(one, Tensor) and one.requires_grad


def _tensors(several: Iterable[object]) -> Iterator[Tensor]:
    """Yield all tensors in arguments, including those in tuples and lists."""
    for one in several:
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, tuple | list):
            yield from _tensors(one)


def layer_at_work(network: nn.Module) -> str:
    """Return name and type of the network's layer that this thread is running, for error messages.

    If no layer is running, return the type of the network. The layer is found in the call stack, because hooks would
    have to be registered on the network, which several threads share.
    """
    names = {id(module): name for name, module in network.named_modules()}
    frame = inspect.currentframe()
    while frame is not None:
        module = frame.f_locals.get("self")
        if isinstance(module, nn.Module) and names.get(id(module)):
            return f"'{names[id(module)]}' ({type(module).__name__})"
        frame = frame.f_back
    return type(network).__name__
