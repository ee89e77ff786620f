"""Metrics of classification with three or more classes: the same nine metrics as for two classes.

In: class numbers, logits of every class and, for the bootstrap, how often each sequence was drawn. Out: the metrics.
"""

import numpy as np

from kanseq.evaluation.metrics import CELLS, METRICS, areas, by_bin
from kanseq.tasks.task import log_odds


def score_classes(
    targets: np.ndarray, logits: np.ndarray, probabilities: np.ndarray, called: np.ndarray
) -> dict[str, float]:
    """Compute all metrics of predictions for several classes.

    auROC and auPRC are averages of one-against-rest values. They ignore classes that contain no sequence or all
    sequences. MCC is the generalisation to K classes (Gorodkin 2004, Comput Biol Chem 28:367; R_K, as in scikit-learn).
    F1, precision and recall are means over the classes that occur in ``targets`` or ``called``; a division by zero
    counts as 0. The Brier score is the mean over sequences of the sum over classes of squared differences (Brier 1950:
    between 0 and 2). The expected calibration error (Guo et al. 2017, equation 3) compares the probability of the
    called class with the fraction of correct calls, in ten bins of equal width.

    Args:
        targets: ``(n,)`` class numbers from 0, of at least two classes.
        logits: ``(n, classes)``.
        probabilities: ``(n, classes)``; rows sum to 1.
        called: ``(n,)`` numbers of the predicted classes.
    """
    values = resampled_classes(targets, logits, probabilities, np.ones((1, len(targets))), called)
    return {name: float(value[0]) for name, value in values.items()}


def mean_auroc(targets: np.ndarray, logits: np.ndarray) -> float:
    """Return the one-against-rest auROC averaged over classes, for ``targets (n,)`` and ``logits (n, classes)``."""
    is_own = np.asarray(targets)[:, None] == np.arange(logits.shape[1])
    return float(_mean_areas(is_own, log_odds(logits), np.ones((1, len(targets))))["auROC"][0])


def resampled_classes(
    targets: np.ndarray, logits: np.ndarray, probabilities: np.ndarray, drawn: np.ndarray, called: np.ndarray
) -> dict[str, np.ndarray]:
    """Compute all metrics for many bootstrap draws of the same sequences.

    Args:
        targets, logits, probabilities, called: as for :func:`score_classes`.
        drawn: ``(times, n)``, how often each sequence counts in each draw.

    Returns:
        The values of each metric, one per draw, float64 ``(times,)``; NaN for draws with only one class.
    """
    targets, called = np.asarray(targets).astype(np.int64), np.asarray(called).astype(np.int64)
    odds, classes = log_odds(logits), np.arange(logits.shape[1])
    is_own, is_called = targets[:, None] == classes, called[:, None] == classes
    confidence = probabilities[np.arange(len(targets)), called]
    squares = ((probabilities - is_own) ** 2).sum(axis=1, keepdims=True)
    summed = np.hstack([is_own, is_called, is_own & is_called, squares, by_bin(targets == called, confidence)])
    step = max(1, CELLS // max(1, len(targets)))
    parts = []
    for start in range(0, max(1, len(drawn)), step):
        some = drawn[start : start + step].astype(np.float64)
        parts.append({**_of_sums(some @ summed, len(classes)), **_mean_areas(is_own, odds, some)})
    return {name: np.concatenate([part[name] for part in parts]) for name in METRICS}


def _of_sums(sums: np.ndarray, classes: int) -> dict[str, np.ndarray]:
    """Compute the metrics except auROC and auPRC from sums over the sequences of each draw.

    Args:
        sums: ``(times, 3 * classes + 11)``: the number of sequences of each class; the number of calls of each class;
            the number of correct calls of each class; the sum of squared differences (Brier); and the column sums
            of :func:`kanseq.evaluation.metrics.by_bin`.
        classes: number of classes.
    """
    own, called, right = sums[:, :classes], sums[:, classes : 2 * classes], sums[:, 2 * classes : 3 * classes]
    total, hits = own.sum(axis=1), right.sum(axis=1)
    met = (own + called > 0).sum(axis=1)
    covariance = hits * total - (own * called).sum(axis=1)
    product = (total**2 - (called**2).sum(axis=1)) * (total**2 - (own**2).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = {
            "accuracy": hits / total,
            "MCC": np.where(product > 0, covariance / np.sqrt(product), 0.0),
            "F1": _shares(2 * right, own + called).sum(axis=1) / met,
            "Brier": sums[:, 3 * classes] / total,
            "ECE": np.abs(sums[:, 3 * classes + 1 :]).sum(axis=1) / total,
            "precision": _shares(right, called).sum(axis=1) / met,
            "recall": _shares(right, own).sum(axis=1) / met,
        }
    several = (own > 0).sum(axis=1) > 1
    return {name: np.where(several, value, np.nan) for name, value in values.items()}


def _shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide ``part`` by ``whole`` element by element; return 0 where ``whole`` is 0."""
    return np.where(whole > 0, part / whole, 0.0)


def _mean_areas(is_own: np.ndarray, odds: np.ndarray, drawn: np.ndarray) -> dict[str, np.ndarray]:
    """Return one-against-rest auROC and auPRC for each draw, averaged over the classes that can be scored in it.

    Args:
        is_own: bool ``(n, classes)``, whether a sequence belongs to a class.
        odds: ``(n, classes)``, the log-odds by which sequences are ranked for each class.
        drawn: ``(times, n)``, how often each sequence counts in each draw. The result is NaN for draws with one class.
    """
    roc, prc, scored = np.zeros((3, len(drawn)))
    for own, ranked in zip(is_own.T, odds.T, strict=True):
        if not own.any() or own.all():
            continue
        with np.errstate(divide="ignore", invalid="ignore"):
            of_class = areas(own, ranked, drawn)
        both = (drawn[:, own].sum(axis=1) > 0) & (drawn[:, ~own].sum(axis=1) > 0)
        scored += both
        roc += np.where(both, of_class[0], 0.0)
        prc += np.where(both, of_class[1], 0.0)
    known = np.where(scored > 0, scored, np.nan)
    return {"auROC": roc / known, "auPRC": prc / known}
