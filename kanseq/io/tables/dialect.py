"""Read and write tables: tab separated, ``\\n``, UTF-8, no quoting, no comments; a missing value is an empty cell.

In: a schema, and a table or a file. Out: the file, or its cells as text or as typed values.
"""

import csv
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.io.files import PathLike, open_text, whole_text
from kanseq.io.tables.schema import Column, Schema

_ROWS = 50_000
"""Number of rows that are converted to text at once."""

_BREAKS = ("\t", "\n", "\r")
"""Characters that a cell cannot contain."""

IN_MEMORY = "a table in memory"
"""Name of a table that is not a file, for messages."""


def write_table(path: PathLike, schema: Schema, table: pd.DataFrame) -> None:
    """Write a table as tab-separated text; output bytes are reproducible.

    Args:
        path: output file; ``-`` is standard output, and names ending in ``.gz`` are compressed.
        schema: schema of the table.
        table: the table, with the columns of the schema (and any of its families) in the order to write them.

    Raises:
        BadTable: a cell contains a tab or a line break, or is empty although the column does not allow it.
        NotWritable: the folder is missing or not writable, or the disk is full.
    """
    lines = table_lines(schema, table)
    with whole_text(path) as handle:
        handle.writelines(lines)


def table_lines(schema: Schema, table: pd.DataFrame) -> Iterator[str]:
    """Check a table and return its text: the header, then blocks of rows.

    Raises:
        BadTable: as for :func:`write_table`, before anything is returned.
        ValueError: the columns of the table differ from those of the schema.
    """
    header = [str(name) for name in table.columns]
    schema.check_header(header)
    columns = [schema.column(name) for name in header]
    for position, (name, column) in enumerate(zip(header, columns, strict=True)):
        assert column is not None
        _check_cells(schema, column, name, table.iloc[:, position])
    return _lines(schema, header, [column for column in columns if column is not None], table)


def read_cells(path: PathLike | pd.DataFrame, schema: Schema, required: Sequence[str] | None = None) -> pd.DataFrame:
    """Read all columns of a table as text. Missing values become empty strings.

    Args:
        path: file, plain or gzip; ``-`` is standard input. A table in memory is converted to the cells that its file
            would have; its columns may have any order and types.
        schema: schema of the table.
        required: required columns; by default those of the schema.

    Raises:
        BadTable: the file is not a table, or a column is missing. For a table in memory: also if a column occurs twice,
            or a cell contains a tab or a line break.
    """
    hint = f"make the table with kanseq {' or '.join(schema.verbs)}"
    needed = schema.required if required is None else required
    if isinstance(path, pd.DataFrame):
        _check_columns(path, needed, IN_MEMORY, hint)
        return _cells_of(path, schema)
    table = parse(path, None if schema.has_header else [column.name for column in schema.columns], hint=hint)
    _check_columns(table, needed, path, hint)
    return table


def location(path: PathLike | pd.DataFrame, row: int) -> str:
    """Return ``file:line`` of a row (from 0) of a table with a header, for error messages."""
    return f"{IN_MEMORY if isinstance(path, pd.DataFrame) else path}:{row + 2}"


def _check_columns(table: pd.DataFrame, needed: Sequence[str], where: PathLike | None, hint: str) -> None:
    """Raise BadTable if a required column is missing."""
    missing = [name for name in needed if name not in table]
    if missing:
        raise BadTable(f"the column '{missing[0]}' is missing", where=where, hint=hint)


def _cells_of(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Convert a table in memory to the text cells that its file would have."""
    names = [str(name) for name in table.columns]
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise BadTable(f"the column '{twice}' occurs twice", where=IN_MEMORY)
    cells = {}
    for position, name in enumerate(names):
        values, column = table.iloc[:, position], schema.column(name)
        if column is None:
            cells[name] = np.array(values.astype(str), dtype=object)
            continue
        _check_breaks(name, values, IN_MEMORY)
        cells[name] = np.array(_texts(column, values), dtype=object)
    return pd.DataFrame(cells, index=range(len(table)), columns=names)


def read_table(path: PathLike | pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Read a table as :func:`read_cells` does, convert columns to their types, and drop columns not in the schema.

    Returns:
        ``text`` and ``value`` columns as str; ``number`` as float64, NaN for empty cells; ``integer`` as int64, or
        float64 if cells may be empty. Columns are in the order of the schema, families as in the file.

    Raises:
        BadTable: the file is not such a table, a value is not a number, or a required cell is empty; the message shows
            file and line.
    """
    cells = read_cells(path, schema)
    first = 2 if schema.has_header else 1
    where = IN_MEMORY if isinstance(path, pd.DataFrame) else str(path)
    fixed = [column.name for column in schema.columns if column.name in cells]
    known = [*fixed, *(name for name in cells if name not in fixed and schema.column(str(name)) is not None)]
    found = {}
    for name in known:
        column = schema.column(name)
        assert column is not None
        empty = (cells[name] == "").to_numpy()
        if empty.any() and not column.missing:
            raise BadTable(f"the column '{name}' is empty", where=f"{where}:{int(np.argmax(empty)) + first}")
        found[name] = cells[name] if column.kind in ("text", "value") else _numbers(cells[name], column, where, first)
    return pd.DataFrame(found, index=cells.index)


def parse(path: PathLike, names: Sequence[str] | None, *, hint: str | None = None) -> pd.DataFrame:
    """Read tab-separated text without quoting; all cells are str.

    Args:
        path: file, plain or gzip; ``-`` is standard input.
        names: names of the columns of a file without a header; None to read them from the first line.
        hint: hint for error messages: how to create a valid table.

    Raises:
        BadTable: the file is empty, or a row has more cells than the header.
    """
    given = None if names is None else list(names)
    options = {"sep": "\t", "dtype": str, "na_filter": False, "quoting": csv.QUOTE_NONE, "names": given}
    with open_text(path) as handle:
        try:
            table = pd.read_csv(handle, header=0 if given is None else None, **options)  # type: ignore[call-overload]
        except pd.errors.EmptyDataError as error:
            if given is not None:
                return pd.DataFrame(columns=given, dtype=str)
            raise BadTable(f"this is not a table ({str(error).strip()})", where=path, hint=hint) from error
        except pd.errors.ParserError as error:
            raise BadTable(f"this is not a table ({str(error).strip()})", where=path, hint=hint) from error
    if not isinstance(table.index, pd.RangeIndex):
        # pandas uses the first column as the index if rows have one cell more than the header.
        raise BadTable("this is not a table (its rows have more cells than its header)", where=path, hint=hint)
    return table


def check_rows(wrong: pd.Series, values: pd.Series, what: str, path: PathLike | pd.DataFrame) -> None:
    """Raise BadTable for the first row that ``wrong`` marks, if any; the message says that its value is ``what``."""
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy()))
        raise BadTable(f"'{values.iloc[row]}' is {what}", where=location(path, row))


def _check_cells(schema: Schema, column: Column, name: str, values: pd.Series) -> None:
    """Raise BadTable for names and cells that contain tabs or line breaks, and for empty cells that are required."""
    _check_breaks(name, values, schema.file)
    if not column.missing and not _is_numeric(values, "iub"):
        empty = (values.isna() | (values == "")).to_numpy()
        if empty.any():
            raise BadTable(f"row {int(np.argmax(empty)) + 1}, column '{name}': the cell is empty", where=schema.file)


def _check_breaks(name: str, values: pd.Series, where: str) -> None:
    """Raise BadTable for names and cells that contain tabs or line breaks."""
    if _breaks(name):
        raise BadTable(f"the column name {name!r} contains a tab or a line break", where=where)
    if not _is_numeric(values, "iufb") and _breaks("".join(map(str, values.unique()))):
        row, cell = next((row, cell) for row, cell in enumerate(map(str, values), 1) if _breaks(cell))
        what = f"row {row}, column '{name}': {cell!r} contains a tab or a line break"
        raise BadTable(what, where=where, hint="rename it")


def _is_numeric(values: pd.Series, kinds: str) -> bool:
    """Return whether a column has a NumPy type of one of ``kinds``.

    The result is False for pandas types, which allow missing values.
    """
    return isinstance(values.dtype, np.dtype) and values.dtype.kind in kinds


def _breaks(cell: str) -> bool:
    """Return whether a cell contains a character that separates cells or rows."""
    return any(sign in cell for sign in _BREAKS)


def _lines(schema: Schema, header: list[str], columns: list[Column], table: pd.DataFrame) -> Iterator[str]:
    """Yield the text of a table: the header, then blocks of rows."""
    if schema.has_header:
        yield "\t".join(header) + "\n"
    for start in range(0, len(table), _ROWS):
        rows = table.iloc[start : start + _ROWS]
        cells = [_texts(column, rows.iloc[:, position]) for position, column in enumerate(columns)]
        yield "".join("\t".join(row) + "\n" for row in zip(*cells, strict=True))


def _texts(column: Column, values: pd.Series) -> list[str]:
    """Convert the values of a column to the text of cells."""
    listed = values.tolist()
    if _is_numeric(values, "iub"):
        return list(map(str, listed))
    return [value if type(value) is str else _text(value, column.format) for value in listed]


def _text(value: object, format_of_floats: str) -> str:
    """Convert a value to the text of a cell."""
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return ""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return format(value, format_of_floats) if format_of_floats else repr(value)
    return str(value)


def _numbers(cells: pd.Series, column: Column, path: PathLike, first: int) -> np.ndarray:
    """Convert the cells of a column to numbers; raise BadTable if a cell is not a number. Empty cells become NaN."""
    empty = (cells == "").to_numpy()
    values = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~np.isfinite(values) & ~empty
    is_whole = column.kind == "integer"
    if is_whole:
        wrong |= ~cells.str.fullmatch(r"-?[0-9]+").to_numpy(dtype=bool) & ~empty
    if wrong.any():
        row = int(np.argmax(wrong))
        what = "not an integer" if is_whole else "not a number"
        raise BadTable(f"'{cells.iloc[row]}' is {what} (column '{cells.name}')", where=f"{path}:{row + first}")
    if is_whole and not column.missing:
        return np.array([int(text) for text in cells], dtype=np.int64)
    # pandas before version 3 may be wrong in the last digit.
    return np.array([float(text) if text else np.nan for text in cells], dtype=np.float64)
