"""Gradient-based attribution methods: gradient × difference (fast, but not complete) and integrated gradients.

In: a network, base codes, references. Out: one attribution per base.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kanseq.attribution.references import References
from kanseq.attribution.shares import Attribution, MethodOptions, attribution_of, concatenate, encoded, network_of
from kanseq.models.network import SequenceNetwork
from kanseq.runs.trained_model import TrainedModel
from kanseq.tasks.task import Task

ROWS = 128
"""Maximum number of sequences per forward pass."""


def gradient_times_difference(
    model: TrainedModel, codes: np.ndarray, names: Sequence[str], references: References, options: MethodOptions
) -> Attribution:
    """Multiply the gradient of the logit at the gene by the difference between gene and reference.

    ``a[c] = Σ_b ∂logit/∂x[b, c] · (x[b, c] − r[b, c])`` over the four bases ``b``, where ``x`` is the one-hot gene, and
    ``r`` the one-hot reference. The result is averaged over the references. This is gradient × input (Shrikumar et al.
    2016, arXiv:1605.01713) with references.

    Raises:
        BadOption: the model has no gradient.
    """
    network, task = network_of(model), model.task
    several = references.of(codes, names)
    parts = []
    height = min(ROWS, network.rows)
    for start in range(0, len(codes), height):
        rows = slice(start, start + height)
        x = encoded(network, codes[rows])
        others = torch.stack([encoded(network, several[rows, index]) for index in range(several.shape[1])])
        gradient, logit = _gradient(network, task, x)
        parts.append(attribution_of(gradient[None], x, others, logit, _logits(network, task, others), options))
    return concatenate(parts)


def integrated_gradients(
    model: TrainedModel, codes: np.ndarray, names: Sequence[str], references: References, options: MethodOptions
) -> Attribution:
    """Average the gradient along the straight line from each reference to the gene, and multiply by the difference.

    The gradient is computed at the midpoints of ``options.steps`` equal segments of the line (Sundararajan et al. 2017,
    arXiv:1703.01365). With more steps, the sum of the attributions approaches the difference between the logits.

    Raises:
        BadOption: the model has no gradient.
    """
    network, task = network_of(model), model.task
    several = references.of(codes, names)
    shares = (np.arange(options.steps) + 0.5) / options.steps
    height = max(1, min(ROWS, network.rows) // several.shape[1])
    parts = []
    for start in range(0, len(codes), height):
        rows = slice(start, start + height)
        x = encoded(network, codes[rows])
        others = torch.stack([encoded(network, several[rows, index]) for index in range(several.shape[1])])
        total = torch.zeros_like(others)
        for few, summed in zip(others.split(ROWS), total.split(ROWS), strict=True):
            for share in shares.tolist():
                summed.add_(_gradient(network, task, torch.lerp(few, x, share).flatten(0, 1))[0].view_as(few))
        with torch.no_grad():
            logit = task.logit(network.forward_encoded(x))
        mean = total / options.steps
        parts.append(attribution_of(mean, x, others, logit, _logits(network, task, others), options))
    return concatenate(parts)


def _gradient(network: SequenceNetwork, task: Task, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logit's gradient with respect to ``x (n, 4, columns)``, and the logits."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        logit = task.logit(network.forward_encoded(x))
    return torch.autograd.grad(logit.sum(), x)[0], logit.detach()


def _logits(network: SequenceNetwork, task: Task, references: Tensor) -> Tensor:
    """Return the logits ``(references, n)`` of one-hot references ``(references, n, 4, columns)``, in batches."""
    with torch.no_grad():
        parts = [task.logit(network.forward_encoded(part)) for part in references.flatten(0, 1).split(ROWS)]
    return torch.cat(parts).view(references.shape[:2])
