"""Nine metrics of binary classification (low, high), with bootstrap intervals.

In: targets, logits, probabilities and, for the bootstrap, how often each gene was drawn. Out: metrics per draw.
"""

from collections.abc import Sequence

import numpy as np

METRICS = ("accuracy", "auROC", "auPRC", "MCC", "F1", "Brier", "ECE", "precision", "recall")
"""Names of the metrics, in the order of table columns. auPRC is average precision; ECE is the expected calibration
error; precision and recall are of the class ``high``, and 0 if no gene is called high."""

EDGES = np.arange(1, 10) / 10
"""Edges between the ten bins of probability for the expected calibration error; a bin includes its upper edge."""

CELLS = 4_000_000
"""Maximum number of values (genes times draws) that the bootstrap processes in one step, to limit memory."""


def score(
    targets: np.ndarray, logits: np.ndarray, probabilities: np.ndarray, called: np.ndarray | None = None
) -> dict[str, float]:
    """Compute all metrics of one model's predictions, with scikit-learn where it implements them.

    The expected calibration error (Guo et al. 2017, equation 3, with the probability of ``high`` in place of the
    confidence) uses ten bins of equal width. It is the mean over genes of the absolute difference between the mean
    probability of the gene's bin and the fraction of high genes in the bin. It is biased upwards for small numbers of
    genes: a perfectly calibrated model has about 0.04 for 700 genes.

    Args:
        targets: ``(n,)`` of 0 and 1, both present.
        logits: ``(n,)`` float, by which genes are ranked.
        probabilities: ``(n,)`` float, of the class ``high``; used for the Brier score and the calibration error.
        called: ``(n,)`` bool, which genes are called high; by default those with a probability of at least 0.5.
    """
    from sklearn import metrics

    called = probabilities >= 0.5 if called is None else called
    return {
        "accuracy": float(metrics.accuracy_score(targets, called)),
        "auROC": float(metrics.roc_auc_score(targets, logits)),
        "auPRC": float(metrics.average_precision_score(targets, logits)),
        "MCC": float(metrics.matthews_corrcoef(targets, called)),
        "F1": float(metrics.f1_score(targets, called, zero_division=0)),
        "Brier": float(np.mean((probabilities - targets) ** 2)),
        "ECE": float(np.abs(by_bin(targets, probabilities).sum(axis=0)).sum() / len(targets)),
        "precision": float(metrics.precision_score(targets, called, zero_division=0)),
        "recall": float(metrics.recall_score(targets, called, zero_division=0)),
    }


def auroc(targets: np.ndarray, logits: np.ndarray) -> float:
    """Return the area under the ROC curve for ``targets`` of 0 and 1, with genes ranked by ``logits``."""
    return float(resampled(targets, logits, np.full(len(targets), 0.5), np.ones((1, len(targets))))["auROC"][0])


def draw(genes: int, times: int, seed: int | Sequence[int]) -> np.ndarray:
    """Draw genes with replacement for the bootstrap; return how often each is drawn, uint16 ``(times, genes)``.

    Args:
        genes: number of genes, which is also the number of genes in a draw.
        times: number of draws.
        seed: seed of the random numbers.
    """
    random = np.random.default_rng(seed)
    return random.multinomial(genes, np.full(genes, 1 / genes), size=times).astype(np.uint16)


def resampled(
    targets: np.ndarray,
    logits: np.ndarray,
    probabilities: np.ndarray,
    drawn: np.ndarray,
    called: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Compute all metrics for many bootstrap draws of the same genes.

    Args:
        targets, logits, probabilities, called: ``(n,)``, as for :func:`score`.
        drawn: ``(times, n)``, how often each gene counts in each draw.

    Returns:
        The values of each metric, one per draw, float64 ``(times,)``; NaN for draws without both classes.
    """
    called = probabilities >= 0.5 if called is None else called
    step = max(1, CELLS // max(1, len(targets)))
    parts = [
        _resampled(targets, logits, probabilities, called, drawn[start : start + step].astype(np.float64))
        for start in range(0, max(1, len(drawn)), step)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in METRICS}


def interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the bounds of the percentile interval of a metric's bootstrap values; NaN if no draw could be scored."""
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _resampled(
    targets: np.ndarray, logits: np.ndarray, probabilities: np.ndarray, called: np.ndarray, drawn: np.ndarray
) -> dict[str, np.ndarray]:
    """Compute all metrics for one block of draws, which is small enough for memory."""
    is_high = targets == 1
    sums = np.stack(
        [is_high & called, is_high & ~called, ~is_high & called, ~is_high & ~called, (probabilities - targets) ** 2]
    )
    true_high, missed, false_high, true_low, squares = (drawn @ sums.T.astype(np.float64)).T
    total = drawn.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        product = (true_high + false_high) * (true_high + missed) * (true_low + false_high) * (true_low + missed)
        covariance = true_high * true_low - false_high * missed
        mcc = np.where(product > 0, covariance / np.sqrt(product), 0.0)
        f1 = np.where(2 * true_high + false_high + missed > 0, 2 * true_high / (2 * true_high + false_high + missed), 0)
        roc, prc = areas(is_high, logits, drawn)
        values = {
            "accuracy": (true_high + true_low) / total,
            "auROC": roc,
            "auPRC": prc,
            "MCC": mcc,
            "F1": f1,
            "Brier": squares / total,
            "ECE": np.abs(drawn @ by_bin(targets, probabilities)).sum(axis=1) / total,
            "precision": np.where(true_high > 0, true_high / (true_high + false_high), 0.0),
            "recall": np.where(true_high > 0, true_high / (true_high + missed), 0.0),
        }
    both = (true_high + missed > 0) & (true_low + false_high > 0)
    return {name: np.where(both, value, np.nan) for name, value in values.items()}


def by_bin(targets: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return probability minus target (0 or 1) of each gene, in the column of the bin of its probability.

    The result is float64 ``(n, 10)``; all other columns are 0. The expected calibration error is computed from the
    column sums.
    """
    gaps = np.zeros((len(targets), len(EDGES) + 1))
    gaps[np.arange(len(targets)), np.searchsorted(EDGES, probabilities, side="left")] = probabilities - targets
    return gaps


def areas(is_high: np.ndarray, logits: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the area under the ROC curve (ties count half) and the average precision of each draw.

    Args:
        is_high, logits: ``(n,)``.
        drawn: ``(times, n)`` float64, how often each gene counts in each draw. For draws without both classes, results
            are NaN or invalid, and NumPy warns.
    """
    order = np.argsort(-logits, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(logits[order]) != 0])
    high = np.add.reduceat(drawn[:, order] * is_high[order], starts, axis=1)
    low = np.add.reduceat(drawn[:, order] * ~is_high[order], starts, axis=1)
    highs_above, lows_above = np.cumsum(high, axis=1), np.cumsum(low, axis=1)
    highs, lows = highs_above[:, -1], lows_above[:, -1]
    won = (high * (lows[:, None] - lows_above + low / 2)).sum(axis=1)
    precision = highs_above / np.maximum(highs_above + lows_above, 1)
    return won / (highs * lows), (high * precision).sum(axis=1) / highs
