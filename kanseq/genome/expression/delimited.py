"""Read text tables and report invalid values by line. In: CSV or TSV, plain or gzip. Out: checked columns."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.io.files import PathLike, open_text, some


@dataclass
class Delimited:
    """A table that was read from a text file with a header.

    Attributes:
        path: the file, for messages.
        columns: names of the columns, in the order of the file.
        frame: the cells; a column is numeric if all of its cells are numbers, else text.
        first_line: 1-based line number of the first row.
    """

    path: PathLike
    columns: list[str]
    frame: pd.DataFrame
    first_line: int

    def place(self, row: int) -> str:
        """Return the location of a row (0-based) as ``file:line``."""
        return f"{self.path}:{self.first_line + row}"

    def ids(self, column: str) -> pd.Series:
        """Return a column of names as text. Raises BadTable if a name is empty."""
        ids = self.frame[column].astype(str).str.strip()
        empty = (ids == "").to_numpy()
        if empty.any():
            raise BadTable(f"no name in column '{column}'", where=self.place(int(np.argmax(empty))))
        return ids

    def values(self, column: str, names: pd.Series) -> np.ndarray:
        """Return a column of TPM, float64, checked by :func:`check_values`; ``names`` are row names for messages."""
        return check_values(self.frame[column], column, names, self.place)


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
    if values[row] < 0:
        what, hint = f"{cell} is negative", "provide TPM, not logarithms or z-scores"
    elif np.isinf(values[row]):
        what, hint = f"{cell} is infinite", None
    elif cell.lower() in ("", "na", "nan", "null", "none", "<na>"):
        what, hint = f"the value is missing ('{cell}')", "write 0 for no expression, or leave the gene out"
    elif re.fullmatch(r"-?\d+,\d+", cell):
        what, hint = f"'{cell}' has a decimal comma", "write decimal points"
    else:
        what, hint = f"'{cell}' is not a number", "use --samples to select the sample columns"
    raise BadTable(f"column '{name}', gene '{rows.iloc[row]}': {what}", where=place(row), hint=hint)


def read_delimited(path: PathLike) -> Delimited:
    """Read a table with a header line; the delimiter is the most frequent of tab, semicolon and comma in the header.

    Leading lines that begin with ``# `` or ``##`` are comments. If the header has one name fewer than there are columns
    (as in tables written by R), the first column is assumed to be unnamed.

    Raises:
        BadTable: there are no rows, only one column, two columns with the same name, or a row with too many cells.
        MissingFile, TruncatedFile: the file cannot be read.
    """
    with open_text(path) as handle:
        text = handle.read().rstrip("\r\n")
    lines = text.split("\n", 100)
    header_line = next((number for number, line in enumerate(lines) if not re.match(r"# |##", line)), 0)
    rest = lines[header_line + 1 : header_line + 2]
    if not rest:
        raise BadTable("the table has no rows", where=path)
    delimiter = max("\t;,", key=lines[header_line].count)
    columns = _cells(lines[header_line].lstrip("#"), delimiter)
    width = len(_cells(rest[0], delimiter))
    if width == len(columns) + 1:
        columns = ["gene", *columns]
    if width > len(columns):
        raise BadTable(f"{width} cells, but the header has {len(columns)}", where=f"{path}:{header_line + 2}")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise BadTable(f"two columns are named '{twice[0]}'", where=f"{path}:{header_line + 1}", hint="rename one")
    if len(columns) < 2:
        raise BadTable(
            f"only one column: '{some(columns)[:60]}'", where=f"{path}:{header_line + 1}", hint="use commas or tabs"
        )
    frame = _frame(text, path, columns, delimiter, header_line + 1)
    return Delimited(path, columns, frame, header_line + 2)


def _cells(line: str, delimiter: str) -> list[str]:
    """Split one line into cells without surrounding spaces."""
    return [cell.strip() for cell in next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])]


def _frame(text: str, path: PathLike, columns: list[str], delimiter: str, skip: int) -> pd.DataFrame:
    """Parse the rows after the first ``skip`` lines; keep blank lines, so that a row's number determines its line."""
    try:
        return pd.read_csv(
            io.StringIO(text),
            sep=delimiter,
            names=columns,
            header=None,
            skiprows=skip,
            dtype={columns[0]: str},
            na_filter=False,
            skip_blank_lines=False,
            low_memory=False,
        )
    except pd.errors.ParserError as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if found is None:
            raise BadTable(f"this is not a table ({str(error).strip()})", where=path) from error
        expected, line, seen = found.groups()
        raise BadTable(f"{seen} cells, but the header has {expected}", where=f"{path}:{line}") from error
