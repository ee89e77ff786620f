"""What can explain a logit: the methods by name, behind one signature, and what all of them give.

In: a trained model, base codes, what to compare them with. Out: a number per base, and the logits that they explain.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from kanseq.attribution.references import References
from kanseq.attribution.shares import Attribution, Options
from kanseq.errors import BadOption
from kanseq.training.checkpoints import TrainedModel

Attribute: TypeAlias = Callable[[TrainedModel, np.ndarray, Sequence[str], References, Options], Attribution]
"""``(model, codes (n, columns) uint8 with masked columns 4, names (n), references, options)``."""


@dataclass(frozen=True)
class Method:
    """A way to explain.

    Attributes:
        name: what ``--method`` takes.
        summary: one line of what it does.
        attribute: the function.
        has_references: whether its numbers add up to a difference to references.
        gives_hypothetical: whether it knows what a base that is not there would do.
    """

    name: str
    summary: str
    attribute: Attribute
    has_references: bool = True
    gives_hypothetical: bool = True


def methods() -> dict[str, Method]:
    """Give every method by its name."""
    from kanseq.attribution.gradients import gradient_times_difference, integrated_gradients
    from kanseq.attribution.paths import attribute_by_paths
    from kanseq.attribution.perturbation import in_silico_mutagenesis, occlude_tokens

    known = (
        Method("paths", "complete: shares of logit - reference logit along all paths", attribute_by_paths),
        Method("gradient", "gradient at the gene, times (gene - reference)", gradient_times_difference),
        Method("integrated", "mean gradient between reference and gene, times their difference", integrated_gradients),
        Method("occlusion", "the logit's fall when a token is replaced", occlude_tokens, True, False),
        Method("ism", "the logit's mean fall when a base is replaced by each other one", in_silico_mutagenesis, False),
    )
    return {method.name: method for method in known}


def find_method(name: str) -> Method:
    """Look a method up.

    Raises:
        BadOption: there is none of that name.
    """
    known = methods()
    if name not in known:
        raise BadOption(f"there is no method '{name}'", hint=f"choose {', '.join(known)}")
    return known[name]
