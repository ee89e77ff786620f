"""Find the delimiter and the header of a text table. In: its first lines. Out: a layout.

The delimiter is the one by which all rows have the same number of cells. The header is the line above the first row
with numbers.
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from kanseq.errors import BadTable
from kanseq.io.delimited.header_lines import is_header_of_numbers
from kanseq.io.delimited.names import are_units, names_ids, shape
from kanseq.io.delimited.numerals import is_no_number, is_number
from kanseq.io.files import PathLike, some

DELIMITERS = ("\t", ";", ",", " ")
"""The delimiters, the preferred one first; a space means any number of spaces and tabs."""

COMMENT = re.compile(r"# |##|#$")
"""Start of a comment. A header may begin with ``#`` too, but without a space."""

_GCT = re.compile(r"#1\.[23][\s,;]*$")


class Line(NamedTuple):
    """A line of a text table that is neither empty nor a comment.

    Attributes:
        number: 1-based number of the line.
        cells: the cells without surrounding spaces.
    """

    number: int
    cells: list[str]

    @property
    def width(self) -> int:
        """The number of cells up to the last one that is not empty."""
        return max((place for place, cell in enumerate(self.cells, 1) if cell), default=0)


class TableLayout(NamedTuple):
    """The structure of a text table.

    Attributes:
        delimiter: one of :data:`DELIMITERS`.
        columns: names of the columns, ``""`` if a column has none.
        header: 1-based number of the header line, 0 if there is none.
        first_row: 1-based number of the first line with values.
        rows: the first rows.
        width: number of cells of a row, including empty cells at its end.
        titles: numbers of lines above the rows that are neither header nor comments: titles and units.
        equal: whether all rows have as many cells as there are columns.
        exact: whether the header names all columns.
        numeric: whether there is a column of numbers.
    """

    delimiter: str
    columns: list[str]
    header: int
    first_row: int
    rows: list[Line]
    width: int
    titles: list[int]
    equal: bool
    exact: bool
    numeric: bool


def split_line(line: str, delimiter: str) -> list[str]:
    """Split a line into cells without surrounding spaces; quoted cells may contain the delimiter.

    >>> split_line('"leaf, old",2', ",")
    ['leaf, old', '2']
    """
    if delimiter == " ":
        line = line.replace("\t", " ").strip()
    reader = csv.reader(line.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=delimiter == " ")
    try:
        cells = next(reader, [])
    except csv.Error:
        # A line without the delimiter can be longer than a cell may be.
        cells = line.split(delimiter)
    return [" ".join(cell.split("\n")).strip() for cell in cells]


def find_layout(lines: Sequence[tuple[int, str]], path: PathLike) -> TableLayout:
    """Find the delimiter and the header of a table.

    Args:
        lines: number and text of the first lines, without empty lines and comments.
        path: the file, for messages.

    Raises:
        BadTable: the table has one column or no rows, or the header does not fit the rows.
    """
    lines, skipped, below = _without_gct(lines)
    layouts: list[TableLayout] = []
    problem: BadTable | None = None
    for delimiter in DELIMITERS:
        cells = [Line(number, split_line(text, delimiter)) for number, text in lines]
        try:
            found = _layout(cells, delimiter, path, below)
        except BadTable as error:
            # Another delimiter may fit; without one, this error is the message.
            problem = error if problem is None and not layouts else problem
            continue
        if found is not None:
            layouts.append(found._replace(titles=[*skipped, *found.titles]))
            if found.equal and (delimiter == "\t" or (found.exact and found.numeric and not _has_spaces(found))):
                break
    # Last, prefer the delimiter that does not leave two cells in one: "Q1 2,5" separated by a comma.
    best = max(layouts, key=lambda one: (one.equal, one.exact, one.numeric, not _has_spaces(one)), default=None)
    if best is not None and (best.equal or problem is None):
        return best
    if problem is not None:
        raise problem
    number, text = lines[0]
    raise BadTable(f"only one column: '{text.strip()[:60]}'", where=f"{path}:{number}", hint="use commas or tabs")


def _has_spaces(layout: TableLayout) -> bool:
    """Return whether the first cell of each row has a space."""
    return all(" " in line.cells[0] for line in layout.rows if line.cells)


def _without_gct(lines: Sequence[tuple[int, str]]) -> tuple[Sequence[tuple[int, str]], list[int], int]:
    """Remove the version and the dimensions of a GCT file.

    Returns:
        The other lines, the numbers of the removed ones, and the number of lines with sample annotations that follow
        the header.
    """
    if len(lines) < 2 or not _GCT.match(lines[0][1]):
        return lines, [], 0
    sizes = re.split(r"[\s,;]+", lines[1][1].strip(" \t,;"))
    below = int(sizes[3]) if len(sizes) == 4 and sizes[3].isdigit() else 0
    return lines[2:], [lines[0][0], lines[1][0]], below


def _layout(lines: list[Line], delimiter: str, path: PathLike, below: int) -> TableLayout | None:
    """Return the layout with a delimiter, or None if it does not separate the cells.

    ``below`` is the number of lines between header and rows.
    """
    half = lines[len(lines) // 2 :]
    full = _usual_width(lines)
    width = max((line.width for line in half if len(line.cells) == full), default=0)
    if max(full, *(len(line.cells) for line in lines)) < 2 or width < 1:
        return None
    body = [line for line in half if len(line.cells) == full]
    numeric = [column for column in range(1, width) if _is_numeric(line.cells[column] for line in body)]
    first = _first_row(lines, numeric, full)
    at = _header(lines, first, numeric, full, width, path)
    if at is not None and len(lines[at].cells) + 1 == width:
        columns, exact = ["", *lines[at].cells], False
        _check_short_header(lines, at, width, numeric, delimiter, path)
    elif at is not None:
        columns, exact = lines[at].cells[: max(width, lines[at].width)], True
    else:
        columns, exact = [""] * width, True
    start_at = _first_unnamed_row(lines, first or 0, full) if at is None else at + 1
    units = None if at is None or not exact else _units_next_to(lines, at, len(columns))
    if units == start_at:
        start_at += 1
    rows = lines[start_at:][below:]
    equal = bool(rows) and all(len(line.cells) == full for line in rows) and width >= 2
    if at is not None and len(lines[at].cells) not in (full, width, width - 1):
        equal = False
    titles = [line.number for place, line in enumerate(lines[:start_at]) if place != at]
    if units is not None:
        columns = _with_units(columns, lines[units].cells)
    start = rows[0].number if rows else lines[-1].number + 1
    columns = [columns[0].lstrip("# "), *columns[1:]]
    number = 0 if at is None else lines[at].number
    return TableLayout(delimiter, columns, number, start, rows, full, titles, equal, exact, bool(numeric))


def _units_next_to(lines: list[Line], at: int, width: int) -> int | None:
    """Return the place of a line of units directly below or above the header, or None."""
    near = [place for place in (at + 1, at - 1) if 0 <= place < len(lines)]
    return next((place for place in near if are_units(lines[place].cells[:width])), None)


def _with_units(columns: list[str], units: list[str]) -> list[str]:
    """Add their units to the names of columns, if these are different; else they are a note on the table."""
    if len({unit for unit in units[1:] if unit}) < 2:
        return columns
    return [" ".join(filter(None, pair)) for pair in zip_longest(columns, units[: len(columns)], fillvalue="")]


def _usual_width(lines: list[Line]) -> int:
    """Return the most frequent number of cells in the second half of the lines; in doubt that of the first line."""
    counts = Counter(len(line.cells) for line in lines[len(lines) // 2 :])
    first = len(lines[0].cells)
    return max(counts, key=lambda width: (counts[width], width == first, width))


def _is_numeric(cells: object) -> bool:
    """Return whether at least half of the cells that are not missing are numbers."""
    known = [is_number(cell) for cell in cells if not is_no_number(cell)]  # type: ignore[attr-defined]
    return bool(known) and 2 * sum(known) >= len(known)


def _first_row(lines: list[Line], numeric: list[int], full: int) -> int | None:
    """Return the first line in which all columns of numbers have numbers or are missing; None if there is none."""
    for place, line in enumerate(lines):
        cells = [line.cells[column] for column in numeric] if len(line.cells) == full else []
        if any(cells) and all(is_number(cell) or is_no_number(cell) for cell in cells):
            return place
    return None


def _first_unnamed_row(lines: list[Line], first: int, full: int) -> int:
    """Return the place of the first row of a table without a header; ``first`` is the first row with numbers."""
    ids = {shape(line.cells[0]) for line in lines[first:]}
    while first > 0 and len(lines[first - 1].cells) == full and shape(lines[first - 1].cells[0]) in ids:
        first -= 1
    return first


def _header(
    lines: list[Line], first: int | None, numeric: list[int], full: int, width: int, path: PathLike
) -> int | None:
    """Return the place of the header among the lines, or None if the table has no header.

    Args:
        first: place of the first row with numbers, None if there are no numbers.
        numeric: the columns of numbers.
        full, width: number of cells of a row, with and without empty cells at its end.
    """
    above = lines[: len(lines) if first is None else first]
    fitting = [place for place, line in enumerate(above) if _fits(line, full, width)]
    if first is None:
        return fitting[0] if fitting else None
    # A row without expression is not a header; a title may have as many cells as a header that R wrote.
    texts = [place for place in fitting if not any(_is_value(above[place], column) for column in numeric)]
    mixed = [place for place in fitting if not all(_is_value(above[place], column) for column in numeric)]
    exact = [place for place in texts if len(above[place].cells) >= width]
    for places in (exact, texts):
        if places:
            return max(places, key=lambda place: (*_rank(above[place]), -place))
    if mixed:
        return mixed[0]
    if names_ids(lines[first].cells[0]) and len(lines) > first + 1:
        return first
    if above and sum(cell != "" for cell in above[-1].cells) > 1:
        raise BadTable(
            f"{len(lines[first].cells)} cells, but the header has {len(above[-1].cells)}",
            where=f"{path}:{lines[first].number}",
            hint=f"the header would be line {above[-1].number}",
        )
    others = [line.cells[0] for line in lines[first + 1 :] if len(line.cells) == full]
    return first if len(lines) > first + 1 and is_header_of_numbers(lines[first], others, path) else None


def _rank(line: Line) -> tuple[int, int]:
    """Return how well a line names columns: the number of different names, and how well the first cell names ids."""
    first = line.cells[0]
    return len({*line.cells[1:]} - {""}), 2 if names_ids(first) else not first


def _is_value(line: Line, column: int) -> bool:
    """Return whether the cell of a column is a number or missing."""
    cell = line.cells[column] if column < len(line.cells) else "a name"
    return is_number(cell) or is_no_number(cell)


def _fits(line: Line, full: int, width: int) -> bool:
    """Return whether a line can be the header: it has a name for each column, or for each but the first."""
    count = len(line.cells)
    if count not in (full, width, width - 1) or count < 1:
        return False
    return line.width > 1 or (width == 2 and count == 1 and bool(line.cells[0]))


def _check_short_header(
    lines: list[Line], at: int, width: int, numeric: list[int], delimiter: str, path: PathLike
) -> None:
    """Check a header that has one name fewer than the rows have cells: R omits the name of the row names.

    Raises:
        BadTable: the header names a column of ids, so that another name is missing; or it is a row with fewer cells.
    """
    cells = lines[at].cells
    if width > 2 and not is_number(cells[0]) and all(map(is_number, cells[1:])) and cells[1:]:
        raise BadTable(
            f"{len(cells)} cells ({some(cells)}), but the next line has {width}", where=f"{path}:{lines[at].number}"
        )
    if names_ids(cells[0]) and 1 in numeric:
        hint = "quote numbers with decimal commas, or separate columns by semicolons" if delimiter == "," else None
        raise BadTable(
            f"{width} cells, but the header has {len(cells)}", where=f"{path}:{lines[at + 1].number}", hint=hint
        )
