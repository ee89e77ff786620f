"""Match networks in size: find widths for a number of parameters, and count the cost of a forward pass.

In: an architecture's configuration. Out: the same with other widths; counts.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from kanseq.errors import BadOption
from kanseq.models.architecture import Architecture
from kanseq.models.config import Config, Hyperparameters
from kanseq.models.registry import parameter_count

STEPS = 40
"""Number of bisections of the range of factors, and of factors tried around the result."""

LARGEST = 64.0
"""Largest factor by which widths may grow or shrink."""


@dataclass(frozen=True)
class Cost:
    """The counted size and cost of a network.

    Attributes:
        parameters: number of values that training learns.
        flops: floating-point operations of the matrix products and convolutions in one sequence's forward pass, a
            multiplication and an addition each; by convention, bases, activations and normalisations do not count.
    """

    parameters: int
    flops: int


def match_parameters(kind: Architecture, config: Hyperparameters, wanted: int) -> Hyperparameters:
    """Return the configuration whose number of parameters is closest to ``wanted``.

    All widths are multiplied by one factor and rounded; other options stay.

    Raises:
        BadOption: the model cannot be resized, or the closest number is more than a tenth off.
    """
    if kind.resized is None:
        raise BadOption(
            f"the model '{kind.name}' has no widths to choose", hint="omit --match-parameters, or use --set"
        )
    low, high = 1 / LARGEST, LARGEST
    for _ in range(STEPS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if count_parameters(kind, kind.resized(config, middle)) < wanted else (low, middle)
    # Each width is rounded separately, so that counts jump; the closest may be some steps away.
    around = {kind.resized(config, high * 1.002 ** (step - STEPS // 2)) for step in range(STEPS)}
    best = min(around, key=lambda one: (abs(count_parameters(kind, one) - wanted), str(one)))
    found = count_parameters(kind, best)
    if abs(found - wanted) > wanted / 10:
        raise BadOption(
            f"the model '{kind.name}' cannot have {wanted:,} parameters: the nearest is {found:,}",
            hint="choose another number",
        )
    return best


def count_parameters(kind: Architecture, config: Hyperparameters) -> int:
    """Count a network's parameters without allocating them."""
    with torch.device("meta"):
        return parameter_count(kind.build(config))


def cost_of(kind: Architecture, config: Config) -> Cost | None:
    """Count a network's parameters and the operations of one sequence's forward pass; None for an estimator."""
    with torch.random.fork_rng():
        network = kind.build(config)
    if not isinstance(network, nn.Module):
        return None
    network.eval()
    codes = torch.zeros(1, config.geometry.columns, dtype=torch.uint8)
    # The counter does not know the in-place products of KAN layers.
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.addmm_: _product_in_place})
    with torch.inference_mode(), counter:
        network(codes)
    return Cost(parameter_count(network), counter.get_total_flops())


def _product_in_place(onto: torch.Size, left: torch.Size, right: torch.Size, **_: object) -> int:
    """Return the operations of ``onto += left @ right`` by its shapes."""
    return 2 * left[0] * left[1] * right[1]
