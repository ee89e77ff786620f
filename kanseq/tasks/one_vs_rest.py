"""Estimators for several conditions or classes: one estimator of the same kind for each.

In: base codes and targets ``(n, conditions)``. Out: logits ``(n, conditions)``, and the arrays of all models.

Several classes are learned each against the rest: their targets are 0 and 1 for each class, ``(n, classes)``.
Probabilities are the softmax of the logits, as for a network, because the models' own probabilities do not add up to 1.
"""

from collections.abc import Callable, Mapping

import numpy as np

from kanseq.models.classical.logistic import Logistic
from kanseq.models.config import Config
from kanseq.models.estimators import Estimator
from kanseq.tasks.task import is_known


class SeveralEstimators(Estimator):
    """Independent estimators, one per condition or class.

    Attributes:
        models: the estimators.
    """

    def __init__(
        self,
        config: Config,
        build: Callable[[Config], Estimator],
        conditions: int,
        *,
        against_the_rest: bool = False,
    ) -> None:
        """Make unfitted models, all with the same configuration.

        Args:
            config, build: configuration and constructor of each model.
            conditions: number of conditions or classes.
            against_the_rest: whether they are the classes of one task, so that their logits must have the same scale.
        """
        super().__init__(config)
        self.models = [build(config) for _ in range(conditions)]
        for model in self.models:
            if against_the_rest and isinstance(model, Logistic):
                model.measure = "log-loss"

    @property
    def parameters(self) -> int:
        """The number of parameters of all models."""
        return sum(model.parameters for model in self.models)

    def fit(
        self,
        codes: np.ndarray,
        targets: np.ndarray,
        *,
        groups: np.ndarray | None = None,
        seed: int = 0,
        balanced: bool = False,
    ) -> None:
        """Fit each model to the sequences whose target is known in its condition; ``groups`` are ``(n, conditions)``.

        See :meth:`kanseq.models.estimators.Estimator.fit`.
        """
        for at, (model, column) in enumerate(zip(self.models, targets.T, strict=True)):
            known = is_known(column)
            own = None if groups is None else groups[known, at]
            model.fit(codes[known], column[known], groups=own, seed=seed, balanced=balanced)

    def logits(self, codes: np.ndarray) -> np.ndarray:
        """Return the logits of each condition or class, ``(n, conditions)`` float64."""
        return np.stack([model.logits(codes) for model in self.models], axis=1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays of all models; each name is prefixed with the number of its condition."""
        return {f"{at}.{name}": array for at, model in enumerate(self.models) for name, array in model.arrays().items()}

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load the arrays that :meth:`arrays` returned."""
        for at, model in enumerate(self.models):
            before = f"{at}."
            model.load_arrays({name.removeprefix(before): a for name, a in arrays.items() if name.startswith(before)})
