"""Find layer widths for a required number of parameters, and count parameters and operations of a network.

In: an architecture and its configuration. Out: the configuration with new widths; counts.
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
"""Number of bisection steps in :func:`match_parameters`, and of factors that are tried around the result."""

LARGEST = 64.0
"""Largest factor by which :func:`match_parameters` multiplies or divides widths."""


@dataclass(frozen=True)
class Cost:
    """The size of a network, and the cost of its forward pass.

    Attributes:
        parameters: number of learned values.
        flops: floating-point operations of the forward pass of one sequence. By convention, only matrix products and
            convolutions are counted, with one operation per multiplication and per addition. Basis functions,
            activations and normalisations are not counted.
    """

    parameters: int
    flops: int


def match_parameters(kind: Architecture, config: Hyperparameters, wanted: int) -> Hyperparameters:
    """Choose the widths of a network so that its number of parameters is as close to ``wanted`` as possible.

    All widths are multiplied by the same factor and rounded. Other hyper-parameters do not change.

    Args:
        kind: the architecture.
        config: its configuration.
        wanted: the required number of parameters.

    Returns:
        The configuration with the new widths.

    Raises:
        BadOption: the architecture has no adjustable widths, or the closest number differs from ``wanted`` by more than
            10%.
    """
    if kind.resized is None:
        raise BadOption(
            f"the model '{kind.name}' has no adjustable widths", hint="omit --match-parameters, or use --set"
        )
    low, high = 1 / LARGEST, LARGEST
    for _ in range(STEPS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if count_parameters(kind, kind.resized(config, middle)) < wanted else (low, middle)
    # Widths are rounded separately, so counts jump, and the closest count may be some steps away.
    around = {kind.resized(config, high * 1.002 ** (step - STEPS // 2)) for step in range(STEPS)}
    best = min(around, key=lambda one: (abs(count_parameters(kind, one) - wanted), str(one)))
    nearest = count_parameters(kind, best)
    if abs(nearest - wanted) > wanted / 10:
        raise BadOption(
            f"the model '{kind.name}' cannot have {wanted:,} parameters: the nearest is {nearest:,}",
            hint="choose another number",
        )
    return best


def count_parameters(kind: Architecture, config: Hyperparameters) -> int:
    """Count the parameters of a network without allocating them."""
    with torch.device("meta"):
        return parameter_count(kind.build(config))


def cost_of(kind: Architecture, config: Config) -> Cost | None:
    """Count the parameters of a network and the operations of its forward pass; return None for an estimator."""
    with torch.random.fork_rng():
        network = kind.build(config)
    if not isinstance(network, nn.Module):
        return None
    network.eval()
    codes = torch.zeros(1, config.geometry.columns, dtype=torch.uint8)
    # The counter does not support the in-place products of KAN layers.
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.addmm_: _product_in_place})
    with torch.inference_mode(), counter:
        network(codes)
    return Cost(parameter_count(network), counter.get_total_flops())


def _product_in_place(onto: torch.Size, left: torch.Size, right: torch.Size, **_: object) -> int:
    """Return the number of operations of ``onto += left @ right``, given the shapes."""
    return 2 * left[0] * left[1] * right[1]
