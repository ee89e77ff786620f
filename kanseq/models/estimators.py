"""Models that are fitted at once, without steps: the measure of every network.

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
"""Parts of the training sequences between which an estimator chooses its hyper-parameters, at most."""


class Estimator(ABC):
    """A model that is fitted at once, without steps; :func:`~kanseq.models.architecture.estimator` declares one.

    Attributes:
        config: what it was built from.
    """

    def __init__(self, config: Config) -> None:
        """Make an unfitted model."""
        self.config = config

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Number of values that the fit learns; 0 where only the fit decides how many."""

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
        """Log-odds of target 1, or the predicted number, ``(n,)`` float64."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """All that was learned, by name."""

    @abstractmethod
    def load_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`arrays` returned.

        Raises:
            ValueError: names or shapes are not those of this model.
        """


class Linear(Estimator):
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
        """Log-odds of target 1, or the predicted number, ``(n,)`` float64."""
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
        """Take over what :meth:`arrays` returned."""
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


def check_classes(targets: np.ndarray) -> np.ndarray:
    """Give targets as int64 0 and 1.

    Raises:
        OneClass: all are the same.
    """
    targets = np.asarray(targets).astype(np.int64)
    if len(np.unique(targets)) != 2:
        raise OneClass("all training sequences carry the same label", hint="give both classes")
    return targets


def moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations in float64; a constant feature gets 1, so that it becomes 0."""
    scale = features.std(axis=0, dtype=np.float64)
    return features.mean(axis=0, dtype=np.float64), np.where(scale > 0, scale, 1.0)


def standardised(features: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Shift and scale features in float32."""
    return (features - mean.astype(np.float32)) / scale.astype(np.float32)


ROWS = 512
"""Sequences counted at a time, so that the intermediate numbers of a set stay small."""
