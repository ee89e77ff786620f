"""Complete path attribution: every base's share of the difference between a gene's logit and a reference's.

In: a trained network, base codes and references. Out: a number per base, whose sum is that difference to rounding.

The network runs once on a stack of genes and references, and what comes back through it are multipliers instead of
gradients: :mod:`kanseq.attribution.rules` says how, :mod:`kanseq.attribution.operations` where.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from kanseq.attribution import rules
from kanseq.attribution.operations import PathRules, layer_at_work
from kanseq.attribution.references import References
from kanseq.attribution.shares import Attribution, Options, attribution_of, encoded, joined, network_of
from kanseq.errors import NoRule
from kanseq.training.checkpoints import TrainedModel


class Multipliers(NamedTuple):
    """What :func:`path_multipliers` gives.

    Attributes:
        values: ``(references, n, …)``: with them, ``Σ values·(x − r)`` is the difference of the outputs.
        outputs: ``(1 + references, n)``: of the inputs, then of each reference.
    """

    values: Tensor
    outputs: Tensor


def attribute_by_paths(
    model: TrainedModel, codes: np.ndarray, names: Sequence[str], references: References, options: Options
) -> Attribution:
    """Share out each gene's ``logit(x) − logit(r)`` over its bases, for every reference ``r``, and average.

    Raises:
        NoRule: the network has an operation without a rule.
    """
    network = network_of(model)
    several = references.of(codes, names)
    # References are counted in.
    height = max(1, network.rows // (1 + several.shape[1]))
    parts = []
    for start in range(0, len(codes), height):
        some = slice(start, start + height)
        x = encoded(network, codes[some])
        others = torch.stack([encoded(network, several[some, index]) for index in range(several.shape[1])])
        # References do not meet each other, so that many of them may come some at a time.
        found = [
            path_multipliers(network, lambda stack: model.task.logit(network.forward_encoded(stack)), x, few)
            for few in others.split(network.rows)
        ]
        values, below = (
            torch.cat(each) for each in zip(*((one.values, one.outputs[1:]) for one in found), strict=True)
        )
        parts.append(attribution_of(values, x, others, found[0].outputs[0], below, options))
    return joined(parts)


def path_multipliers(
    network: nn.Module, function: Callable[[Tensor], Tensor], x: Tensor, references: Tensor
) -> Multipliers:
    """Follow the difference of a network's output back to its inputs, along all paths.

    Args:
        network: what ``function`` runs, in evaluation mode and with parameters that want no gradient; its modules'
            names stand in errors.
        function: maps a stack of inputs ``(m, …)``, row by row, to numbers ``(m,)``.
        x: inputs, ``(n, …)``.
        references: others of the same shape for each of them, ``(references, n, …)``.

    Raises:
        NoRule: an operation has no rule.
    """
    sides = 1 + len(references)
    stack = torch.cat([x[None], references]).flatten(0, 1).requires_grad_()
    try:
        with torch.enable_grad(), PathRules(sides, len(stack), partial(layer_at_work, network)):
            # A copy, so that a network may change its input in place.
            outputs = function(stack.clone())
        wanted = torch.ones_like(outputs)
        wanted[: len(x)] = 0
        (found,) = torch.autograd.grad(outputs, stack, wanted)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise NoRule(f"the method paths cannot follow this model ({reason})", hint="use --method occlusion") from error
    return Multipliers(rules.apart(found, sides)[1:], rules.apart(outputs.detach(), sides))
