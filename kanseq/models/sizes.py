"""Networks of equal size: widths that bring a network to a number of parameters, and what its forward pass costs.

In: an architecture's configuration. Out: the same with other widths; counts.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from kanseq.errors import BadOption
from kanseq.models.architecture import Architecture
from kanseq.models.config import Config, Options
from kanseq.models.registry import parameter_count

STEPS = 40
"""Halvings of a range of factors, and as many trials around where it ends."""

LARGEST = 64.0
"""Times by which widths may grow."""


@dataclass(frozen=True)
class Cost:
    """What a network is, counted.

    Attributes:
        parameters: numbers that training sets.
        flops: floating-point operations of the matrix products and convolutions in one sequence's forward pass, a
            product and a sum each; bases, activations and normalisations are not counted, as is usual.
    """

    parameters: int
    flops: int


def match_parameters(kind: Architecture, config: Options, wanted: int) -> Options:
    """Find the widths with which a network has as nearly as can be ``wanted`` parameters.

    All widths are multiplied with one factor and rounded; all else stays.

    Raises:
        BadOption: the model cannot be resized, or its smallest or largest form is more than a tenth off.
    """
    if kind.resized is None:
        raise BadOption(
            f"the model '{kind.name}' has no widths to choose", hint="leave --match-parameters out, or use --set"
        )
    low, high = 1 / LARGEST, LARGEST
    for _ in range(STEPS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if count_parameters(kind, kind.resized(config, middle)) < wanted else (low, middle)
    # Each width is rounded by itself, so that counts jump; the nearest may lie some steps aside.
    around = {kind.resized(config, high * 1.002 ** (step - STEPS // 2)) for step in range(STEPS)}
    best = min(around, key=lambda one: (abs(count_parameters(kind, one) - wanted), str(one)))
    found = count_parameters(kind, best)
    if abs(found - wanted) > wanted / 10:
        raise BadOption(
            f"the model '{kind.name}' cannot have {wanted:,} parameters: the nearest is {found:,}",
            hint="choose another number",
        )
    return best


def count_parameters(kind: Architecture, config: Options) -> int:
    """Count a network's parameters without memory for them."""
    with torch.device("meta"):
        return parameter_count(kind.build(config))


def cost_of(kind: Architecture, config: Config) -> Cost | None:
    """Count a network's parameters, and run one sequence through it to count its operations; None without a network."""
    with torch.random.fork_rng():
        network = kind.build(config)
    if not isinstance(network, nn.Module):
        return None
    network.eval()
    codes = torch.zeros(1, config.geometry.columns, dtype=torch.uint8)
    # What KAN layers add in place is not among the operations that the counter knows.
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.addmm_: _product_in_place})
    with torch.inference_mode(), counter:
        network(codes)
    return Cost(parameter_count(network), counter.get_total_flops())


def _product_in_place(onto: torch.Size, left: torch.Size, right: torch.Size, **_: object) -> int:
    """Count ``onto += left @ right`` by its shapes."""
    return 2 * left[0] * left[1] * right[1]
