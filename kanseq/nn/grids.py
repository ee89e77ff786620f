"""Change the grids of all KAN layers of a network: fit them to data, refine them, or match them to saved weights.

In: a network with B-spline or radial basis layers. Out: the same network with changed grids.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from kanseq.nn.bspline import BSplineLinear
from kanseq.nn.rbf import RBFLinear


class Shaped(Protocol):
    """Protocol of an object with a shape, such as a tensor or an array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along each axis."""


def check_grids(network: nn.Module, intervals: int | None) -> None:
    """Check that a network has layers whose grids can be refined (or, if ``intervals`` is None, fitted to data).

    Raises:
        ValueError: the network has no such layers.
    """
    kinds = (BSplineLinear, RBFLinear) if intervals is None else (BSplineLinear,)
    if not any(isinstance(layer, kinds) for layer in network.modules()):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"the network has no {names} layers")


def update_grids(network: nn.Module, run: Callable[[], object]) -> set[str]:
    """Fit the grids of all B-spline and radial basis layers to their inputs, keeping the learned functions.

    Args:
        network: the network, which is changed in place; see :meth:`.BSplineLinear.update_grid` and
            :meth:`.RBFLinear.update_grid`.
        run: a function that runs the network on training data.

    Returns:
        Names of the changed parameters.

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
    """Divide the grids of all B-spline layers into more intervals, keeping the learned functions.

    Args:
        network: the network, which is changed in place; see :meth:`.BSplineLinear.refine`. Its ``spline_weight`` are
            replaced by new parameters.
        intervals: number of intervals of each grid. Layers that already have at least this number are not changed.

    Returns:
        Names of the changed parameters.

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
    """Prepare a network for loading ``weights``: adapt the number of intervals of each B-spline layer.

    The splines of changed layers are zero until weights are loaded. Missing weights and other mismatches are ignored
    here; ``load_state_dict`` reports them.

    Returns:
        Whether a layer was changed.
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
    """Return the name of the parameter ``spline_weight`` of the layer with the given name."""
    return f"{layer}.spline_weight" if layer else "spline_weight"
