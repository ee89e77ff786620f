"""Which operation of PyTorch is met by which rule, while a network runs on stacks of genes and references.

In: the operations of any network, one by one. Out: the same results, with rules on the way back; or an error that names
the operation and its layer. Nothing is guessed: what is not listed here is refused.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

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
        where: gives the name of the layer at work.
    """

    def __init__(self, sides: int, where: Callable[[], str]) -> None:
        """Take what the rules need."""
        super().__init__()
        self.sides, self.where = sides, where

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
        moving = sum(one.requires_grad for one in _tensors((*args, *kwargs.values())))
        if not moving or called == "__get__" or _is_linear(name, moving, args, kwargs):
            return func(*args, **kwargs)
        # What changes its argument in place is no function of it, unless Python takes the result instead.
        if called.endswith("__") or not called.endswith("_"):
            made = self._by_rule(func, name, moving, args, kwargs)
            if made is not None:
                return made
        found = func(*args, **kwargs)
        if name in VALUES or next(_tensors((found,)), None) is not None:
            raise NoRule(
                f"the method paths has no rule for '{name}' in the layer {self.where()}",
                mend="--method integrated explains this model, too",
            )
        return found

    def _by_rule(
        self,
        func: Callable[..., Tensor],
        name: str,
        moving: int,
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> Tensor | None:
        """Run an operation that has a rule; None for another."""
        if func is sum_of_curves:
            given, plan, tensors = args
            return rules.curves(plan)(self.sides, *given, *tensors)  # type: ignore[arg-type]
        if moving == len(args) == 2 and name in BILINEAR:
            return rules.bilinear(func)(self.sides, *args)  # type: ignore[arg-type]
        if name == "einsum" and moving == len(args) - 1 == 2:
            return rules.bilinear(lambda *factors: func(args[0], *factors))(self.sides, *args[1:])  # type: ignore[arg-type]
        if name in DIVISIONS:
            above, below = args[::-1] if name in TURNED else args
            with self:
                return above * torch.reciprocal(below)  # type: ignore[operator,arg-type]
        if moving > 1 and name != "layer_norm":
            return None
        z, *more = args
        if name in STRAIGHT or name in SMOOTH:
            kwargs.pop("inplace", None)
            close = 0.0 if name in STRAIGHT else None
            return rules.elementwise(lambda part: func(part, *more, **kwargs), close)(self.sides, z)  # type: ignore[arg-type]
        return RULES[name](self.sides, z, *more, **kwargs) if name in RULES else None


def _is_linear(name: str, moving: int, args: tuple[object, ...], kwargs: Mapping[str, object]) -> bool:
    """Tell whether an operation is linear in all that moves, so that its own transpose carries multipliers."""
    if name in FROZEN:
        at = FROZEN[name]
        return not (args[at] if len(args) > at else kwargs.get("training", name != "batch_norm"))
    if name in DIVISIONS:
        return moving == 1 and _moves(args[0]) and name not in TURNED
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
    "new_tensor new_full"
)
"""Operations that are linear in whatever moves, or do not look at its values."""

FROZEN = {"batch_norm": 5, "dropout": 2, "dropout1d": 2, "dropout2d": 2, "alpha_dropout": 2}
"""Operations that are linear in evaluation mode, and which of their arguments says whether it is."""

BILINEAR = _set("mul rmul imul multiply matmul rmatmul mm bmm")
"""Products of two things that may both move."""

MULTILINEAR = BILINEAR | _set("einsum baddbmm addmm linear conv1d conv2d")
"""Operations that are linear in one thing that moves while all others stand still."""

DIVISIONS = _set("truediv itruediv div divide rdiv rtruediv")
"""Quotients; they are linear in what is divided."""

TURNED = _set("rdiv rtruediv")
"""Those whose first argument divides."""

STRAIGHT = _set("relu relu6 leaky_relu abs clamp clamp_min clamp_max hardtanh threshold")
"""Functions of one number, made of straight pieces."""

SMOOTH = _set(
    "silu gelu sigmoid tanh exp expm1 log log1p softplus elu selu celu mish sin cos erf rsqrt pow rpow hardswish "
    "hardsigmoid logsigmoid atan"
)
"""Functions of one number that have a slope."""

VALUES = _set("item tolist numpy bool float int index")
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


def _softmax(sides: int, z: Tensor, dim: int, **kwargs: object) -> Tensor:
    return rules.softmax(dim if dim < 0 else dim - z.ndim)(sides, z)


def _pooled(pool: Callable[..., tuple[Tensor, Tensor]], axes: int) -> Callable[..., Tensor]:
    """Give what takes maxima over windows of the last axes."""

    def run(sides: int, z: Tensor, *more: object, **kwargs: object) -> Tensor:
        kwargs.pop("return_indices", None)
        return rules.greatest(lambda part: pool(part, *more, **kwargs), axes)(sides, z)

    return run


def _greatest(sides: int, z: Tensor, dim: int, keepdim: bool = False) -> Tensor:
    """Take the maximum over one axis."""
    rule = rules.greatest(lambda part: part.max(dim=-1, keepdim=True))
    found = rule(sides, z.movedim(dim, -1)).movedim(-1, dim)
    return found if keepdim else found.squeeze(dim)


RULES: dict[str, Callable[..., Tensor]] = {
    "reciprocal": rules.RECIPROCAL,
    "sqrt": rules.SQUARE_ROOT,
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


@contextmanager
def layer_names(network: nn.Module) -> Iterator[Callable[[], str]]:
    """Follow which module of a network is at work; hands out what says its name and kind."""
    at: list[tuple[str, nn.Module]] = []
    handles = []
    for name, module in network.named_modules():
        handles += [
            module.register_forward_pre_hook(lambda *_, entered=(name, module): at.append(entered)),
            module.register_forward_hook(lambda *_: at.pop() and None),
        ]
    try:
        yield lambda: f"'{at[-1][0]}' ({type(at[-1][1]).__name__})" if at else type(network).__name__
    finally:
        for handle in handles:
            handle.remove()
