"""Simulate the expression of genes: add noise to the signal of each gene and convert it to TPM.

In: the signal of each gene (log10 expression without noise). Out: TPM, and the auROC that the signal itself reaches.
"""

from typing import NamedTuple

import numpy as np

UNDETECTED = 0.05
"""Fraction of genes that are not detected in each sample."""

SAMPLE_SPREAD = 0.05
"""Standard deviation of log10 expression between samples."""


class SimulatedExpression(NamedTuple):
    """The simulated expression of genes.

    Attributes:
        tpm: ``(genes, samples)`` float64; each sample sums to a million.
        noise: noise that was added to the signal of each gene, log10, ``(genes,)``.
        spread: standard deviation of the noise.
        oracle_auroc: auROC of the signal as a predictor of high versus low genes.
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
    """Add noise to the signals of genes and return their TPM.

    Args:
        signal: log10 expression of each gene without noise, ``(genes,)``.
        scored: genes for which the auROC is computed, ``(genes,)`` bool.
        samples: number of samples.
        rng: source of all random numbers.
        oracle: auROC that the signal must reach. The signal is all that can be known about a gene without its noise.
        spread: standard deviation of the noise, log10. If None, it is found by bisection (rounded to four decimals), so
            that the signal has the auROC ``oracle``. The random draws are the same in all steps of the bisection; only
            their scale changes.
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
    """Return TPM ``(genes, samples)``: in each sample the lowest 5 % are set to 0, and the others sum to a million."""
    level = 10.0 ** (log10_level[:, None] - log10_level.max() + SAMPLE_SPREAD * jitter)
    level[level < np.quantile(level, UNDETECTED, axis=0)] = 0.0
    return np.round(level * (1e6 / level.sum(axis=0)), 4)


def oracle_auroc(signal: np.ndarray, tpm: np.ndarray, scored: np.ndarray) -> float:
    """Return the auROC of ``signal`` for high versus low genes (quartiles of log10(max TPM + 1) of ``scored``)."""
    from sklearn.metrics import roc_auc_score

    level = np.log10(tpm[scored].max(axis=1) + 1)
    low, high = np.quantile(level, [0.25, 0.75])
    if low == high:
        return 0.5
    extreme = (level <= low) | (level >= high)
    return float(roc_auc_score(level[extreme] >= high, signal[scored][extreme]))
