"""Split the text of a table into lines and cells. In: text. Out: the first lines, and all rows as a data frame."""

import csv
import io
import re
from collections.abc import Collection

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.io.delimited.layout import COMMENT, split_line
from kanseq.io.files import PathLike

_HEAD = 100
"""Number of lines from which the layout of a table is determined."""

_MOST = 2000
"""Maximum number of lines, with comments, among which these lines are searched."""

_IN_CELL = 10
"""Maximum number of lines of a quoted cell."""

_NO_ROW = re.compile(r'\n(?:[;, \t"]*|# .*|##.*|#)(?=\n|$)')
"""Matches lines without a value, and comments."""

Lines = list[tuple[int, str]]


def first_lines(text: str) -> tuple[Lines, Lines]:
    """Return the number and the text of the first lines with cells, and of the comments above and between them."""
    physical = text.split("\n", _MOST)[:_MOST]
    lines: Lines = []
    comments: Lines = []
    place = 0
    while place < len(physical) and len(lines) < _HEAD:
        number, line = place + 1, physical[place]
        place += 1
        if COMMENT.match(line):
            comments.append((number, line))
        elif line.strip('\t ;,"'):
            joined, count = _with_continuation(physical, number - 1)
            lines.append((number, joined))
            place += count - 1
    return lines, comments


def _with_continuation(lines: list[str], place: int) -> tuple[str, int]:
    """Return a line, with the next ones if a quoted cell continues there, and the number of lines."""
    if lines[place].count('"') % 2:
        for count in range(2, _IN_CELL + 1):
            joined = "\n".join(lines[place : place + count])
            if joined.count('"') % 2 == 0:
                return joined, count
    return lines[place], 1


def rows_from(text: str, first: int) -> tuple[str, np.ndarray]:
    """Return the rows from a line (1-based) on as text, without empty lines and comments, and their line numbers."""
    start = 0
    for _ in range(first - 1):
        start = text.index("\n", start) + 1
    if _NO_ROW.search(text, max(start - 1, 0)) is None:
        body = text[start:]
        return body, np.arange(first, first + body.count("\n") + 1)
    kept = [
        (number, line) for number, line in enumerate(text[start:].split("\n"), first) if not _NO_ROW.match("\n" + line)
    ]
    return "\n".join(line for _, line in kept), np.array([number for number, _ in kept])


def parse_rows(
    body: str,
    lines: np.ndarray,
    delimiter: str,
    width: int,
    path: PathLike,
    *,
    text: Collection[int] | None,
    decimal: str = ".",
) -> tuple[pd.DataFrame, np.ndarray]:
    """Parse rows; columns are named 0, 1, ….

    Args:
        body: the rows.
        lines: their line numbers.
        delimiter: the delimiter; a space means any number of spaces and tabs.
        width: the number of columns.
        path: the file, for messages.
        text: the columns that remain text; None means all.
        decimal: the decimal mark of columns in which all cells are numbers without thousands separators.

    Returns:
        The cells, and the number of the (first) line of each row.

    Raises:
        BadTable: a row has too many cells, or a quoted cell has no end.
    """
    quoting = csv.QUOTE_NONE if _has_stray_quotes(body, delimiter, width) else csv.QUOTE_MINIMAL
    try:
        frame = pd.read_csv(
            io.StringIO(body),
            sep=r"\s+" if delimiter == " " else delimiter,
            names=list(range(width)),
            header=None,
            dtype=str if text is None else dict.fromkeys(text, str),
            na_filter=False,
            skip_blank_lines=False,
            low_memory=False,
            quoting=quoting,
            decimal=decimal,
        )
    except pd.errors.ParserError as error:
        found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        if found is None:
            raise BadTable(f"this is not a table ({str(error).strip()})", where=path) from error
        expected, line, seen = map(int, found.groups())
        where = f"{path}:{lines[min(line, len(lines)) - 1]}"
        raise BadTable(f"{seen} cells, but the header has {expected}", where=where) from error
    if len(frame) != len(lines):
        lines = lines[_starts(body, delimiter, len(frame))]
    return frame, lines


def _has_stray_quotes(body: str, delimiter: str, width: int) -> bool:
    """Return whether quotes are part of the text, because each line has the right number of cells without them."""
    if delimiter == " " or '"' not in body:
        return False
    odd = [line for line in body.split("\n") if line.count('"') % 2]
    return bool(odd) and all(line.count(delimiter) == width - 1 for line in odd)


def _starts(body: str, delimiter: str, rows: int) -> np.ndarray:
    """Return the place of the first line of each row, if quoted cells have several lines."""
    starts, last = [], 0
    reader = csv.reader(io.StringIO(body), delimiter=delimiter, skipinitialspace=delimiter == " ")
    for _ in reader:
        starts.append(last)
        last = reader.line_num
    starts = (starts + [last - 1] * rows)[:rows]
    return np.array(starts, dtype=int)


def cells_of_comment(line: str, delimiter: str) -> list[str]:
    """Return the cells of a comment, which may be the header."""
    return split_line(line.lstrip("# "), delimiter)
