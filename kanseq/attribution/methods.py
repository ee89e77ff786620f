"""What can explain a logit: the methods by name, behind one signature.

In: a trained model, base codes, and references for them. Out: a number per base, and the logits that they explain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from kanseq.errors import BadOption
from kanseq.training.checkpoints import TrainedModel


class Attribution(NamedTuple):
    """How much each column of some genes does to the explained logit.

    Attributes:
        values: ``(n, columns)`` float32; 0 where the model reads no base.
        logit: of the genes, ``(n,)`` float64.
        reference_logit: mean over each gene's references, ``(n,)`` float64.
    """

    values: np.ndarray
    logit: np.ndarray
    reference_logit: np.ndarray


Attribute: TypeAlias = Callable[[TrainedModel, np.ndarray, np.ndarray], Attribution]
"""``(model, codes (n, columns) uint8, references (n, references, columns) uint8)`` to :class:`Attribution`."""


@dataclass(frozen=True)
class Method:
    """A way to explain.

    Attributes:
        name: what ``--method`` takes.
        summary: one line of what it does.
        attribute: the function.
    """

    name: str
    summary: str
    attribute: Attribute


def methods() -> dict[str, Method]:
    """Give every method by its name."""
    from kanseq.attribution.gradients import gradient_times_difference

    known = (
        Method(
            "gradient",
            "gradient of the logit at the gene, times (input - mean of the references)",
            gradient_times_difference,
        ),
    )
    return {method.name: method for method in known}


def find_method(name: str) -> Method:
    """Look a method up.

    Raises:
        BadOption: there is none of that name.
    """
    known = methods()
    if name not in known:
        raise BadOption(f"there is no method '{name}'", mend=f"choose {', '.join(known)}")
    return known[name]
