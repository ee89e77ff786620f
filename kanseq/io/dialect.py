"""The dialect of all tables: tab separated, ``\\n``, UTF-8, no quoting, no comments; a missing value is an empty cell.

In: a schema and a table, or a file. Out: the file, or its cells as text or typed.
"""

import csv
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.files import PathLike, open_text, whole_text
from kanseq.io.schema import Column, Schema

_ROWS = 50_000
"""Rows that are turned into text at a time."""

_BREAKS = ("\t", "\n", "\r")
"""What a cell cannot hold."""

IN_MEMORY = "a table in memory"
"""What messages call a table that is no file."""


def write_table(path: PathLike, schema: Schema, table: pd.DataFrame) -> None:
    """Write a table; the same table gives the same bytes.

    Args:
        path: ``-`` is standard output, ``.gz`` is compressed.
        schema: what the table is.
        table: columns as the schema has them, families included, in the order in which they are to stand in the file.

    Raises:
        BadTable: a cell holds a tab or a line break, or is empty where it must not be.
        NotWritable: the folder is missing or closed, or the disk is full.
    """
    lines = table_lines(schema, table)
    with whole_text(path) as handle:
        handle.writelines(lines)


def table_lines(schema: Schema, table: pd.DataFrame) -> Iterator[str]:
    """Check a table, then return its text: pieces that end in a line break, the header first.

    Raises:
        BadTable: as for :func:`write_table`, before anything is returned.
        ValueError: the table has other columns than the schema.
    """
    header = [str(name) for name in table.columns]
    schema.check_header(header)
    columns = [schema.column(name) for name in header]
    for position, (name, column) in enumerate(zip(header, columns, strict=True)):
        assert column is not None
        _check_cells(schema, column, name, table.iloc[:, position])
    return _lines(schema, header, [column for column in columns if column is not None], table)


def read_cells(path: PathLike | pd.DataFrame, schema: Schema, required: Sequence[str] | None = None) -> pd.DataFrame:
    """Read all columns of a file as text. A missing value is the empty text.

    Args:
        path: plain or gzip; ``-`` is standard input. A table in memory gives the cells that its file would hold,
            whatever the order and the types of its columns.
        schema: what the table is.
        required: columns that must be there; by default those of the schema.

    Raises:
        BadTable: it is no table, or a column is missing; of a table in memory also: a column is there twice, or a cell
            holds a tab or a line break.
    """
    hint = f"make the table with kanseq {' or '.join(schema.verbs)}"
    needed = schema.required if required is None else required
    if isinstance(path, pd.DataFrame):
        _check_columns(path, needed, IN_MEMORY, hint)
        return _cells_of(path, schema)
    table = parse(path, None if schema.has_header else [column.name for column in schema.columns], hint=hint)
    _check_columns(table, needed, path, hint)
    return table


def place(path: PathLike | pd.DataFrame, row: int) -> str:
    """Name a row (from 0) of a table with a header in messages, as ``file:line``."""
    return f"{IN_MEMORY if isinstance(path, pd.DataFrame) else path}:{row + 2}"


def _check_columns(table: pd.DataFrame, needed: Sequence[str], where: PathLike | None, hint: str) -> None:
    """Refuse a table that lacks a column."""
    missing = [name for name in needed if name not in table]
    if missing:
        raise BadTable(f"the column '{missing[0]}' is missing", where=where, hint=hint)


def _cells_of(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return the cells that the file of a table in memory would hold."""
    names = [str(name) for name in table.columns]
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise BadTable(f"the column '{twice}' is there twice", where=IN_MEMORY)
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
    """Read a table with typed columns, as :func:`read_cells` does; columns that the schema does not know are left out.

    Returns:
        ``text`` and ``value`` columns as str; ``number`` as float64, NaN where a cell is empty; ``integer`` as int64,
        or float64 where cells may be empty. Columns in the order of the schema, families as in the file.

    Raises:
        BadTable: it is no such table, a number is none, or a cell is empty that must not be; with file and line.
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
        path: plain or gzip; ``-`` is standard input.
        names: columns of a file without a header; None: the first line names them.
        hint: how to get a file that is a table.

    Raises:
        BadTable: it is empty, or a row has more cells than the header.
    """
    given = None if names is None else list(names)
    options = {"sep": "\t", "dtype": str, "na_filter": False, "quoting": csv.QUOTE_NONE, "names": given}
    with open_text(path) as handle:
        try:
            table = pd.read_csv(handle, header=0 if given is None else None, **options)  # type: ignore[call-overload]
        except pd.errors.EmptyDataError as error:
            if given is not None:
                return pd.DataFrame(columns=given, dtype=str)
            raise BadTable(f"this is no table ({str(error).strip()})", where=path, hint=hint) from error
        except pd.errors.ParserError as error:
            raise BadTable(f"this is no table ({str(error).strip()})", where=path, hint=hint) from error
    if not isinstance(table.index, pd.RangeIndex):
        # pandas takes the first column for names of rows where rows have one cell more than the header.
        raise BadTable("this is no table (its rows have more cells than its header)", where=path, hint=hint)
    return table


def check_rows(wrong: pd.Series, values: pd.Series, what: str, path: PathLike | pd.DataFrame) -> None:
    """Raise BadTable for the first wrong row of a table whose first line is its header."""
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy()))
        raise BadTable(f"'{values.iloc[row]}' is {what}", where=place(path, row))


def _check_cells(schema: Schema, column: Column, name: str, values: pd.Series) -> None:
    """Refuse names and cells that the dialect cannot hold, and empty ones that must not be."""
    _check_breaks(name, values, schema.file)
    if not column.missing and not _is_numeric(values, "iub"):
        empty = (values.isna() | (values == "")).to_numpy()
        if empty.any():
            raise BadTable(f"row {int(np.argmax(empty)) + 1}, column '{name}': nothing is there", where=schema.file)


def _check_breaks(name: str, values: pd.Series, where: str) -> None:
    """Refuse names and cells that the dialect cannot hold."""
    if _breaks(name):
        raise BadTable(f"the name of a column {name!r} holds a tab or a line break", where=where)
    if not _is_numeric(values, "iufb") and _breaks("".join(map(str, values.unique()))):
        row, cell = next((row, cell) for row, cell in enumerate(map(str, values), 1) if _breaks(cell))
        what = f"row {row}, column '{name}': {cell!r} holds a tab or a line break"
        raise BadTable(what, where=where, hint="rename it")


def _is_numeric(values: pd.Series, kinds: str) -> bool:
    """Return whether a column has one of NumPy's numeric types; pandas' own ones can hold nothing where a number is."""
    return isinstance(values.dtype, np.dtype) and values.dtype.kind in kinds


def _breaks(cell: str) -> bool:
    """Return whether a cell cannot be told from several cells or rows."""
    return any(sign in cell for sign in _BREAKS)


def _lines(schema: Schema, header: list[str], columns: list[Column], table: pd.DataFrame) -> Iterator[str]:
    """Yield the header, and some rows at a time."""
    if schema.has_header:
        yield "\t".join(header) + "\n"
    for start in range(0, len(table), _ROWS):
        rows = table.iloc[start : start + _ROWS]
        cells = [_texts(column, rows.iloc[:, position]) for position, column in enumerate(columns)]
        yield "".join("\t".join(row) + "\n" for row in zip(*cells, strict=True))


def _texts(column: Column, values: pd.Series) -> list[str]:
    """Turn a column into cells."""
    listed = values.tolist()
    if _is_numeric(values, "iub"):
        return list(map(str, listed))
    return [value if type(value) is str else _text(value, column.format) for value in listed]


def _text(value: object, format_of_floats: str) -> str:
    """Turn a value into a cell."""
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return ""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return format(value, format_of_floats) if format_of_floats else repr(value)
    return str(value)


def _numbers(cells: pd.Series, column: Column, path: PathLike, first: int) -> np.ndarray:
    """Turn cells into numbers; empty ones are NaN."""
    empty = (cells == "").to_numpy()
    values = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~np.isfinite(values) & ~empty
    is_whole = column.kind == "integer"
    if is_whole:
        wrong |= ~cells.str.fullmatch(r"-?[0-9]+").to_numpy(dtype=bool) & ~empty
    if wrong.any():
        row = int(np.argmax(wrong))
        what = "no whole number" if is_whole else "no number"
        raise BadTable(f"'{cells.iloc[row]}' is {what} (column '{cells.name}')", where=f"{path}:{row + first}")
    if is_whole and not column.missing:
        return np.array([int(text) for text in cells], dtype=np.int64)
    # pandas before 3 reads texts to the last digit but one.
    return np.array([float(text) if text else np.nan for text in cells], dtype=np.float64)
