"""Gradient times difference: the first-order guess at what each base does to the logit.

In: a network, base codes, references. Out: a number per base; cheap, and not complete.
"""

import numpy as np
import torch
from torch import Tensor

from kanseq.attribution.methods import Attribution
from kanseq.errors import BadOption
from kanseq.training.checkpoints import TrainedModel


def gradient_times_difference(model: TrainedModel, codes: np.ndarray, references: np.ndarray) -> Attribution:
    """Multiply the logit's gradient at the gene with its difference from the mean reference.

    ``a[c] = Σ_b ∂logit/∂x[b, c] · (x[b, c] − mean over references of r[b, c])`` over the four bases ``b``, where ``x``
    is the one-hot input (gradient × input of Shrikumar et al. 2016, arXiv:1605.01713, against references).

    Args:
        model: a trained network in evaluation mode.
        codes: base codes, ``(n, columns)`` uint8.
        references: base codes, ``(n, references, columns)`` uint8.

    Raises:
        BadOption: the model has no gradient.
    """
    network = model.network
    if network is None:
        raise BadOption(
            f"the model '{model.architecture}' has no gradient", mend="explain a network such as kan-mixer instead"
        )
    device = next(network.parameters()).device

    def encoded(batch: np.ndarray) -> Tensor:
        return network.encode(torch.from_numpy(np.ascontiguousarray(batch)).to(device))

    mean_reference, reference_logit = torch.zeros(()), np.zeros(len(codes))
    with torch.no_grad():
        # One reference of every gene at a time: no more sequences at once than there are genes.
        for index in range(references.shape[1]):
            reference = encoded(references[:, index])
            mean_reference = mean_reference.to(reference) + reference / references.shape[1]
            logit = model.task.logit(network.forward_encoded(reference))
            reference_logit += logit.double().cpu().numpy() / references.shape[1]
    x = encoded(codes).requires_grad_()
    logit = model.task.logit(network.forward_encoded(x))
    (gradient,) = torch.autograd.grad(logit.sum(), x)
    values = (gradient * (x.detach() - mean_reference)).sum(dim=1)
    return Attribution(
        values.float().cpu().numpy(),
        logit.detach().double().cpu().numpy(),
        reference_logit,
    )
