"""A text table and the location of its rows. In: cells and line numbers. Out: checked columns, errors by line."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.io.delimited.names import is_missing
from kanseq.io.files import PathLike


@dataclass
class Delimited:
    """A table that was read from a text file.

    Attributes:
        path: the file, for messages.
        columns: names of the columns, in the order of the file.
        frame: the cells; a column is numeric if all of its cells are numbers, else text.
        lines: 1-based line number of every row.
        notes: the text of comments and titles above the rows, and of units below the header.
    """

    path: PathLike
    columns: list[str]
    frame: pd.DataFrame
    lines: np.ndarray
    notes: str = ""

    def place(self, row: int) -> str:
        """Return the location of a row (0-based) as ``file:line``."""
        return f"{self.path}:{self.lines[row]}"

    def ids(self, column: str) -> pd.Series:
        """Return a column of names as text. Raises BadTable if a name is empty."""
        ids = self.frame[column].astype(str).str.strip()
        empty = (ids == "").to_numpy()
        if empty.any():
            where, hint = self.place(int(np.argmax(empty))), "remove the line, or write the name of the gene"
            raise BadTable(f"no name in column '{column}'", where=where, hint=hint)
        return ids

    def values(self, column: str, names: pd.Series) -> np.ndarray:
        """Return a column of TPM, float64, checked by :func:`check_values`; ``names`` are row names for messages."""
        return check_values(self.frame[column], column, names, self.place)

    def only(self, rows: np.ndarray) -> "Delimited":
        """Return the table with some of its rows (bool for each row)."""
        return replace(self, frame=self.frame[rows].reset_index(drop=True), lines=self.lines[rows])


def check_values(column: pd.Series, name: str, rows: pd.Series, place: Callable[[int], str]) -> np.ndarray:
    """Convert a column of TPM to float64 and check its values.

    Args:
        column: the values.
        name: name of the column.
        rows: names of the rows, for messages.
        place: function that returns the location of a row, for messages.

    Raises:
        BadTable: a value is text, missing, NaN, infinite or negative; the message names line, column and row.
    """
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~(np.isfinite(values) & (values >= 0))
    if not wrong.any():
        return values
    row = int(np.argmax(wrong))
    cell = str(column.iloc[row]).strip()
    if values[row] < 0 or re.fullmatch(r"[\u2212\u2013][\d.]+", cell):
        what, hint = f"{cell} is negative", "provide TPM, not logarithms or z-scores"
    elif np.isinf(values[row]):
        what, hint = f"{cell} is infinite", None
    elif is_missing(cell):
        what, hint = f"the value is missing ('{cell}')", "write 0 for no expression, or leave the gene out"
    elif re.fullmatch(r"-?\d+,\d+", cell):
        what, hint = f"'{cell}' has a decimal comma", "write decimal points"
    elif re.fullmatch(r"-?\d{1,3}([,.'’\s]\d{2,3})+([,.]\d+)?", cell):
        what, hint = f"'{cell}' has thousands separators", "write the number without them"
    else:
        what = f"'{cell}' is not a number"
        hint = "write 0 for no expression, or remove the line; if the column is no sample, use --samples"
    raise BadTable(f"column '{name}', gene '{rows.iloc[row]}': {what}", where=place(row), hint=hint)
