"""The result of an attribution method, and functions that several methods use.

In: multipliers of the inputs of a network. Out: attributions of genes, and their completeness errors.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kanseq.errors import BadOption
from kanseq.runs.trained_model import TrainedModel

if TYPE_CHECKING:
    from torch import Tensor

    from kanseq.models.network import SequenceNetwork


class Attribution(NamedTuple):
    """The attributions of some genes: the contribution of each column to the explained logit.

    Attributes:
        values: attributions, averaged over the references, ``(n, columns)`` float32; 0 where the model reads no base.
        logit: logits of the genes, ``(n,)`` float64.
        reference_logits: logits of each reference, ``(n, references)`` float64; ``(n, 0)`` for a method without
            references.
        sums: sum of the attributions over the columns, for each reference, ``(n, references)`` float64.
        errors: completeness errors ``|sum − (logit − reference logit)| / max(1, Σ|values|)``, for each reference,
            ``(n, references)`` float64.
        hypothetical: contribution that each base ``b`` would have in a column, ``(n, 4, columns)`` float32, if
            requested: the mean over references of ``m[b] − Σ_b' m[b']·r[b']`` with the multipliers ``m``.
    """

    values: np.ndarray
    logit: np.ndarray
    reference_logits: np.ndarray
    sums: np.ndarray
    errors: np.ndarray
    hypothetical: np.ndarray | None = None

    @property
    def reference_logit(self) -> np.ndarray:
        """Mean logit of each gene's references, ``(n,)``."""
        return self.reference_logits.mean(1)


class MethodOptions(NamedTuple):
    """Options of an attribution method.

    Attributes:
        hypothetical: whether to also return hypothetical contributions, see :class:`Attribution`.
        steps: number of points between reference and gene at which integrated gradients compute a gradient.
    """

    hypothetical: bool = False
    steps: int = 50


def network_of(model: TrainedModel) -> "SequenceNetwork":
    """Return a model's network in evaluation mode, without gradients for its parameters.

    Raises:
        BadOption: the model has no network.
    """
    if model.network is None:
        raise BadOption(
            f"the model '{model.architecture}' is not a network and has no gradient",
            hint="use --method occlusion or ism",
        )
    return model.network.eval().requires_grad_(False)  # type: ignore[return-value]


def encoded(network: "SequenceNetwork", codes: np.ndarray) -> "Tensor":
    """Convert base codes ``(n, columns)`` to the one-hot input of a network, ``(n, 4, columns)``, on its device."""
    import torch

    device = next(network.parameters()).device
    return network.encode(torch.from_numpy(np.ascontiguousarray(codes)).to(device))


def attribution_of(
    multipliers: "Tensor", x: "Tensor", references: "Tensor", logit: "Tensor", below: "Tensor", options: MethodOptions
) -> Attribution:
    """Compute attributions from multipliers and the differences between genes and references.

    Args:
        multipliers: ``(references, n, 4, columns)``.
        x: one-hot genes, ``(n, 4, columns)``.
        references: one-hot references, ``(references, n, 4, columns)``.
        logit: logits of the genes, ``(n,)``.
        below: logits of the references, ``(references, n)``.
        options: options of the method; only ``hypothetical`` is used.
    """
    shares = (multipliers * (x - references)).sum(2)
    sums = shares.double().sum(2)
    missing = sums - (logit.double() - below.double())
    errors = missing.abs() / shares.double().abs().sum(2).clamp(min=1)
    hypothetical = None
    if options.hypothetical:
        possible = (multipliers - (multipliers * references).sum(2, keepdim=True)).mean(0)
        # Columns in which the model reads no base have no hypothetical contributions either.
        hypothetical = (possible * x.sum(1, keepdim=True)).float().cpu().numpy()
    return Attribution(
        shares.double().mean(0).float().cpu().numpy(),
        logit.double().cpu().numpy(),
        below.double().t().cpu().numpy(),
        sums.t().cpu().numpy(),
        errors.t().cpu().numpy(),
        hypothetical,
    )


def concatenate(parts: Sequence[Attribution]) -> Attribution:
    """Concatenate the attributions of several batches of genes."""
    if len(parts) == 1:
        return parts[0]
    columns = zip(*parts, strict=True)
    return Attribution(*(None if part[0] is None else np.concatenate(part) for part in columns))
