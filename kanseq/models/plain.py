"""Plain models, the measure of every network: logistic regression on base composition or on binned k-mer counts.

In: uint8 codes ``(n, columns)`` and targets. Out: logits ``(n,)`` float64, and arrays to store.
"""

import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kanseq.errors import OneClass
from kanseq.models.architecture import CLASSIFIERS, Config, predictor
from kanseq.models.kmers import ROWS, BinnedKmers, KmerConfig, base_fractions

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression, Ridge

logger = logging.getLogger(__name__)

REGULARISATIONS = tuple(10.0**power for power in (-5.0, -4.5, -4.0, -3.5, -3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0))
"""Inverse strengths ``C`` among which the training genes choose."""

UNTUNED = 1e-3
"""``C`` where the training genes are too few to choose."""

INNER_FOLDS = 5


class PlainModel(ABC):
    """A model that is fitted at once, without steps.

    Attributes:
        config: what it was built from.
    """

    def __init__(self, config: Config) -> None:
        """Make an unfitted model."""
        self.config = config

    @property
    @abstractmethod
    def parameters(self) -> int:
        """How many numbers the fit learns."""

    @abstractmethod
    def fit(
        self,
        codes: np.ndarray,
        targets: np.ndarray,
        *,
        groups: np.ndarray | None = None,
        seed: int = 0,
        balanced: bool = False,
    ) -> None:
        """Fit to training sequences.

        Args:
            codes: ``(n, columns)`` uint8.
            targets: ``(n,)`` 0 or 1; numbers for a model that learns the task ``regression``.
            groups: ``(n,)``, sequences that must stay together when hyper-parameters are chosen (blocks, chromosomes).
            seed: of random choices.
            balanced: weigh each class by its rarity.

        Raises:
            OneClass: classes are to be told apart, and all targets are the same.
        """

    @abstractmethod
    def logits(self, codes: np.ndarray) -> np.ndarray:
        """Log-odds of target 1, or the number that is foretold, ``(n,)`` float64."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """All that was learned, by name."""

    @abstractmethod
    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what :meth:`arrays` gave.

        Raises:
            ValueError: names or shapes are not those of this model.
        """


class Linear(PlainModel):
    """A linear model of standardised features; subclasses say which features, and how it is fitted.

    Attributes:
        mean, scale: of the training sequences' features, ``(width,)``.
        coefficients: of the standardised features, ``(width,)``.
        intercept: ``(1,)``.
        regularisation: what was chosen inside the training sequences, ``(1,)``; NaN before.
    """

    def __init__(self, config: Config) -> None:
        """Make an unfitted model, whose logits are all 0."""
        super().__init__(config)
        self.mean = np.zeros(self.width)
        self.scale = np.ones(self.width)
        self.coefficients = np.zeros(self.width)
        self.intercept = np.zeros(1)
        self.regularisation = np.full(1, np.nan)

    @property
    @abstractmethod
    def width(self) -> int:
        """Number of features."""

    @abstractmethod
    def features(self, codes: np.ndarray) -> np.ndarray:
        """Describe sequences by numbers, ``(n, width)`` float32."""

    @property
    def parameters(self) -> int:
        """Coefficients and intercept."""
        return self.width + 1

    def logits(self, codes: np.ndarray) -> np.ndarray:
        """Log-odds of target 1, or the number that is foretold, ``(n,)`` float64."""
        logits = np.empty(len(codes))
        for start in range(0, len(codes), ROWS):
            part = slice(start, start + ROWS)
            features = self.features(codes[part]).astype(np.float64)
            # A product of one row goes another way through BLAS; a sum per row is the same in every batch.
            logits[part] = ((features - self.mean) / self.scale * self.coefficients).sum(axis=1) + self.intercept
        return logits

    def arrays(self) -> dict[str, np.ndarray]:
        """Means, standard deviations, coefficients ``(width,)``; intercept, regularisation ``(1,)``; all float64."""
        return {name: getattr(self, name) for name in self._names}

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what :meth:`arrays` gave."""
        shapes = {name: array.shape for name, array in self.arrays().items()}
        if shapes != {name: np.shape(array) for name, array in arrays.items()}:
            raise ValueError(f"arrays {sorted(shapes)} for {self.width:,} features are wanted")
        for name in self._names:
            setattr(self, name, np.asarray(arrays[name], dtype=np.float64))

    _names = ("mean", "scale", "coefficients", "intercept", "regularisation")

    def keep(self, model: "LogisticRegression | Ridge", mean: np.ndarray, scale: np.ndarray, chosen: float) -> None:
        """Take over what was fitted to features of these moments."""
        self.mean, self.scale, self.regularisation = mean, scale, np.array([chosen])
        self.coefficients = np.ravel(model.coef_).astype(np.float64)
        self.intercept = np.atleast_1d(model.intercept_).astype(np.float64)


class Logistic(Linear):
    """L2-regularised logistic regression on standardised features.

    ``C`` is chosen among :data:`REGULARISATIONS` by mean auROC over inner folds of the training sequences; the smaller
    one wins a tie. Means, standard deviations and coefficients are then taken from all training sequences.

    Attributes:
        measure: what ``C`` is chosen by, ``auroc`` or ``log-loss``; the latter where logits of several models are held
            against each other, because an area knows nothing of their scale.
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
        """Choose ``C`` inside the training sequences, then fit to all of them; see :meth:`PlainModel.fit`."""
        targets = check_classes(targets)
        features = self.features(codes)
        chosen, _ = choose_regularisation(features, targets, groups, seed, balanced, self.measure)
        mean, scale = moments(features)
        model = _regression(balanced)
        _refit(model, standardised(features, mean, scale), targets, chosen)
        self.keep(model, mean, scale, chosen)


@dataclass(frozen=True, kw_only=True)
class GCConfig(Config):
    """What :class:`GC` is built from."""


class GC(Logistic):
    """Logistic regression on the shares of A, C, G and T."""

    @property
    def width(self) -> int:
        """One feature per base."""
        return 4

    def features(self, codes: np.ndarray) -> np.ndarray:
        """Shares of the four bases among all visible columns."""
        return base_fractions(codes, self.config.geometry)


@dataclass(frozen=True, kw_only=True)
class KmerLogisticConfig(KmerConfig):
    """What :class:`KmerLogistic` is built from."""


class KmerLogistic(BinnedKmers, Logistic):
    """Logistic regression on k-mer counts in bins along the windows."""


ARCHITECTURES = (
    predictor(
        name="gc",
        summary="logistic regression on base composition",
        source="kanseq",
        config=GCConfig,
        build=GC,
        plain=True,
        tasks=CLASSIFIERS,
    ),
    predictor(
        name="kmer-logistic",
        summary="logistic regression on k-mer counts in bins",
        source="kanseq, by scikit-learn (Pedregosa et al. 2011)",
        config=KmerLogisticConfig,
        build=KmerLogistic,
        plain=True,
        tasks=CLASSIFIERS,
    ),
)


def check_classes(targets: np.ndarray) -> np.ndarray:
    """Give targets as int64 0 and 1.

    Raises:
        OneClass: all are the same.
    """
    targets = np.asarray(targets).astype(np.int64)
    if len(np.unique(targets)) != 2:
        raise OneClass("all training sequences carry the same label", mend="give both classes")
    return targets


def moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations in float64; a constant feature gets 1, so that it becomes 0."""
    scale = features.std(axis=0, dtype=np.float64)
    return features.mean(axis=0, dtype=np.float64), np.where(scale > 0, scale, 1.0)


def standardised(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Shift and scale features in float32."""
    return (features - mean.astype(np.float32)) / scale.astype(np.float32)


def _regression(balanced: bool) -> "LogisticRegression":
    """Make scikit-learn's regression (L2 is its default penalty), which goes on from its last coefficients."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=2000, warm_start=True, class_weight="balanced" if balanced else None)


def _refit(model: "LogisticRegression", features: np.ndarray, targets: np.ndarray, regularisation: float) -> None:
    """Fit with one ``C``."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # 2,000 steps of a convex problem that still crawl are close enough to rank genes.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.set_params(C=regularisation).fit(features, targets)


def _inner_folds(targets: np.ndarray, groups: np.ndarray | None, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows to fit and rows to score: groups left out together, or random folds where there are no groups."""
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
    """Find the ``C`` with the highest mean auROC on inner folds of the training sequences; the smallest of equals.

    Args:
        features: ``(n, width)``.
        targets, groups, seed, balanced: as for :meth:`PlainModel.fit`.
        measure: ``auroc``, or ``log-loss`` for the lowest mean of that.

    Returns:
        ``C``, and that auROC, or the log-loss below 0; :data:`UNTUNED` and NaN where the sequences are too few.
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
