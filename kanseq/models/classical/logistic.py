"""Logistic regression on base composition or on binned k-mer counts.

In: uint8 base codes ``(n, columns)`` and classes. Out: logits ``(n,)`` float64, and the learned arrays.
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
"""Candidates for the inverse regularisation strength ``C``, from which cross-validation chooses."""

UNTUNED = 1e-3
"""Value of ``C`` if there are too few training genes for cross-validation."""


class Logistic(Linear):
    """L2-regularised logistic regression on standardised features.

    The inverse regularisation strength ``C`` is chosen among :data:`REGULARISATIONS` by cross-validation within the
    training sequences. If several values are equally good, the smallest is used. Then means, standard deviations and
    coefficients are computed from all training sequences.

    Attributes:
        measure: the score that cross-validation optimises, ``auroc`` or ``log-loss``. Use ``log-loss`` if the logits
            of several models are compared, because auROC does not depend on the scale of the logits.
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
        """Choose ``C`` by cross-validation, then fit to all training sequences; see :meth:`.Estimator.fit`."""
        targets = check_classes(targets)
        features = self.features(codes)
        chosen, _ = choose_regularisation(features, targets, groups, seed, balanced, self.measure)
        mean, scale = moments(features)
        model = _regression(balanced)
        _refit(model, standardised(features, mean, scale), targets, chosen)
        self.keep(model, mean, scale, chosen)


@dataclass(frozen=True, kw_only=True)
class GCConfig(Config):
    """Hyper-parameters of :class:`GC`: only the geometry."""


class GC(Logistic):
    """Logistic regression on base composition: the fractions of A, C, G and T."""

    @property
    def width(self) -> int:
        """Number of features: one per base."""
        return 4

    def features(self, codes: np.ndarray) -> np.ndarray:
        """Return the fractions of A, C, G and T among the visible bases of each sequence, ``(n, 4)`` float32."""
        return base_fractions(codes, self.config.geometry)


@dataclass(frozen=True, kw_only=True)
class KmerLogisticConfig(KmerConfig):
    """Hyper-parameters of :class:`KmerLogistic`."""


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
        source="kanseq, with scikit-learn (Pedregosa et al. 2011)",
        config=KmerLogisticConfig,
        build=KmerLogistic,
    ),
)


def _regression(balanced: bool) -> "LogisticRegression":
    """Build an unfitted scikit-learn model with L2 penalty (the default). Each fit starts from the last solution."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=2000, warm_start=True, class_weight="balanced" if balanced else None)


def _refit(model: "LogisticRegression", features: np.ndarray, targets: np.ndarray, regularisation: float) -> None:
    """Fit the model to standardised features with ``C = regularisation``, ignoring warnings about convergence."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # The problem is convex: after 2,000 iterations the result is good enough to rank genes.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.set_params(C=regularisation).fit(features, targets)


def _inner_folds(targets: np.ndarray, groups: np.ndarray | None, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield, for each cross-validation fold, the rows to fit a model to and the rows to score.

    Folds do not split groups. With fewer than two groups, folds are random and stratified by class. Nothing is yielded
    if there are too few sequences.
    """
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
    """Choose the inverse regularisation strength ``C`` among :data:`REGULARISATIONS` by cross-validation.

    Args:
        features: features of the training sequences, ``(n, width)``; not standardised.
        targets, groups, seed, balanced: as for :meth:`kanseq.models.estimators.Estimator.fit`.
        measure: ``auroc`` to choose the highest mean auROC over folds, or ``log-loss`` to choose the lowest mean
            log-loss.

    Returns:
        ``C`` (the smallest of equally good values), and its mean auROC or negative mean log-loss. If there are too few
        sequences, the result is :data:`UNTUNED` and NaN.
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
