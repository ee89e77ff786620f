"""Complete path attribution: divide the difference between the logits of a gene and a reference among its bases.

In: a trained network, base codes and references. Out: one attribution per base. They sum to that difference, up to
rounding errors.

The network runs once on a stack of genes and references. Its backward pass propagates multipliers instead of gradients,
by the rules in :mod:`kanseq.attribution.rules`, which :mod:`kanseq.attribution.operations` applies to each operation.
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
from kanseq.attribution.shares import Attribution, MethodOptions, attribution_of, concatenate, encoded, network_of
from kanseq.errors import NoRule
from kanseq.runs.trained_model import TrainedModel


class Multipliers(NamedTuple):
    """Multipliers of the inputs of a network, and its outputs: the result of :func:`path_multipliers`.

    Attributes:
        values: multipliers ``(references, n, …)``: ``Σ values·(x − r)`` is the difference between the outputs for the
            input ``x`` and its reference ``r``.
        outputs: outputs of the network for the inputs, then for each reference, ``(1 + references, n)``.
    """

    values: Tensor
    outputs: Tensor


def attribute_by_paths(
    model: TrainedModel, codes: np.ndarray, names: Sequence[str], references: References, options: MethodOptions
) -> Attribution:
    """Distribute each gene's ``logit(x) − logit(r)`` over its bases for every reference ``r``, and average over ``r``.

    Raises:
        NoRule: the network has an operation without a rule.
    """
    network = network_of(model)
    several = references.of(codes, names)
    # The network's row limit includes the references.
    height = max(1, network.rows // (1 + several.shape[1]))
    parts = []
    for start in range(0, len(codes), height):
        some = slice(start, start + height)
        x = encoded(network, codes[some])
        others = torch.stack([encoded(network, several[some, index]) for index in range(several.shape[1])])
        # References are independent of each other, so many of them can be processed in parts.
        found = [
            path_multipliers(network, lambda stack: model.task.logit(network.forward_encoded(stack)), x, few)
            for few in others.split(network.rows)
        ]
        values, below = (
            torch.cat(each) for each in zip(*((one.values, one.outputs[1:]) for one in found), strict=True)
        )
        parts.append(attribution_of(values, x, others, found[0].outputs[0], below, options))
    return concatenate(parts)


def path_multipliers(
    network: nn.Module, function: Callable[[Tensor], Tensor], x: Tensor, references: Tensor
) -> Multipliers:
    """Propagate differences between the outputs for inputs and for references back to the inputs, along all paths.

    Args:
        network: the network that ``function`` runs, in evaluation mode and with parameters that require no gradient;
            errors name its modules.
        function: maps a stack of inputs ``(m, …)``, row by row, to numbers ``(m,)``.
        x: inputs of the network, ``(n, …)``.
        references: references of each input, ``(references, n, …)``.

    Raises:
        NoRule: an operation has no rule.
    """
    sides = 1 + len(references)
    stack = torch.cat([x[None], references]).flatten(0, 1).requires_grad_()
    try:
        with torch.enable_grad(), PathRules(sides, len(stack), partial(layer_at_work, network)):
            # Pass a copy, because a network may change its input in place.
            outputs = function(stack.clone())
        grad_outputs = torch.ones_like(outputs)
        grad_outputs[: len(x)] = 0
        (found,) = torch.autograd.grad(outputs, stack, grad_outputs)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise NoRule(f"the method paths cannot explain this model ({reason})", hint="use --method occlusion") from error
    return Multipliers(rules.apart(found, sides)[1:], rules.apart(outputs.detach(), sides))
