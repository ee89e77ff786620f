"""Average the predictions of several models, for ``predict`` and ``evaluate --ensemble``.

Sequences are ranked by the mean logit. If none of the models that scored a sequence is calibrated, its probability is
the sigmoid of the mean logit. Otherwise the probabilities of the models are averaged, because each calibration fits the
logits of its own model. A sequence is called ``high`` if more than half of the models with a learned threshold call it
``high``, each by its own threshold. In a tie, it is called ``high`` if the mean probability is at least 0.5. Models
without a learned threshold do not vote. With three or more classes, logits are averaged per class, and the class with
the highest mean is predicted.

Thresholds are not averaged: a threshold applies only to the probabilities of its own calibration.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, softmax

ROUNDED = 1e-6
"""A model is calibrated if a probability differs from the sigmoid of its logit by more than this. Smaller differences
are rounding errors, because tables store nine digits."""

TIE = 0.5
"""If equally many models call a sequence high and low, it is called high if the mean probability is at least this."""


class Averaged(NamedTuple):
    """Predictions averaged over models, float64.

    Attributes:
        logits: mean logits, ``(n,)``, ``(n, conditions)`` or ``(n, classes)``; for regression the mean prediction.
        probabilities: probabilities of ``high`` or of each class, in the shape of ``logits``; NaN for regression.
        called: 1 (``high``) or 0 (``low``), in the shape of ``logits``; NaN where no model has a learned threshold. For
            three or more classes: the index of the most probable class, ``(n,)``.
    """

    logits: np.ndarray
    probabilities: np.ndarray
    called: np.ndarray


def average_models(
    logits: np.ndarray, probabilities: np.ndarray, called: np.ndarray, calibrated: np.ndarray
) -> Averaged:
    """Average the predictions of binary or regression models by the rules in :mod:`kanseq.tasks.averaging`.

    Args:
        logits: ``(models, n)`` or ``(models, n, conditions)``, NaN where a model did not score a sequence. Every
            sequence is scored by at least one model.
        probabilities: probabilities of each model, of the same shape; NaN for regression.
        called: calls of each model, 0 or 1, of the same shape; NaN for models without a learned threshold.
        calibrated: ``(models,)`` bool: whether a model's probabilities differ from the sigmoid of its logits. Use
            :func:`is_calibrated` if only tables of predictions are available.
    """
    scored = ~np.isnan(logits)
    probabilities = np.where(scored, probabilities, np.nan)
    mean = _mean(logits)
    own = (scored & np.reshape(calibrated, (-1, *[1] * (logits.ndim - 1)))).any(axis=0)
    is_regression = np.isnan(probabilities).all(axis=0)
    probability = np.where(own | is_regression, _mean(probabilities), expit(mean))
    votes = _mean(np.where(scored, called, np.nan))
    is_high = np.where(votes == 0.5, probability >= TIE, votes > 0.5)
    return Averaged(mean, probability, np.where(np.isnan(votes), np.nan, is_high))


def average_classes(logits: np.ndarray) -> Averaged:
    """Average the predictions of models with three or more classes by the rules in :mod:`kanseq.tasks.averaging`.

    If several classes have the highest mean logit, the first of them is predicted.

    Args:
        logits: ``(models, n, classes)``, NaN where a model did not score a sequence. Every sequence is scored by at
            least one model.
    """
    mean = _mean(logits)
    return Averaged(mean, softmax(mean, axis=-1), mean.argmax(axis=-1).astype(np.float64))


def is_calibrated(logits: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return which models are calibrated (probabilities differ from the sigmoid of the logits), bool ``(models,)``.

    Args:
        logits, probabilities: ``(models, n)``; NaN probabilities (regression) count as not calibrated.
    """
    return (np.abs(probabilities - expit(logits)) > ROUNDED).any(axis=1)


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over models, ignoring NaN; NaN where all are NaN."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)
