"""Refit the weights of a KAN layer when its basis functions change, so that the learned functions stay the same.

In: weights, and the values of old and new basis functions at samples. Out: weights for the new basis functions.
"""

from collections.abc import Iterable

import torch
from torch import Tensor


def refit(weight: Tensor, pairs: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """Compute weights of new basis functions by a least-squares fit to the function of each edge at samples.

    The normal equations are summed in float64 over chunks of samples. If the samples do not determine the weights, the
    solution with the smallest norm is used.

    Args:
        weight: weights of the old basis functions, ``(outputs, inputs, size)``.
        pairs: for each chunk of samples, the values of the old basis functions ``(n, inputs, size)`` and those of the
            new ones ``(n, inputs, new size)``.

    Returns:
        Weights of the new basis functions, ``(outputs, inputs, new size)``, in the dtype of ``weight``.
    """
    gram: Tensor | float = 0.0
    mixed: Tensor | float = 0.0
    for old, new in pairs:
        # (inputs, new size, n)
        rows = new.double().permute(1, 2, 0)
        gram = gram + rows @ rows.mT
        mixed = mixed + rows @ old.double().transpose(0, 1)
    assert isinstance(gram, Tensor)
    step = torch.linalg.pinv(gram, rtol=1e-12, hermitian=True) @ mixed
    return (step @ weight.detach().double().permute(1, 2, 0)).permute(2, 0, 1).to(weight).contiguous()
