"""Fit weights on a new basis so that curves follow those on the old basis as closely as possible.

In: weights, and both bases at samples. Out: new weights.
"""

from collections.abc import Iterable

import torch
from torch import Tensor


def refit(weight: Tensor, pairs: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """Fit each edge's curve by least squares over samples of its input.

    The normal equations are summed in float64, chunk by chunk. If the samples do not determine the weights, the
    smallest ones are used.

    Args:
        weight: ``(outputs, inputs, size)`` on the old basis.
        pairs: chunks of samples: old basis ``(n, inputs, size)`` and new basis ``(n, inputs, new size)``.

    Returns:
        ``(outputs, inputs, new size)``, in the dtype of ``weight``.
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
