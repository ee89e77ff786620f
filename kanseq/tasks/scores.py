"""Compute the scores of genes for a table of predictions: logit, probability and predicted class.

In: logits of one or several models, and calibrations. Out: the scores of one model, or scores averaged over models.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kanseq.tasks.averaging import average_classes, average_models
from kanseq.tasks.calibration import Calibration, fit_calibration
from kanseq.tasks.task import Task, is_known, log_odds


class PredictionScores(NamedTuple):
    """Scores per gene, ``(n,)``, or per gene and condition, ``(n, conditions)``, all float64.

    Attributes:
        logit: log-odds of ``high``. For regression: the predicted number, in units of the targets. For three or more
            classes: the log-odds of the predicted class.
        probability: probability of ``high``, calibrated if a calibration was learned. For three or more classes: the
            probability of the predicted class. NaN for regression.
        called: 0 (low) or 1 (high) according to the learned threshold; NaN if none was learned. For three or more
            classes: the index of the predicted (most probable) class.
        classes: for three or more classes: the logits of all classes, ``(n, classes)``, before the softmax; else None.
    """

    logit: np.ndarray
    probability: np.ndarray
    called: np.ndarray
    classes: np.ndarray | None = None


def scores_of(task: Task, calibrations: Sequence[Calibration], logits: np.ndarray) -> PredictionScores:
    """Compute the scores of genes from the logits of one model.

    Args:
        task: the task of the model.
        calibrations: one per condition; empty if neither probabilities nor thresholds were calibrated.
        logits: ``(n,)``, or ``(n, conditions)`` or ``(n, classes)``.
    """
    if task.classes:
        called = np.asarray(logits, dtype=np.float64).argmax(axis=1)
        own = np.arange(len(logits)), called
        return PredictionScores(log_odds(logits)[own], task.probability(logits)[own], called.astype(np.float64), logits)
    if not calibrations:
        return PredictionScores(logits, task.probability(logits), np.full(logits.shape, np.nan))
    columns = logits.reshape(len(logits), -1).T
    probability = np.stack([one.probability(column) for one, column in zip(calibrations, columns, strict=True)], axis=1)
    called = probability >= _thresholds(calibrations)
    return PredictionScores(logits, probability.reshape(logits.shape), called.astype(np.float64).reshape(logits.shape))


def mean_scores(task: Task, calibrations: Sequence[Sequence[Calibration]], logits: np.ndarray) -> PredictionScores:
    """Compute scores of genes and average them over several models by the rules in :mod:`kanseq.tasks.averaging`.

    Args:
        task: the task of the models.
        calibrations: the calibrations of each model.
        logits: ``(models, n)``, or ``(models, n, conditions)`` or ``(models, n, classes)``, NaN if a model did not
            score a gene.
    """
    if task.classes:
        return scores_of(task, (), average_classes(logits).logits)
    each = [scores_of(task, own, values) for own, values in zip(calibrations, logits, strict=True)]
    probabilities, called = (np.stack([getattr(one, name) for one in each]) for name in ("probability", "called"))
    calibrated = np.array([any(one.kind != "none" for one in own) for own in calibrations])
    return PredictionScores(*average_models(logits, probabilities, called, calibrated))


def fit_calibrations(kind: str, logits: np.ndarray, targets: np.ndarray) -> tuple[Calibration, ...]:
    """Fit one calibration per condition to the genes with known targets.

    Args:
        kind: one of :data:`kanseq.tasks.calibration.CALIBRATIONS`; for ``none`` the result is empty.
        logits: ``(n,)`` or ``(n, conditions)``, of genes that the model was not fitted to.
        targets: classes of these genes, of the same shape.
    """
    if kind == "none":
        return ()
    columns = zip(logits.reshape(len(logits), -1).T, targets.reshape(len(logits), -1).T, strict=True)
    return tuple(fit_calibration(kind, scores[is_known(own)], own[is_known(own)]) for scores, own in columns)


def _thresholds(calibrations: Sequence[Calibration]) -> np.ndarray:
    """Return the decision threshold (a probability) of each condition's calibration."""
    return np.array([one.threshold for one in calibrations])
