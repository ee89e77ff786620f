"""The result of an attribution method, and the steps that methods share.

In: multipliers or shares per base. Out: attributions of genes, with the sums that they add up to.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kanseq.errors import BadOption
from kanseq.training.checkpoints import TrainedModel

if TYPE_CHECKING:
    from torch import Tensor

    from kanseq.models.network import SequenceNetwork


class Attribution(NamedTuple):
    """How much each column of some genes does to the explained logit.

    Attributes:
        values: mean over the references, ``(n, columns)`` float32; 0 where the model reads no base.
        logit: of the genes, ``(n,)`` float64.
        reference_logits: of each reference, ``(n, references)`` float64; no column where a method has no reference.
        sums: what the columns add up to beside each of them, ``(n, references)`` float64.
        errors: ``|sum − (logit − reference logit)| / max(1, Σ|values|)``, of each reference by itself.
        hypothetical: what any base ``b`` would add in a column's place, ``(n, 4, columns)`` float32, if asked for: the
            mean over references of ``m[b] − Σ_b' m[b']·r[b']`` with the multipliers ``m``.
    """

    values: np.ndarray
    logit: np.ndarray
    reference_logits: np.ndarray
    sums: np.ndarray
    errors: np.ndarray
    hypothetical: np.ndarray | None = None

    @property
    def reference_logit(self) -> np.ndarray:
        """Mean over each gene's references, ``(n,)``."""
        return self.reference_logits.mean(1)


class Options(NamedTuple):
    """What a method may be asked for.

    Attributes:
        hypothetical: whether contributions of bases that are not there are wanted, too.
        steps: points between a reference and a gene at which gradients are taken.
    """

    hypothetical: bool = False
    steps: int = 50


def network_of(model: TrainedModel) -> "SequenceNetwork":
    """Return a model's network, ready to be explained.

    Raises:
        BadOption: it has none.
    """
    if model.network is None:
        raise BadOption(
            f"the model '{model.architecture}' is no network, and has no gradient",
            hint="explain it with --method occlusion or ism",
        )
    return model.network.eval().requires_grad_(False)  # type: ignore[return-value]


def encoded(network: "SequenceNetwork", codes: np.ndarray) -> "Tensor":
    """One-hot encode codes ``(n, columns)`` as the network reads them, ``(n, 4, columns)`` on its device."""
    import torch

    device = next(network.parameters()).device
    return network.encode(torch.from_numpy(np.ascontiguousarray(codes)).to(device))


def attribution_of(
    multipliers: "Tensor", x: "Tensor", references: "Tensor", logit: "Tensor", below: "Tensor", options: Options
) -> Attribution:
    """Multiply with the differences and add up.

    Args:
        multipliers: ``(references, n, 4, columns)``.
        x: one-hot genes, ``(n, 4, columns)``.
        references: the same, ``(references, n, 4, columns)``.
        logit: of the genes, ``(n,)``.
        below: logits of the references, ``(references, n)``.
        options: whether hypothetical contributions are wanted.
    """
    shares = (multipliers * (x - references)).sum(2)
    sums = shares.double().sum(2)
    missing = sums - (logit.double() - below.double())
    errors = missing.abs() / shares.double().abs().sum(2).clamp(min=1)
    hypothetical = None
    if options.hypothetical:
        possible = (multipliers - (multipliers * references).sum(2, keepdim=True)).mean(0)
        # Where the model reads no base there is none that could be another one.
        hypothetical = (possible * x.sum(1, keepdim=True)).float().cpu().numpy()
    return Attribution(
        shares.double().mean(0).float().cpu().numpy(),
        logit.double().cpu().numpy(),
        below.double().t().cpu().numpy(),
        sums.t().cpu().numpy(),
        errors.t().cpu().numpy(),
        hypothetical,
    )


def joined(parts: Sequence[Attribution]) -> Attribution:
    """Lay the genes of several attributions behind each other."""
    if len(parts) == 1:
        return parts[0]
    columns = zip(*parts, strict=True)
    return Attribution(*(None if part[0] is None else np.concatenate(part) for part in columns))
