"""Compute expression per gene and condition.

In: TPM and a sample sheet. Out: log10(TPM + 1), an array per condition.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, BadTable
from kanseq.genome.expression.tpm import log_expression
from kanseq.io.files import PathLike, open_text, some

EVERY = "*"
"""Name of the condition if there is only one, and of the fold if quartiles are computed from the complete table."""


def read_conditions(path: PathLike | pd.DataFrame) -> dict[str, str]:
    """Read a sample sheet with the columns sample and condition; return a mapping from samples to conditions.

    A header line that begins with ``sample`` is skipped. In a table in memory, the first two columns are used.
    """
    in_memory = isinstance(path, pd.DataFrame)
    name = "the sample sheet" if in_memory else path
    condition_of: dict[str, str] = {}
    for number, cells in _sheet_in_memory(path) if in_memory else _sheet_lines(path):  # type: ignore[arg-type]
        if len(cells) < 2 or not cells[1] or cells[1] == EVERY:
            raise BadTable("sample and condition are required, separated by a tab", where=f"{name}:{number}")
        if cells[0] in condition_of:
            raise BadTable(f"duplicate sample '{cells[0]}'", where=f"{name}:{number}")
        condition_of[cells[0]] = cells[1]
    if not condition_of:
        raise BadTable("the sample sheet has no samples", where=None if in_memory else path)  # type: ignore[arg-type]
    return condition_of


def _sheet_in_memory(table: pd.DataFrame) -> Iterator[tuple[int, list[str]]]:
    """Yield the number (from 1) and the cells of each row of a sample sheet in memory."""
    yield from enumerate(table.iloc[:, :2].astype(object).fillna("").astype(str).to_numpy().tolist(), 1)


def _sheet_lines(path: PathLike) -> Iterator[tuple[int, list[str]]]:
    """Yield the number (from 1) and the cells of each line of a file, skipping empty lines, comments and the header."""
    with open_text(path) as handle:
        for number, line in enumerate(handle, 1):
            cells = [cell.strip(' "') for cell in line.strip().split("\t" if "\t" in line else ",")]
            if line.strip() and not line.startswith("#") and not (number == 1 and cells[0].lower() == "sample"):
                yield number, cells


def expression_levels(tpm: pd.DataFrame, of_sample: dict[str, str] | None, summary: str) -> dict[str, np.ndarray]:
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
