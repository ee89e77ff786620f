"""Read small tables of text, such as sample sheets. In: a file with any delimiter. Out: rows of cells, a header.

Tables of numbers are read by :mod:`kanseq.io.delimited.reading`.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kanseq.errors import BadTable
from kanseq.io.delimited.layout import DELIMITERS, Line, split_line
from kanseq.io.delimited.names import are_row_numbers
from kanseq.io.delimited.text import read_text
from kanseq.io.files import PathLike

_EXAMINED = 1000
"""Number of lines from which the delimiter is determined."""

_TITLES = 20
"""Maximum number of titles above a header."""


class CellTable(NamedTuple):
    """The cells of a table.

    Attributes:
        path: the file, for messages.
        rows: the lines with cells.
        comments: the lines that begin with ``#``, without it.
    """

    path: PathLike
    rows: list[Line]
    comments: list[Line]

    def place(self, row: Line) -> str:
        """Return the location of a row as ``file:line``."""
        return f"{self.path}:{row.number}"


def read_text_table(path: PathLike) -> CellTable:
    """Read a table; the delimiter (tab, semicolon, comma or spaces) is the one by which all rows are equally wide.

    Empty lines are left out. Quoted cells may contain the delimiter.

    Raises:
        MissingFile, TruncatedFile: the file cannot be read.
    """
    lines = [(number, line) for number, line in enumerate(read_text(path).split("\n"), 1) if line.strip('\t ;,"')]
    texts = [(number, line) for number, line in lines if not line.startswith("#")]
    delimiter = _delimiter([line for _, line in texts[:_EXAMINED]])
    rows = [Line(number, _cells(line, delimiter)) for number, line in texts]
    comments = [Line(number, _cells(line.lstrip("# "), delimiter)) for number, line in lines if line.startswith("#")]
    return CellTable(path, rows, comments)


def take_header(table: CellTable, is_header: Callable[[Sequence[str]], bool]) -> tuple[list[str] | None, list[Line]]:
    """Separate the header of a table from its rows.

    Args:
        table: the table.
        is_header: function that recognises the names of the columns. Lines above a header, and a header that is a
            comment, are recognised too. If the header has one name fewer than the rows have cells, as in tables written
            by R, the first name is empty. A line above a column of row numbers is a header too.

    Returns:
        The header (None if there is none), and the rows.
    """
    if not table.rows:
        return None, []
    usual = Counter(len(row.cells) for row in table.rows).most_common(1)[0][0]
    for place, row in enumerate(table.rows[:_TITLES]):
        cells = _padded(row, usual)
        if is_header(cells):
            return cells, table.rows[place + 1 :]
        if row.width > 1:
            break
    cells, rows = _padded(table.rows[0], usual), table.rows[1:]
    if usual > 2 and not cells[0] and are_row_numbers([row.cells[0] for row in rows]):
        return cells, rows
    above = [row.cells for row in table.comments if row.number < table.rows[0].number]
    header = above[-1] if above and len(above[-1]) == usual and is_header(above[-1]) else None
    return header, table.rows


def _padded(row: Line, usual: int) -> list[str]:
    """Return the cells of a row; if one is missing, the first one is empty."""
    return ["", *row.cells] if len(row.cells) + 1 == usual else row.cells


def check_width(row: Line, header: Sequence[str], path: PathLike) -> None:
    """Check that a row has no more cells than the header. Raises BadTable."""
    if header and row.width > len(header):
        raise BadTable(f"{row.width} cells, but the header has {len(header)}", where=f"{path}:{row.number}")


def _delimiter(lines: list[str]) -> str:
    """Return the delimiter by which all lines have the same number of cells, or else the most have two cells."""
    widths = {delimiter: [len(_cells(line, delimiter)) for line in lines] for delimiter in DELIMITERS}
    for several in (1, 2):
        # Tables written by R have one name fewer in the header.
        for delimiter, found in widths.items():
            if min(found[several - 1 :], default=0) > 1 and len({*found[several - 1 :]}) == 1:
                return delimiter
    return max(DELIMITERS, key=lambda delimiter: sum(width > 1 for width in widths[delimiter]))


def _cells(line: str, delimiter: str) -> list[str]:
    """Split a line into cells; lines without quotes are split faster."""
    if '"' in line:
        return split_line(line, delimiter)
    return line.split() if delimiter == " " else [cell.strip() for cell in line.split(delimiter)]
