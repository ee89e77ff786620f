"""Change the grids of all layers of a network: fit them to data, refine them, or match them to saved weights.

In: a network whose layers have their own grids. Out: the same network with other grids.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from kanseq.nn.bspline import BSplineLinear
from kanseq.nn.rbf import RBFLinear


class Shaped(Protocol):
    """A tensor or an array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its length along each axis."""


def check_grids(network: nn.Module, intervals: int | None) -> None:
    """Check that a network has grids that can be refined to ``intervals`` or, if None, fitted to data.

    Raises:
        ValueError: the network has no layers with such grids.
    """
    kinds = (BSplineLinear, RBFLinear) if intervals is None else (BSplineLinear,)
    if not any(isinstance(layer, kinds) for layer in network.modules()):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"a network with layers of the kind {names} is required")


def update_grids(network: nn.Module, run: Callable[[], object]) -> set[str]:
    """Fit the grids of all radial and B-spline layers to the samples that reach them; the curves stay.

    Args:
        network: changed in place, see :meth:`BSplineLinear.update_grid` and :meth:`RBFLinear.update_grid`.
        run: runs the network on training data.

    Returns:
        The names of the parameters that were changed.

    Raises:
        ValueError: the network has no such layers.
    """
    check_grids(network, None)
    layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, BSplineLinear | RBFLinear)}
    seen: dict[str, list[Tensor]] = {name: [] for name in layers}
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs, name=name: seen[name].append(inputs[0].detach()))
        for name, layer in layers.items()
    ]
    try:
        with torch.no_grad():
            run()
    finally:
        for hook in hooks:
            hook.remove()
    for name, samples in seen.items():
        if samples:
            layers[name].update_grid(torch.cat([one.flatten(0, -2) for one in samples]))
    return {_weight_of(name) for name, samples in seen.items() if samples}


def refine_grids(network: nn.Module, intervals: int) -> set[str]:
    """Divide the grids of all B-spline layers into more intervals; the curves stay.

    Args:
        network: changed in place, see :meth:`BSplineLinear.refine`; its curves' weights become new parameters.
        intervals: intervals of each input's grid. A layer that has more keeps them.

    Returns:
        The names of the parameters that were changed.

    Raises:
        ValueError: the network has no such layers.
    """
    check_grids(network, intervals)
    coarser = {
        name: layer
        for name, layer in network.named_modules()
        if isinstance(layer, BSplineLinear) and layer.basis.intervals < intervals
    }
    for layer in coarser.values():
        layer.refine(intervals)
    return {_weight_of(name) for name in coarser}


def match_grids(network: nn.Module, weights: Mapping[str, Shaped]) -> bool:
    """Set the intervals of B-spline layers to those of weights that will be loaded; return whether any was changed.

    Changed layers have curves of zero until the weights are loaded. ``load_state_dict`` handles weights that are
    missing or do not fit for other reasons.
    """
    changed = False
    for name, layer in network.named_modules():
        if not isinstance(layer, BSplineLinear):
            continue
        weight = weights.get(_weight_of(name))
        intervals = layer.basis.intervals if weight is None else weight.shape[-1] - layer.basis.order
        if intervals >= 1 and intervals != layer.basis.intervals:
            layer.set_intervals(intervals)
            changed = True
    return changed


def _weight_of(layer: str) -> str:
    """Return the name of the weights of a layer's curves in its network."""
    return f"{layer}.spline_weight" if layer else "spline_weight"
