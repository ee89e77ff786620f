"""What a table of predictions says of a gene: logit, probability, and what it is called.

In: logits of one model or of several, and calibrations. Out: the three of them, model by model or averaged.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kanseq.training.averaging import average_classes, average_models
from kanseq.training.calibration import Calibration, fit_calibration
from kanseq.training.tasks import Task, is_known, log_odds


class Scores(NamedTuple):
    """Numbers per gene, ``(n,)``, or per gene and condition, ``(n, conditions)``, all float64.

    Attributes:
        logit: log-odds of ``high``, or the number that is predicted, in units of the targets; of several classes the
            log-odds of the one that is called.
        probability: of ``high``, calibrated where a calibration was learned; NaN for regression; of several classes
            that of the one that is called.
        called: 0 (low) or 1 (high) by the threshold that was learned, NaN where none was; of several classes the
            number of the likeliest.
        classes: logits of several classes, ``(n, classes)``, whose softmax are probabilities; else None.
    """

    logit: np.ndarray
    probability: np.ndarray
    called: np.ndarray
    classes: np.ndarray | None = None


def scores_of(task: Task, calibrations: Sequence[Calibration], logits: np.ndarray) -> Scores:
    """Score by one model.

    Args:
        task: what the logits mean.
        calibrations: one per condition, or none.
        logits: ``(n,)``, or ``(n, conditions)`` or ``(n, classes)``.
    """
    if task.classes:
        called = np.asarray(logits, dtype=np.float64).argmax(axis=1)
        own = np.arange(len(logits)), called
        return Scores(log_odds(logits)[own], task.probability(logits)[own], called.astype(np.float64), logits)
    if not calibrations:
        return Scores(logits, task.probability(logits), np.full(logits.shape, np.nan))
    columns = logits.reshape(len(logits), -1).T
    probability = np.stack([one.probability(column) for one, column in zip(calibrations, columns, strict=True)], axis=1)
    called = probability >= _thresholds(calibrations)
    return Scores(logits, probability.reshape(logits.shape), called.astype(np.float64).reshape(logits.shape))


def mean_scores(task: Task, calibrations: Sequence[Sequence[Calibration]], logits: np.ndarray) -> Scores:
    """Average the models that scored a gene, by the rule of :mod:`kanseq.training.averaging`.

    Args:
        task: what the logits mean.
        calibrations: each model's.
        logits: ``(models, n)``, or ``(models, n, conditions)`` or ``(models, n, classes)``, NaN where a model did not
            score a gene.
    """
    if task.classes:
        return scores_of(task, (), average_classes(logits).logits)
    each = [scores_of(task, own, values) for own, values in zip(calibrations, logits, strict=True)]
    probabilities, called = (np.stack([getattr(one, name) for one in each]) for name in ("probability", "called"))
    calibrated = np.array([any(one.kind != "none" for one in own) for own in calibrations])
    return Scores(*average_models(logits, probabilities, called, calibrated))


def fit_calibrations(kind: str, logits: np.ndarray, targets: np.ndarray) -> tuple[Calibration, ...]:
    """Learn what makes logits into probabilities and calls, condition by condition, where targets are known.

    Args:
        kind: one of :data:`kanseq.training.calibration.CALIBRATIONS`; ``none`` learns nothing.
        logits: ``(n,)`` or ``(n, conditions)`` of genes that the model was not fitted to.
        targets: classes, of the same shape.
    """
    if kind == "none":
        return ()
    columns = zip(logits.reshape(len(logits), -1).T, targets.reshape(len(logits), -1).T, strict=True)
    return tuple(fit_calibration(kind, scores[is_known(own)], own[is_known(own)]) for scores, own in columns)


def _thresholds(calibrations: Sequence[Calibration]) -> np.ndarray:
    """Give each condition's cut on the probability."""
    return np.array([one.threshold for one in calibrations])
