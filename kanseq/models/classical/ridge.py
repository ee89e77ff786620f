"""Ridge regression on binned k-mer counts: the baseline for the prediction of expression levels.

In: uint8 base codes ``(n, columns)`` and numbers. Out: predicted numbers ``(n,)`` float64, and the learned arrays.
"""

import logging
from dataclasses import dataclass

import numpy as np

from kanseq.models.architecture import estimator
from kanseq.models.classical.kmers import BinnedKmers, KmerConfig
from kanseq.models.estimators import INNER_FOLDS, Linear, moments, standardised

logger = logging.getLogger(__name__)

PENALTIES = tuple(10.0**power for power in (6, 5, 4, 3, 2, 1))
"""Candidates for the penalty ``alpha``, from which cross-validation chooses; strongest first."""

UNTUNED = 1e4
"""Value of ``alpha`` if there are too few training genes for cross-validation."""


@dataclass(frozen=True, kw_only=True)
class KmerRidgeConfig(KmerConfig):
    """Hyper-parameters of :class:`KmerRidge`."""


class KmerRidge(BinnedKmers, Linear):
    """Ridge regression on standardised k-mer counts in bins along the windows.

    The penalty ``alpha`` is chosen among :data:`PENALTIES` by cross-validation within the training sequences (mean
    squared error). If several values are equally good, the largest is used. Then means, standard deviations and
    coefficients are computed from all training sequences.
    """

    def fit(
        self,
        codes: np.ndarray,
        targets: np.ndarray,
        *,
        groups: np.ndarray | None = None,
        seed: int = 0,
        balanced: bool = False,
    ) -> None:
        """Choose ``alpha`` by cross-validation, then fit to all training sequences; see :meth:`.Estimator.fit`.

        ``balanced`` is ignored because there are no classes.
        """
        from sklearn.linear_model import Ridge

        targets = np.asarray(targets, dtype=np.float64)
        features = self.features(codes)
        chosen = _choose(features, targets, groups, seed)
        mean, scale = moments(features)
        model = Ridge(chosen, solver="cholesky").fit(standardised(features, mean, scale), targets)
        self.keep(model, mean, scale, chosen)


ARCHITECTURE = estimator(
    name="kmer-ridge",
    summary="ridge regression on k-mer counts in bins",
    source="kanseq, with scikit-learn (Pedregosa et al. 2011)",
    config=KmerRidgeConfig,
    build=KmerRidge,
    tasks=("regression",),
)


def _choose(features: np.ndarray, targets: np.ndarray, groups: np.ndarray | None, seed: int) -> float:
    """Choose ``alpha`` among :data:`PENALTIES` by cross-validation (lowest mean squared error, then largest value)."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GroupKFold, KFold

    kinds = 1 if groups is None else len(np.unique(groups))
    folds = min(INNER_FOLDS, kinds if kinds > 1 else len(targets) // 2)
    if folds < 2:
        logger.info("too few training sequences to choose a regularisation; alpha = %g", UNTUNED)
        return UNTUNED
    cut = GroupKFold(folds) if kinds > 1 else KFold(folds, shuffle=True, random_state=seed)
    errors = []
    for fitted, scored in cut.split(features, targets, groups):
        inner = standardised(features, *moments(features[fitted]))
        models = (Ridge(alpha, solver="cholesky").fit(inner[fitted], targets[fitted]) for alpha in PENALTIES)
        errors.append([np.mean((model.predict(inner[scored]) - targets[scored]) ** 2) for model in models])
    return PENALTIES[int(np.argmin(np.mean(errors, axis=0).round(9)))]
