"""Which operation of PyTorch is met by which rule, while a network runs on stacks of genes and references.

In: the operations of any network, one by one. Out: the same results, with rules on the way back; or an error that names
the operation and its layer. Nothing is guessed: what is not listed here is refused.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from kanseq.attribution import rules
from kanseq.errors import NoRule
from kanseq.nn.curves import sum_of_curves


class PathRules(TorchFunctionMode):
    """Meets every operation on stacks by its rule, as long as it is entered.

    Attributes:
        sides: blocks of the stacks: one of genes, and one a reference.
        height: rows of a stack, of which the first axis of all that moves is a multiple.
        where: gives the name of the layer at work.
    """

    def __init__(self, sides: int, height: int, where: Callable[[], str]) -> None:
        """Take what the rules need."""
        super().__init__()
        self.sides, self.height, self.where = sides, height, where

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Run one operation."""
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
        # What changes its argument in place is no function of it, unless Python takes the result instead.
        if called.endswith("__") or not called.endswith("_"):
            made = self._by_rule(func, name, moving, args, kwargs)
            if made is not None:
                return made
        found = func(*args, **kwargs)
        if next(_tensors((found,)), None) is not None:
            raise self._no_rule(name)
        return found

    def _no_rule(self, name: str) -> NoRule:
        """Say what cannot be followed."""
        return NoRule(
            f"the method paths has no rule for '{name}' in the layer {self.where()}",
            hint="--method occlusion explains any model, integrated those with gradients",
        )

    def _by_rule(
        self,
        func: Callable[..., Tensor],
        name: str,
        moving: int,
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> Tensor | None:
        """Run an operation that has a rule; None for another."""
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
    """Tell whether an operation is linear in all that moves, so that its own transpose carries multipliers."""
    if name in FROZEN:
        at = FROZEN[name]
        return not (args[at] if len(args) > at else kwargs.get("training", name != "batch_norm"))
    if name in DIVISIONS:
        return moving == 1 and _moves(args[0]) and name not in TURNED and not kwargs.get("rounding_mode")
    return name in LINEAR or (moving == 1 and name in MULTILINEAR)


def _set(names: str) -> frozenset[str]:
    """Read names of operations, as PyTorch's functions and methods are called without underscores."""
    return frozenset(names.split())


LINEAR = _set(
    "add radd iadd sub rsub isub subtract neg negative sum mean reshape view view_as flatten unflatten transpose "
    "permute movedim swapaxes t expand expand_as broadcast_to cat concat stack hstack vstack getitem select narrow "
    "index_select gather where masked_fill unfold pad contiguous to type_as float double clone squeeze unsqueeze chunk "
    "split split_with_sizes tensor_split unbind flip roll repeat repeat_interleave tile cumsum avg_pool1d avg_pool2d "
    "adaptive_avg_pool1d adaptive_avg_pool2d zeros_like ones_like empty_like full_like new_zeros new_ones new_empty "
    "new_full"
)
"""Operations that are linear in whatever moves, or do not look at its values."""

FROZEN = {"batch_norm": 5, "dropout": 2, "dropout1d": 2, "dropout2d": 2, "alpha_dropout": 2}
"""Operations that are linear in evaluation mode, and which of their arguments says whether it is."""

BILINEAR = _set("mul rmul imul multiply matmul rmatmul mm bmm")
"""Products of two things that may both move."""

MULTILINEAR = BILINEAR | _set("einsum baddbmm addmm linear conv1d conv2d new_tensor")
"""Operations that are linear in one thing that moves while all others stand still."""

DIVISIONS = _set("truediv itruediv div divide rdiv rtruediv")
"""Quotients; they are linear in what is divided."""

TURNED = _set("rdiv rtruediv")
"""Those whose first argument divides."""

STRAIGHT = _set("relu relu6 leaky_relu abs clamp clamp_min clamp_max hardtanh threshold hardsigmoid")
"""Functions of one number, made of straight pieces."""

CORNERED = _set("elu selu celu hardswish")
"""Functions of one number whose slope jumps."""

SCALELESS = _set("log pow")
"""Functions of one number that change the faster the nearer it is to 0."""

FUNCTIONS = (
    STRAIGHT
    | CORNERED
    | SCALELESS
    | _set("silu gelu sigmoid tanh exp expm1 log1p softplus mish sin cos erf rpow log_sigmoid atan")
)
"""All functions of one number that have a rule."""

CLOSE = {**dict.fromkeys(STRAIGHT, 0.0), **dict.fromkeys(CORNERED, 1e-5)}
"""How close two numbers may be for a secant, where that is not what is best for smooth functions."""

SHAPES = _set("zeros_like ones_like empty_like full_like new_zeros new_ones new_empty new_full new_tensor")
"""Operations that give new numbers."""

VALUES = _set("item tolist numpy bool float int index equal allclose contains is_nonzero")
"""Operations by which a program looks at numbers, and might then go one way or another."""


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
    """Give what takes maxima over windows of the last axes."""

    def run(sides: int, z: Tensor, *more: object, **kwargs: object) -> Tensor:
        kwargs.pop("return_indices", None)
        return rules.greatest(lambda part: pool(part, *more, **kwargs), axes)(sides, z)

    return run


def _greatest(sides: int, z: Tensor, dim: int, keepdim: bool = False) -> Tensor | None:
    """Take the maximum over one axis; over several it has no rule."""
    if not isinstance(dim, int):
        return None
    rule = rules.greatest(lambda part: part.max(dim=-1, keepdim=True))
    found = rule(sides, z.movedim(dim, -1)).movedim(-1, dim)
    return found if keepdim else found.squeeze(dim)


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
"""Other operations by name, of ``(sides, z)`` and the arguments that PyTorch gives them."""


def _moves(one: object) -> bool:
    return isinstance(one, Tensor) and one.requires_grad


def _tensors(several: Iterable[object]) -> Iterator[Tensor]:
    """Find all tensors in arguments, and in tuples and lists among them."""
    for one in several:
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, tuple | list):
            yield from _tensors(one)


def layer_at_work(network: nn.Module) -> str:
    """Name the layer of a network that runs now in this thread, and its kind; the network's kind where none runs.

    The name is read from the call stack, and only when an error needs it. Hooks would have to hang on a network that
    several threads share.
    """
    names = {id(module): name for name, module in network.named_modules()}
    frame = inspect.currentframe()
    while frame is not None:
        module = frame.f_locals.get("self")
        if isinstance(module, nn.Module) and names.get(id(module)):
            return f"'{names[id(module)]}' ({type(module).__name__})"
        frame = frame.f_back
    return type(network).__name__
