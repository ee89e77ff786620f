"""Base classes of estimators, which are fitted by one call instead of gradient steps, and are baselines for networks.

In: uint8 base codes ``(n, columns)`` and targets. Out: logits ``(n,)`` float64, and the learned arrays.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from kanseq.errors import OneClass
from kanseq.models.config import Config

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression, Ridge

INNER_FOLDS = 5
"""Maximum number of folds in the cross-validation by which an estimator chooses its hyper-parameters."""


class Estimator(ABC):
    """Base class of models that are fitted by one call of :meth:`fit`, without gradient steps.

    Declare a subclass as an architecture with :func:`kanseq.models.architecture.estimator`.

    Attributes:
        config: the hyper-parameters and the geometry of the input.
    """

    def __init__(self, config: Config) -> None:
        """Create an unfitted model with the given hyper-parameters."""
        self.config = config

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Number of learned values; 0 before :meth:`fit` if it depends on the training sequences."""

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
        """Fit the model to training sequences.

        Args:
            codes: base codes of the sequences, ``(n, columns)`` uint8.
            targets: classes 0 or 1, ``(n,)``; numbers for the task ``regression``.
            groups: the group of each sequence (such as its chromosome), ``(n,)``. When hyper-parameters are chosen by
                cross-validation, all sequences of a group are in the same fold. None for random folds.
            seed: seed of random choices.
            balanced: whether to weight each class by its inverse frequency.

        Raises:
            OneClass: the model is a classifier, and all targets are the same.
        """

    @abstractmethod
    def logits(self, codes: np.ndarray) -> np.ndarray:
        """Return the log-odds of class 1, or the predicted number, of each sequence in ``codes``: ``(n,)`` float64."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Return all learned arrays by name."""

    @abstractmethod
    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load the arrays that :meth:`arrays` returned.

        Raises:
            ValueError: names or shapes of the arrays do not match this model.
        """


class Linear(Estimator):
    """Base class of linear models on standardised features. Subclasses define :meth:`features` and :meth:`fit`.

    Attributes:
        mean, scale: mean and standard deviation of each feature over the training sequences, ``(width,)``.
        coefficients: coefficients of the standardised features, ``(width,)``.
        intercept: intercept of the linear model, ``(1,)``.
        regularisation: the chosen value of ``C`` or ``alpha``, ``(1,)``; NaN before the fit.
    """

    def __init__(self, config: Config) -> None:
        """Create an unfitted model, which returns logits of 0."""
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
        """Compute the features of sequences from their codes ``(n, columns)``: ``(n, width)`` float32."""

    @property
    def parameters(self) -> int:
        """Number of learned values: the coefficients and the intercept."""
        return self.width + 1

    def logits(self, codes: np.ndarray) -> np.ndarray:
        """Return the log-odds of class 1, or the predicted number, of each sequence in ``codes``: ``(n,)`` float64."""
        logits = np.empty(len(codes))
        for start in range(0, len(codes), ROWS):
            part = slice(start, start + ROWS)
            features = self.features(codes[part]).astype(np.float64)
            # BLAS rounds products of a single row differently. Sums per row do not depend on the number of rows.
            logits[part] = ((features - self.mean) / self.scale * self.coefficients).sum(axis=1) + self.intercept
        return logits

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the attributes ``mean``, ``scale``, ``coefficients``, ``intercept`` and ``regularisation`` by name."""
        return {name: getattr(self, name) for name in self._names}

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load the arrays that :meth:`arrays` returned. Raise ValueError if names or shapes do not match this model."""
        shapes = {name: array.shape for name, array in self.arrays().items()}
        if shapes != {name: np.shape(array) for name, array in arrays.items()}:
            raise ValueError(f"arrays {sorted(shapes)} for {self.width:,} features are required")
        for name in self._names:
            setattr(self, name, np.asarray(arrays[name], dtype=np.float64))

    _names = ("mean", "scale", "coefficients", "intercept", "regularisation")

    def keep(self, model: "LogisticRegression | Ridge", mean: np.ndarray, scale: np.ndarray, chosen: float) -> None:
        """Store a fitted scikit-learn model with the mean and scale of its features and the chosen regularisation."""
        self.mean, self.scale, self.regularisation = mean, scale, np.array([chosen])
        self.coefficients = np.ravel(model.coef_).astype(np.float64)
        self.intercept = np.atleast_1d(model.intercept_).astype(np.float64)


def check_classes(targets: np.ndarray) -> np.ndarray:
    """Convert the targets 0 and 1 to int64, and check that both classes occur.

    Raises:
        OneClass: all targets are the same.
    """
    targets = np.asarray(targets).astype(np.int64)
    if len(np.unique(targets)) != 2:
        raise OneClass("all training sequences have the same label", hint="include both classes")
    return targets


def moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation (1 if constant) of each feature, ``(width,)`` float64 each."""
    scale = features.std(axis=0, dtype=np.float64)
    return features.mean(axis=0, dtype=np.float64), np.where(scale > 0, scale, 1.0)


def standardised(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return the features minus their means, divided by their scales, in float32."""
    return (features - mean.astype(np.float32)) / scale.astype(np.float32)


ROWS = 512
"""Number of sequences whose features are computed per batch, which limits the memory for intermediate values."""
