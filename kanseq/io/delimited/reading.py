"""Read text tables as people have them. In: CSV, TSV and their variants, plain or gzip. Out: a :class:`Delimited`."""

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.io.delimited.layout import TableLayout, find_layout
from kanseq.io.delimited.names import are_row_numbers, names_ids, names_index
from kanseq.io.delimited.numerals import (
    check_decimal,
    decided_mark,
    decimal_mark,
    is_number,
    marked_columns,
    text_of,
    with_plain_numbers,
)
from kanseq.io.delimited.other_formats import check_is_table
from kanseq.io.delimited.parsing import Lines, cells_of_comment, first_lines, parse_rows, rows_from
from kanseq.io.delimited.table import Delimited
from kanseq.io.delimited.text import read_first_text, read_text
from kanseq.io.files import PathLike, some

_log = logging.getLogger(__name__)


def read_delimited(path: PathLike, *, decimal: str | None = None, text: Sequence[str] = ()) -> Delimited:
    """Read a table; its delimiter, header and decimal mark are determined from its cells.

    Comments, titles above the header, empty lines and empty columns are left out. If the header has one name fewer than
    there are columns (as in tables written by R), the first column is named ``gene``. Without a header, the columns are
    named ``gene`` and ``sample``, or ``gene``, ``column 2`` and so on. A first column of row numbers is left out, if
    the next one has names.

    Args:
        path: the file; ``-`` is standard input.
        decimal: the decimal mark, ``.`` or ``,``; by default it is determined from the numbers.
        text: columns that remain text, in addition to the first.

    Raises:
        BadTable: there are no rows, only one column, two columns with the same name, or a row with too many cells; a
            line can be the header or a row; numbers have two readings.
        BadOption: the decimal mark is invalid.
        MissingFile, TruncatedFile: the file cannot be read.
    """
    check_decimal(decimal)
    content = read_text(path).rstrip("\n")
    head, comments = first_lines(content)
    check_is_table([line for _number, line in head], path)
    layout = _with_comment_as_header(find_layout(head, path), comments) if head else None
    if layout is None or not layout.rows:
        raise BadTable("the table has no rows", where=path)
    names = _names(layout, path)
    seen, width = len(layout.rows[0].cells), max(len(names), layout.width)
    if seen > width:
        raise BadTable(f"{seen} cells, but the header has {len(names)}", where=f"{path}:{layout.first_row}")
    body, lines = rows_from(content, layout.first_row)
    del content
    index, first = _places_of_ids(layout)
    as_text = {*range(first + 1), *(place for place, name in enumerate(names) if name in text)}
    columns = {place: _column(layout, place) for place in range(len(names)) if place not in as_text}
    mark = decimal or decided_mark(columns.values())
    frame, lines_of_rows = parse_rows(body, lines, layout.delimiter, width, path, text=as_text, decimal=mark or ".")
    table = Delimited(path, names, frame, lines_of_rows, _notes(layout, [*head, *comments]))
    marked = marked_columns(frame[list(columns)], mark)
    if marked or (mark is None and any(pd.api.types.is_float_dtype(frame[place]) for place in columns)):
        # With a known mark, columns of numbers need no second look.
        examined = [place for place in columns if mark is None or not pd.api.types.is_numeric_dtype(frame[place])]
        text = parse_rows(body, lines, layout.delimiter, width, path, text=None)[0][examined]
        heads = [(names[place], "\n".join(cells)) for place, cells in columns.items() if place not in examined]
        _use_decimal_mark(table, text, marked, heads, layout.delimiter, decimal)
    if index is not None and not are_row_numbers(list(frame[index]), gaps=True):
        index = None
    return _without_empty_columns(table, index, layout.header)


def read_header(path: PathLike) -> list[str]:
    """Return the names of the columns of a table without reading all of it; they are empty if there is no header.

    Raises:
        BadTable: as for :func:`read_delimited`.
        MissingFile: the file cannot be read.
    """
    head, comments = first_lines(read_first_text(path).rstrip("\n"))
    return _with_comment_as_header(find_layout(head, path), comments).columns if head else []


def _with_comment_as_header(layout: TableLayout, comments: Lines) -> TableLayout:
    """Use the last comment above the rows as the header, if there is no other and it names the columns."""
    above = [(number, line) for number, line in comments if number < layout.first_row]
    if layout.header or not above:
        return layout
    number, line = above[-1]
    cells = cells_of_comment(line, layout.delimiter)
    if len(cells) != len(layout.columns) or len(cells) < 2 or any(map(is_number, cells)):
        return layout
    return layout._replace(columns=cells, header=number)


def _names(layout: TableLayout, path: PathLike) -> list[str]:
    """Return the names of the columns, and log which lines above the rows have another meaning than usual."""
    if layout.titles:
        _log.info("%s: lines next to the header that are no rows: %s", path, some(layout.titles, 8))
    names = layout.columns
    if layout.header and not layout.exact:
        numbered = are_row_numbers(_column(layout, 0), gaps=True) and any(map(names_ids, names[1:]))
        return ["row names" if numbered or "gene" in names else "gene", *names[1:]]
    if layout.header:
        return names
    names = ["gene", *(f"column {place}" for place in range(2, len(names) + 1))]
    names = ["gene", "sample"] if len(names) == 2 else names
    _log.warning(
        "%s: no header: line %d is read as a row; the columns are named %s", path, layout.first_row, some(names, 8)
    )
    return names


def _notes(layout: TableLayout, lines: Lines) -> str:
    """Return the titles and comments above the rows, except for the header."""
    above = [(number, line) for number, line in lines if number < layout.first_row and number != layout.header]
    return "\n".join(line for _number, line in sorted(above))


def _places_of_ids(layout: TableLayout) -> tuple[int | None, int]:
    """Return the place of a column with row numbers (or None), and that of the first column with ids."""
    first = 0
    while first + 2 < len(layout.columns) and not layout.columns[first] and not any(_column(layout, first)):
        first += 1
    if first + 2 >= len(layout.columns) or not names_index(layout.columns[first]) or not layout.header:
        return None, first
    named, cells = names_ids(layout.columns[first + 1]), _column(layout, first)
    if are_row_numbers(cells, gaps=named) and (named or not any(map(is_number, _column(layout, first + 1)))):
        return first, first + 1
    return None, first


def _column(layout: TableLayout, place: int) -> list[str]:
    """Return the cells of a column in the first rows."""
    return [line.cells[place] for line in layout.rows if place < len(line.cells)]


def _use_decimal_mark(
    table: Delimited,
    cells: pd.DataFrame,
    marked: list[int],
    heads: list[tuple[str, str]],
    delimiter: str,
    decimal: str | None,
) -> None:
    """Replace the columns of a table that have numbers with decimal commas or thousands separators.

    Args:
        table: the table.
        cells: the columns that may have numbers, as text.
        marked: the columns that have other than plain numbers.
        heads: names and first cells of columns that were read, which decide about the mark too.
        delimiter: the delimiter.
        decimal: the decimal mark that the user specified, or None.
    """
    columns = {place: text_of(cells[place]) for place in cells.columns}
    named = {place: table.columns[place] if place < len(table.columns) else "" for place in columns}
    examined = [*heads, *((named[place], columns[place]) for place in columns)]
    mark = decimal_mark(examined, delimiter, table.place, decimal)
    for place, column in columns.items():
        if place in marked or (mark == "," and pd.api.types.is_numeric_dtype(table.frame[place])):
            numbers = with_plain_numbers(column, mark)
            table.frame[place] = cells[place] if numbers is None else numbers


def _without_empty_columns(table: Delimited, index: int | None, header: int) -> Delimited:
    """Remove empty columns that have no name of their own, and the column of row numbers; name the others.

    Raises:
        BadTable: a row has a cell in a column that the header does not have, or two columns have the same name.
    """
    names, frame = table.columns, table.frame
    kept = []
    for place in frame.columns:
        name = names[place] if place < len(names) else ""
        if place == index:
            continue
        if name == "" or names.count(name) > 1:
            filled = (frame[place].astype(str).str.strip() != "").to_numpy()
            if not filled.any():
                continue
            if place >= len(names):
                where = table.place(int(np.argmax(filled)))
                raise BadTable(f"{place + 1} cells, but the header has {len(names)}", where=where)
        kept.append(place)
    names = [names[place] for place in kept]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadTable(f"two columns are named '{twice[0]}'", where=f"{table.path}:{header}", hint="rename one")
    if len(names) < 2:
        raise BadTable(
            f"only one column: '{some(names)[:60]}'", where=f"{table.path}:{header}", hint="use commas or tabs"
        )
    return replace(table, columns=names, frame=frame[kept].set_axis(names, axis=1))
