"""The expression of simulated genes: signal, noise and TPM.

In: the signal of each gene. Out: TPM, and the auROC that the signal itself reaches.
"""

from typing import NamedTuple

import numpy as np

UNDETECTED = 0.05
"""Fraction of genes that are not detected in each sample."""


SAMPLE_SPREAD = 0.05
"""Standard deviation between samples, log10."""


class SimulatedExpression(NamedTuple):
    """Expression of genes, in the order of their signals.

    Attributes:
        tpm: ``(genes, samples)`` float64; each sample sums to a million.
        noise: noise that was added to each gene's signal, log10.
        spread: standard deviation of the noise.
        oracle_auroc: area under the ROC curve of the signal, for high against low genes.
    """

    tpm: np.ndarray
    noise: np.ndarray
    spread: float
    oracle_auroc: float


def express(
    signal: np.ndarray,
    scored: np.ndarray,
    samples: int,
    rng: np.random.Generator,
    *,
    oracle: float,
    spread: float | None = None,
) -> SimulatedExpression:
    """Add noise to log10 signals and return TPM.

    Without ``spread``, find it by bisection, to four decimals: the random draws are fixed and only their scale changes,
    until the signal (all that can be known about a gene without its noise) has the auROC ``oracle`` among the genes
    ``scored`` (bool).
    """
    draws, jitter = rng.standard_normal(len(signal)), rng.standard_normal((len(signal), samples))
    low, high = 0.0, 5.0 * float(signal.std())
    for _step in range(0 if spread is not None else 30):
        middle = (low + high) / 2
        if oracle_auroc(signal, _tpm(signal + middle * draws, jitter), scored) > oracle:
            low = middle
        else:
            high = middle
    if spread is None:
        spread = round((low + high) / 2, 4)
    tpm = _tpm(signal + spread * draws, jitter)
    return SimulatedExpression(tpm, spread * draws, spread, round(oracle_auroc(signal, tpm, scored), 4))


def _tpm(log10_level: np.ndarray, jitter: np.ndarray) -> np.ndarray:
    """Return TPM ``(genes, samples)``: per sample the lowest 5% are not detected (0), the others sum to a million."""
    level = 10.0 ** (log10_level[:, None] - log10_level.max() + SAMPLE_SPREAD * jitter)
    level[level < np.quantile(level, UNDETECTED, axis=0)] = 0.0
    return np.round(level * (1e6 / level.sum(axis=0)), 4)


def oracle_auroc(signal: np.ndarray, tpm: np.ndarray, scored: np.ndarray) -> float:
    """Return the auROC of ``signal``, high against low by the quartiles of log10(max TPM + 1) of ``scored``."""
    from sklearn.metrics import roc_auc_score

    level = np.log10(tpm[scored].max(axis=1) + 1)
    low, high = np.quantile(level, [0.25, 0.75])
    if low == high:
        return 0.5
    extreme = (level <= low) | (level >= high)
    return float(roc_auc_score(level[extreme] >= high, signal[scored][extreme]))
