"""Five metrics that compare predicted expression (or any other number) with measured values.

In: measured and predicted numbers and, for the bootstrap, how often each gene was drawn. Out: the metrics.
"""

import numpy as np

from kanseq.evaluation.metrics import CELLS

EXPRESSION_METRICS = ("Pearson", "Spearman", "R2", "RMSE", "MAE")
"""Names of the metrics, in the order of table columns. R2 is the coefficient of determination; RMSE and MAE are in
units of the targets."""

CONSTANT = 1e-12
"""Values are treated as constant if their variance is below this fraction of their squared scale."""


def score_expression(measured: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Compute all metrics of predicted expression.

    Args:
        measured: ``(n,)`` float, not all equal.
        predicted: ``(n,)`` float; if all are equal, both correlations are 0.
    """
    values = resampled_expression(measured, predicted, np.ones((1, len(measured))))
    return {name: float(value[0]) for name, value in values.items()}


def resampled_expression(measured: np.ndarray, predicted: np.ndarray, drawn: np.ndarray) -> dict[str, np.ndarray]:
    """Compute all metrics for many bootstrap draws of the same genes.

    Args:
        measured, predicted: ``(n,)``, as for :func:`score_expression`.
        drawn: ``(times, n)``, how often each gene counts in each draw.

    Returns:
        The values of each metric, one per draw, float64 ``(times,)``; NaN for draws with only one measured value.
    """
    step = max(1, CELLS // max(1, len(measured)))
    parts = [
        _resampled(measured, predicted, drawn[start : start + step].astype(np.float64))
        for start in range(0, max(1, len(drawn)), step)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in EXPRESSION_METRICS}


def _resampled(measured: np.ndarray, predicted: np.ndarray, drawn: np.ndarray) -> dict[str, np.ndarray]:
    """Compute all metrics for one block of draws, which is small enough for memory."""
    total = drawn.sum(axis=1)
    # Centre first: differences of large sums of squares would lose digits.
    measured, predicted = measured - measured.mean(), predicted - measured.mean()
    error = predicted - measured
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = drawn @ error**2
        around = drawn @ measured**2 - (drawn @ measured) ** 2 / total
        values = {
            "Pearson": _correlation(measured[None], (predicted - predicted.mean())[None], drawn),
            "Spearman": _correlation(_ranks(measured, drawn), _ranks(predicted, drawn), drawn),
            "R2": 1 - squares / around,
            "RMSE": np.sqrt(squares / total),
            "MAE": drawn @ np.abs(error) / total,
        }
    varies = around > CONSTANT * drawn.shape[1] * np.mean(measured**2)
    return {name: np.where(varies, value, np.nan) for name, value in values.items()}


def _correlation(one: np.ndarray, other: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation of two arrays, ``(1, n)`` or ``(times, n)``, in each draw; 0 if one is constant."""
    total = drawn.sum(axis=1, keepdims=True)
    one = one - (drawn * one).sum(axis=1, keepdims=True) / total
    other = other - (drawn * other).sum(axis=1, keepdims=True) / total
    size = np.sqrt((drawn * one**2).sum(axis=1) * (drawn * other**2).sum(axis=1))
    largest = np.abs(one).max(axis=1) * np.abs(other).max(axis=1) * total[:, 0]
    return np.where(size > CONSTANT * largest, (drawn * one * other).sum(axis=1) / size, 0.0)


def _ranks(values: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Return each gene's rank by ``values`` among the genes of each draw, ``(times, n)``; ties get their mean rank."""
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(values[order]) != 0])
    many = np.add.reduceat(drawn[:, order], starts, axis=1)
    level = np.empty(len(values), dtype=np.int64)
    level[order] = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(values)]))
    return (np.cumsum(many, axis=1) - (many - 1) / 2)[:, level]
