"""Models that are fitted at once, without steps: the baselines of all networks.

In: uint8 codes ``(n, columns)`` and targets. Out: logits ``(n,)`` float64, and arrays to store.
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
"""Maximum number of inner folds of the training sequences by which an estimator chooses its hyper-parameters."""


class Estimator(ABC):
    """A model that is fitted at once, without steps; :func:`~kanseq.models.architecture.estimator` declares one.

    Attributes:
        config: its configuration.
    """

    def __init__(self, config: Config) -> None:
        """Create an unfitted model."""
        self.config = config

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Number of values that the fit learns; 0 if it is known only after the fit."""

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
            targets: ``(n,)`` 0 or 1; numbers if the model learns the task ``regression``.
            groups: ``(n,)``, groups of sequences (blocks, chromosomes) that inner folds do not split.
            seed: seed of random choices.
            balanced: weight each class by its inverse frequency.

        Raises:
            OneClass: the model learns classes, and all targets are the same.
        """

    @abstractmethod
    def logits(self, codes: np.ndarray) -> np.ndarray:
        """Return the log-odds of target 1, or the predicted number, ``(n,)`` float64."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Return all learned arrays by name."""

    @abstractmethod
    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load the arrays that :meth:`arrays` returned.

        Raises:
            ValueError: names or shapes do not fit this model.
        """


class Linear(Estimator):
    """A linear model of standardised features. Subclasses define the features and the fit.

    Attributes:
        mean, scale: mean and standard deviation of the training sequences' features, ``(width,)``.
        coefficients: coefficients of the standardised features, ``(width,)``.
        intercept: ``(1,)``.
        regularisation: the strength chosen within the training sequences, ``(1,)``; NaN before the fit.
    """

    def __init__(self, config: Config) -> None:
        """Create an unfitted model, whose logits are all 0."""
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
        """Return the features of sequences, ``(n, width)`` float32."""

    @property
    def parameters(self) -> int:
        """Number of coefficients, plus the intercept."""
        return self.width + 1

    def logits(self, codes: np.ndarray) -> np.ndarray:
        """Return the log-odds of target 1, or the predicted number, ``(n,)`` float64."""
        logits = np.empty(len(codes))
        for start in range(0, len(codes), ROWS):
            part = slice(start, start + ROWS)
            features = self.features(codes[part]).astype(np.float64)
            # BLAS computes the product of a single row differently. A sum per row is the same in every batch.
            logits[part] = ((features - self.mean) / self.scale * self.coefficients).sum(axis=1) + self.intercept
        return logits

    def arrays(self) -> dict[str, np.ndarray]:
        """Return means, scales, coefficients ``(width,)``, intercept and regularisation ``(1,)``; all float64."""
        return {name: getattr(self, name) for name in self._names}

    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Load the arrays that :meth:`arrays` returned."""
        shapes = {name: array.shape for name, array in self.arrays().items()}
        if shapes != {name: np.shape(array) for name, array in arrays.items()}:
            raise ValueError(f"arrays {sorted(shapes)} for {self.width:,} features are required")
        for name in self._names:
            setattr(self, name, np.asarray(arrays[name], dtype=np.float64))

    _names = ("mean", "scale", "coefficients", "intercept", "regularisation")

    def keep(self, model: "LogisticRegression | Ridge", mean: np.ndarray, scale: np.ndarray, chosen: float) -> None:
        """Store a model that was fitted to features with this mean and scale."""
        self.mean, self.scale, self.regularisation = mean, scale, np.array([chosen])
        self.coefficients = np.ravel(model.coef_).astype(np.float64)
        self.intercept = np.atleast_1d(model.intercept_).astype(np.float64)


def check_classes(targets: np.ndarray) -> np.ndarray:
    """Return targets as int64 0 and 1.

    Raises:
        OneClass: all targets are the same.
    """
    targets = np.asarray(targets).astype(np.int64)
    if len(np.unique(targets)) != 2:
        raise OneClass("all training sequences have the same label", hint="include both classes")
    return targets


def moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return means and scales (standard deviations; 1 for a constant feature) in float64."""
    scale = features.std(axis=0, dtype=np.float64)
    return features.mean(axis=0, dtype=np.float64), np.where(scale > 0, scale, 1.0)


def standardised(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return features shifted by the mean and divided by the scale, in float32."""
    return (features - mean.astype(np.float32)) / scale.astype(np.float32)


ROWS = 512
"""Sequences counted at a time, to limit the memory for intermediate values."""
