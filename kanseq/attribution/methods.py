"""The attribution methods of kanseq, by name. All of them have the same signature.

In: a trained model, base codes, references. Out: one attribution per base, and the logits that they explain.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from kanseq.attribution.gradients import gradient_times_difference, integrated_gradients
from kanseq.attribution.paths import attribute_by_paths
from kanseq.attribution.perturbation import in_silico_mutagenesis, occlude_tokens
from kanseq.attribution.references import References
from kanseq.attribution.shares import Attribution, MethodOptions
from kanseq.errors import BadOption
from kanseq.runs.trained_model import TrainedModel

Attribute: TypeAlias = Callable[[TrainedModel, np.ndarray, Sequence[str], References, MethodOptions], Attribution]
"""Arguments of a method: ``(model, codes (n, columns) uint8 with masked columns 4, ids (n,), references, options)``."""


@dataclass(frozen=True)
class Method:
    """An attribution method.

    Attributes:
        name: value of ``--method``.
        summary: one-line description.
        attribute: function that computes attributions.
        has_references: whether attributions should sum to the difference between the logits of gene and reference.
        gives_hypothetical: whether the method can return hypothetical contributions.
    """

    name: str
    summary: str
    attribute: Attribute
    has_references: bool = True
    gives_hypothetical: bool = True


def methods() -> dict[str, Method]:
    """Return all attribution methods by name."""
    known = (
        Method("paths", "logit - reference logit, distributed over the bases without remainder", attribute_by_paths),
        Method("gradient", "gradient at the gene, times (gene - reference)", gradient_times_difference),
        Method("integrated", "mean gradient between reference and gene, times their difference", integrated_gradients),
        Method("occlusion", "drop of the logit when a token is replaced", occlude_tokens, True, False),
        Method(
            "ism", "mean drop of the logit when a base is replaced by the other three", in_silico_mutagenesis, False
        ),
    )
    return {method.name: method for method in known}


def find_method(name: str) -> Method:
    """Return the attribution method with the given name.

    Raises:
        BadOption: there is no method with that name.
    """
    known = methods()
    if name not in known:
        raise BadOption(f"there is no method '{name}'", hint=f"choose {', '.join(known)}")
    return known[name]
