"""Compute expression per gene and condition.

In: TPM and the condition of each sample. Out: log10(TPM + 1), an array per condition.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from kanseq.errors import BadOption
from kanseq.genome.expression.sample_sheets import EVERY
from kanseq.io.files import some

SUMMARIES = ("max", "mean", "median")
"""Ways to summarise the expression of a gene in several samples."""


def log_expression(tpm: pd.DataFrame, summary: str = "max") -> np.ndarray:
    """Return log10(summary over samples + 1) of every gene, float64 ``(genes,)``.

    >>> log_expression(pd.DataFrame({"a": [9.0, 0.0], "b": [1.0, 0.0]})).tolist()
    [1.0, 0.0]
    """
    if summary not in SUMMARIES:
        raise BadOption(f"--summary {summary}: unknown", hint=f"choose one of {', '.join(SUMMARIES)}")
    return np.log10(getattr(np, summary)(tpm.to_numpy(), axis=1) + 1)


def expression_levels(tpm: pd.DataFrame, of_sample: Mapping[str, str] | None, summary: str) -> dict[str, np.ndarray]:
    """Return for each condition log10(TPM + 1) of every gene, float64 ``(genes,)``.

    The samples of a condition are summarised by ``summary``. ``of_sample`` maps samples to conditions; if it is None,
    all samples are one condition, :data:`EVERY`.

    Raises:
        BadOption: a sample has no condition.
    """
    if of_sample is None:
        return {EVERY: log_expression(tpm, summary)}
    missing = [name for name in tpm.columns if name not in of_sample]
    if missing:
        raise BadOption(f"--condition: the sheet has no condition for {some(missing)}", hint="add a line for each")
    conditions = list(dict.fromkeys(of_sample[name] for name in tpm.columns))
    return {
        condition: log_expression(tpm[[name for name in tpm.columns if of_sample[name] == condition]], summary)
        for condition in conditions
    }
