"""An estimator for several conditions or classes: one of the same kind for each.

In: base codes and targets ``(n, conditions)``. Out: logits ``(n, conditions)``, and the arrays of all models.

Several classes are learned each against the rest: their targets are 0 and 1 by class, ``(n, classes)``. Probabilities
are the softmax of the models' logits, as they are a network's: the models' own would not add up to 1.
"""

from collections.abc import Callable, Mapping

import numpy as np

from kanseq.models.config import Config
from kanseq.models.estimators import Estimator
from kanseq.models.logistic import Logistic
from kanseq.training.tasks import is_known


class SeveralEstimators(Estimator):
    """Estimators side by side.

    Attributes:
        models: one per condition or class.
    """

    def __init__(
        self,
        config: Config,
        build: Callable[[Config], Estimator],
        conditions: int,
        *,
        against_the_rest: bool = False,
    ) -> None:
        """Make unfitted models, all from the same configuration.

        Args:
            config, build: of each of them.
            conditions: how many.
            against_the_rest: they are classes of one question, so that their logits must have one scale.
        """
        super().__init__(config)
        self.models = [build(config) for _ in range(conditions)]
        for model in self.models:
            if against_the_rest and isinstance(model, Logistic):
                model.measure = "log-loss"

    @property
    def parameters(self) -> int:
        """The numbers of all models."""
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
        """Fit every model to the sequences whose target is known in its condition; ``groups`` are ``(n, conditions)``.

        See :meth:`kanseq.models.estimators.Estimator.fit`.
        """
        for at, (model, column) in enumerate(zip(self.models, targets.T, strict=True)):
            known = is_known(column)
            own = None if groups is None else groups[known, at]
            model.fit(codes[known], column[known], groups=own, seed=seed, balanced=balanced)

    def logits(self, codes: np.ndarray) -> np.ndarray:
        """Give each condition's (or class's) logits, ``(n, conditions)`` float64."""
        return np.stack([model.logits(codes) for model in self.models], axis=1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Give all arrays, each behind the number of its condition."""
        return {f"{at}.{name}": array for at, model in enumerate(self.models) for name, array in model.arrays().items()}

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what :meth:`arrays` gave."""
        for at, model in enumerate(self.models):
            before = f"{at}."
            model.load_arrays({name.removeprefix(before): a for name, a in arrays.items() if name.startswith(before)})
