"""Combine several estimators of the same kind, one for each condition or class.

In: base codes and targets ``(n, conditions)``. Out: logits ``(n, conditions)``, and the arrays of all estimators.

For several classes, each estimator learns one class against all others: targets are 0 and 1 for each class,
``(n, classes)``. Probabilities are the softmax of the logits, as for a network, because the probabilities of separate
estimators do not add up to 1.
"""

from collections.abc import Callable, Mapping

import numpy as np

from kanseq.models.classical.logistic import Logistic
from kanseq.models.config import Config
from kanseq.models.estimators import Estimator
from kanseq.tasks.task import is_known


class SeveralEstimators(Estimator):
    """Independent estimators, one per condition or class, that are used like a single estimator.

    Attributes:
        models: the estimators, in the order of conditions or classes.
    """

    def __init__(
        self,
        config: Config,
        build: Callable[[Config], Estimator],
        conditions: int,
        *,
        against_the_rest: bool = False,
    ) -> None:
        """Create the unfitted estimators, all with the same hyper-parameters.

        Args:
            config, build: hyper-parameters and constructor of each estimator.
            conditions: number of conditions or classes.
            against_the_rest: whether each estimator learns one class against all others, which requires logits on the
                same scale.
        """
        super().__init__(config)
        self.models = [build(config) for _ in range(conditions)]
        for model in self.models:
            if against_the_rest and isinstance(model, Logistic):
                model.measure = "log-loss"

    @property
    def parameters(self) -> int:
        """Number of parameters of all estimators together."""
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
        """Fit each estimator to the sequences with a known target in its condition or class.

        ``targets`` and ``groups`` are ``(n, conditions)``; for the other arguments see
        :meth:`kanseq.models.estimators.Estimator.fit`.
        """
        for at, (model, column) in enumerate(zip(self.models, targets.T, strict=True)):
            known = is_known(column)
            own = None if groups is None else groups[known, at]
            model.fit(codes[known], column[known], groups=own, seed=seed, balanced=balanced)

    def logits(self, codes: np.ndarray) -> np.ndarray:
        """Compute the logits of sequences for each condition or class, ``(n, conditions)`` float64."""
        return np.stack([model.logits(codes) for model in self.models], axis=1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the learned arrays of all estimators; names start with the index of the condition or class."""
        return {f"{at}.{name}": array for at, model in enumerate(self.models) for name, array in model.arrays().items()}

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load learned arrays, as returned by :meth:`arrays`."""
        for at, model in enumerate(self.models):
            before = f"{at}."
            model.load_arrays({name.removeprefix(before): a for name, a in arrays.items() if name.startswith(before)})
