"""Logistic regression on base composition or on binned k-mer counts.

In: uint8 codes ``(n, columns)`` and classes. Out: logits ``(n,)`` float64, and arrays to store.
"""

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kanseq.models.architecture import estimator
from kanseq.models.classical.kmers import BinnedKmers, KmerConfig, base_fractions
from kanseq.models.config import Config
from kanseq.models.estimators import INNER_FOLDS, Linear, check_classes, moments, standardised

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

logger = logging.getLogger(__name__)

REGULARISATIONS = tuple(10.0**power for power in (-5.0, -4.5, -4.0, -3.5, -3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0))
"""Candidates for the inverse strength ``C``, chosen on the training genes."""

UNTUNED = 1e-3
"""``C`` if there are too few training genes to choose."""


class Logistic(Linear):
    """L2-regularised logistic regression on standardised features.

    ``C`` is chosen among :data:`REGULARISATIONS` by mean auROC over inner folds of the training sequences; a tie goes
    to the smaller one. Means, standard deviations and coefficients are then computed from all training sequences.

    Attributes:
        measure: the criterion for ``C``, ``auroc`` or ``log-loss``. Use the latter if logits of several models are
            compared, because auROC does not depend on their scale.
    """

    measure: str = "auroc"

    def fit(
        self,
        codes: np.ndarray,
        targets: np.ndarray,
        *,
        groups: np.ndarray | None = None,
        seed: int = 0,
        balanced: bool = False,
    ) -> None:
        """Choose ``C`` within the training sequences, then fit to all of them; see :meth:`.Estimator.fit`."""
        targets = check_classes(targets)
        features = self.features(codes)
        chosen, _ = choose_regularisation(features, targets, groups, seed, balanced, self.measure)
        mean, scale = moments(features)
        model = _regression(balanced)
        _refit(model, standardised(features, mean, scale), targets, chosen)
        self.keep(model, mean, scale, chosen)


@dataclass(frozen=True, kw_only=True)
class GCConfig(Config):
    """Configuration of :class:`GC`."""


class GC(Logistic):
    """Logistic regression on the fractions of A, C, G and T."""

    @property
    def width(self) -> int:
        """One feature per base."""
        return 4

    def features(self, codes: np.ndarray) -> np.ndarray:
        """Return the fractions of the four bases among all visible ones."""
        return base_fractions(codes, self.config.geometry)


@dataclass(frozen=True, kw_only=True)
class KmerLogisticConfig(KmerConfig):
    """Configuration of :class:`KmerLogistic`."""


class KmerLogistic(BinnedKmers, Logistic):
    """Logistic regression on k-mer counts in bins along the windows."""


ARCHITECTURES = (
    estimator(
        name="gc",
        summary="logistic regression on base composition",
        source="kanseq",
        config=GCConfig,
        build=GC,
    ),
    estimator(
        name="kmer-logistic",
        summary="logistic regression on k-mer counts in bins",
        source="kanseq, by scikit-learn (Pedregosa et al. 2011)",
        config=KmerLogisticConfig,
        build=KmerLogistic,
    ),
)


def _regression(balanced: bool) -> "LogisticRegression":
    """Build scikit-learn's regression (L2 is its default penalty) with a warm start from its last coefficients."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=2000, warm_start=True, class_weight="balanced" if balanced else None)


def _refit(model: "LogisticRegression", features: np.ndarray, targets: np.ndarray, regularisation: float) -> None:
    """Fit with one ``C``."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # After 2,000 steps of a convex problem, the result is close enough to rank genes.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.set_params(C=regularisation).fit(features, targets)


def _inner_folds(targets: np.ndarray, groups: np.ndarray | None, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows to fit and rows to score: folds of complete groups, or random folds if there are no groups."""
    from sklearn.model_selection import GroupKFold, StratifiedKFold

    kinds = 1 if groups is None else len(np.unique(groups))
    if kinds > 1:
        yield from GroupKFold(min(INNER_FOLDS, kinds)).split(targets, targets, groups)
    elif (folds := min(INNER_FOLDS, int(np.bincount(targets).min()))) > 1:
        yield from StratifiedKFold(folds, shuffle=True, random_state=seed).split(targets, targets)


def choose_regularisation(
    features: np.ndarray,
    targets: np.ndarray,
    groups: np.ndarray | None,
    seed: int = 0,
    balanced: bool = False,
    measure: str = "auroc",
) -> tuple[float, float]:
    """Return the ``C`` with the highest mean auROC over inner folds; a tie goes to the smallest.

    Args:
        features: ``(n, width)``.
        targets, groups, seed, balanced: as for :meth:`kanseq.models.estimators.Estimator.fit`.
        measure: ``auroc``, or ``log-loss`` to choose the lowest mean log-loss.

    Returns:
        ``C``, and its mean auROC or negative log-loss; :data:`UNTUNED` and NaN if there are too few sequences.
    """
    from sklearn.metrics import roc_auc_score

    scores = []
    for fitted, scored in _inner_folds(targets, groups, seed):
        if len(np.unique(targets[fitted])) < 2 or len(np.unique(targets[scored])) < 2:
            continue
        inner = standardised(features, *moments(features[fitted]))
        model = _regression(balanced)
        fold_scores = []
        for regularisation in REGULARISATIONS:
            _refit(model, inner[fitted], targets[fitted], regularisation)
            logits = model.decision_function(inner[scored])
            if measure == "auroc":
                fold_scores.append(roc_auc_score(targets[scored], logits))
            else:
                fold_scores.append(-np.mean(np.logaddexp(0.0, np.where(targets[scored] == 1, -logits, logits))))
        scores.append(fold_scores)
    if not scores:
        logger.info("too few training sequences to choose a regularisation; C = %g", UNTUNED)
        return UNTUNED, float("nan")
    means = np.mean(scores, axis=0).round(6)
    return REGULARISATIONS[int(np.argmax(means))], float(means.max())
