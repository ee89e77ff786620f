"""Numbers with decimal commas or thousands separators. In: cells. Out: the decimal mark of a table, numbers.

The mark belongs to the table, not to a column, because a file is written with the settings of one computer.
"""

import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from kanseq.errors import BadOption, BadTable
from kanseq.io.delimited.names import MISSING

Columns = Sequence[tuple[str, str]]
"""Name and cells of columns; the cells are one text with a cell in each line."""

MARKS = (".", ",")
"""The decimal marks, the values of the option ``--decimal``."""

_NO_NUMBERS = MISSING | {"inf", "-inf"}
"""Cells (in lower case) that are neither numbers nor text."""

_SPACES = " \u00a0\u2009\u202f"
_FEW = 3
"""Fewer cells such as ``1.234`` next to whole numbers do not raise doubts about the decimal point."""


def _pattern(decimal: str, thousands: str) -> str:
    """Return the pattern of a number with these marks."""
    groups = "|".join(rf"[1-9]\d{{0,2}}(?:{mark}\d{{3}})+" for mark in (thousands, f"[{_SPACES}]", "['’]"))
    return rf"[+-]?(?=[{decimal}]?\d)(?:{groups}|\d*)(?:[{decimal}]\d*)?(?:[eE][+-]?\d+)?"


_POINT, _COMMA = _pattern(".", ","), _pattern(",", r"\.")
_PLAIN = r"[+-]?(?=\.?\d)\d*(?:\.\d*)?(?:[eE][+-]?\d+)?"
_EITHER = rf"(?:{_POINT}|{_COMMA})"
_NUMBER = re.compile(_EITHER)


def _lines(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return a pattern for complete lines; columns are searched as text with a cell in each line, which is fast."""
    return re.compile(rf"^(?:{pattern})$", re.MULTILINE | flags)


_ARE_NUMBERS = {".": _lines(_POINT), ",": _lines(_COMMA), "": _lines(_EITHER)}
_ARE_MISSING = _lines("|".join(map(re.escape, sorted(_NO_NUMBERS))), re.IGNORECASE)
_MARKED = _lines(rf"(?!(?:{_PLAIN})$){_EITHER}")
_DECISIVE = {".": _lines(rf"(?!(?:{_COMMA})$){_POINT}"), ",": _lines(rf"(?!(?:{_POINT})$){_COMMA}")}
_UNCLEAR = {mark: _lines(rf"(?=(?:{_POINT})$)(?=(?:{_COMMA})$)[^.,\n]*[{mark}].*") for mark in MARKS}
_WHOLE = _lines(r"0*[1-9]\d*")


class _Cell(NamedTuple):
    """A cell that decides about the decimal mark, or that has two readings."""

    column: str
    row: int
    text: str


class _Evidence(NamedTuple):
    """What the cells of a table say about its decimal mark.

    Attributes:
        decisive: decimal mark -> the first cell that is a number with this mark only.
        unclear: the first cell that has a comma (``1,234``) or a point (``1.234``), and two readings.
        mixed: whether a column has several cells such as ``1.234``, and whole numbers without marks too.
    """

    decisive: dict[str, _Cell]
    unclear: dict[str, _Cell]
    mixed: bool


def is_number(cell: str) -> bool:
    """Return whether a cell is a number with either decimal mark.

    >>> [is_number(cell) for cell in ("1.5", "1,5", "1.234,5", "1 000", "-2e-3", "chr1", "1-2", "12%")]
    [True, True, True, True, True, False, False, False]
    """
    return _NUMBER.fullmatch(cell) is not None


def is_no_number(cell: str) -> bool:
    """Return whether a cell stands for a missing or infinite number."""
    return cell.lower() in _NO_NUMBERS


def check_decimal(decimal: str | None) -> None:
    """Check the value of the option ``--decimal``. Raises BadOption if it is not one of :data:`MARKS`."""
    if decimal is not None and decimal not in MARKS:
        raise BadOption(f"--decimal {decimal}: unknown decimal mark", hint="use --decimal . or --decimal ,")


def decided_mark(columns: Iterable[Sequence[str]]) -> str | None:
    """Return the decimal mark of the first rows, if their columns of numbers have decisive cells, and all the same.

    >>> decided_mark([["0,5", "7"]]), decided_mark([["0.5", "1,234"]]), decided_mark([["0,5", "0.5"]])
    (',', '.', None)
    """
    numeric = [cells for cells in columns if all(is_number(cell) or is_no_number(cell) for cell in cells)]
    found = [mark for mark in MARKS if any(_DECISIVE[mark].fullmatch(cell) for cells in numeric for cell in cells)]
    return found[0] if len(found) == 1 else None


def text_of(column: pd.Series) -> str:
    """Return the cells of a column without surrounding spaces, one in each line."""
    return "\n".join(cell.strip().replace("\n", " ") for cell in column.astype(str).tolist())


def marked_columns(frame: pd.DataFrame, mark: str | None) -> list[int]:
    """Return the columns of text that are numbers, but not all of them plain ones (``1,5``, ``1 000``).

    If the table was parsed with the ``mark`` ``,``, numbers with a decimal point are not plain either.
    """
    texts = {place: text_of(frame[place]) for place in frame.columns if not pd.api.types.is_numeric_dtype(frame[place])}
    return [place for place, text in texts.items() if (mark == "," or _MARKED.search(text)) and _has_numbers(text)]


def _has_numbers(text: str) -> bool:
    """Return whether at least half of the cells that are not missing are numbers, and one is."""
    numbers, others = _counts(text, _ARE_NUMBERS[""])
    return numbers > 0 and numbers >= others


def decimal_mark(columns: Columns, delimiter: str, place: Callable[[int], str], decimal: str | None) -> str:
    """Determine the decimal mark of a table.

    Args:
        columns: name and cells of each column that may have numbers.
        delimiter: the delimiter; programs that write decimal commas separate columns by ``;``.
        place: function that returns the location of a row, for messages.
        decimal: the mark that the user specified, or None.

    Raises:
        BadTable: there are numbers with both marks, or all numbers have two readings.
        BadOption: no number fits the specified mark.
    """
    counted = [(name, text, *_counts(text, _ARE_NUMBERS[""])) for name, text in columns]
    # A column with other text too may have lists, such as 1,5 and 3,4,9.
    found = _evidence([(name, text) for name, text, numbers, others in counted if numbers and not others])
    if not found.decisive and not found.unclear:
        found = _evidence([(name, text) for name, text, numbers, others in counted if numbers >= others > 0])
    if decimal is not None:
        other = found.decisive.get("," if decimal == "." else ".")
        if other is not None and decimal not in found.decisive:
            raise BadOption(
                f"--decimal {decimal}: column '{other.column}' has '{other.text}'",
                where=place(other.row),
                hint="leave out --decimal",
            )
        return decimal
    if len(found.decisive) == 2:
        point, comma = found.decisive["."], found.decisive[","]
        later, earlier = (comma, point) if comma.row >= point.row else (point, comma)
        raise BadTable(
            f"column '{later.column}' has '{later.text}', but column '{earlier.column}' has '{earlier.text}' in line "
            f"{place(earlier.row).rpartition(':')[2]}: two decimal marks",
            where=place(later.row),
            hint="write the same decimal mark in all columns",
        )
    if found.decisive:
        return next(iter(found.decisive))
    doubtful = found.unclear.get(",") or (found.unclear.get(".") if delimiter == ";" or found.mixed else None)
    if doubtful is not None:
        whole, part = re.split("[.,]", doubtful.text)[:2]
        raise BadTable(
            f"column '{doubtful.column}': '{doubtful.text}' can be {whole}{part} or {whole}.{part}",
            where=place(doubtful.row),
            hint="use --decimal . if the decimal mark is a point, --decimal , if it is a comma",
        )
    return "."


def with_plain_numbers(text: str, decimal: str) -> pd.Series | None:
    """Convert a column to numbers; cells that are not numbers remain text.

    Args:
        text: the cells, one in each line.
        decimal: the decimal mark.

    Returns:
        The column, or None if less than half of its cells are numbers with this decimal mark.
    """
    pattern = _ARE_NUMBERS[decimal]
    found, others = _counts(text, pattern)
    if not found or found < others:
        return None
    remove = dict.fromkeys(map(ord, f"{_SPACES}'’{'.' if decimal == ',' else ','}"))
    if others == 0:
        plain = text.translate(remove).replace(",", ".")
    else:
        plain = pattern.sub(lambda number: number.group().translate(remove).replace(",", "."), text).replace("\t", " ")
    # The parser of plain tables, so that a number has the same value with either mark.
    return pd.read_csv(
        io.StringIO(plain), sep="\t", header=None, names=["x"], na_filter=False, skip_blank_lines=False, quoting=3
    )["x"]


def _evidence(columns: Columns) -> _Evidence:
    """Collect what the columns of numbers say about the decimal mark."""
    decisive: dict[str, _Cell] = {}
    unclear: dict[str, _Cell] = {}
    mixed = False
    for name, text in columns:
        for patterns, cells in ((_DECISIVE, decisive), (_UNCLEAR, unclear)):
            for mark, pattern in patterns.items():
                found = None if mark in cells else pattern.search(text)
                if found is not None:
                    cells[mark] = _Cell(name, text.count("\n", 0, found.start()), found.group())
        if not decisive:
            mixed = mixed or (len(_UNCLEAR["."].findall(text)) >= _FEW and _WHOLE.search(text) is not None)
    return _Evidence(decisive, unclear, mixed)


def _counts(text: str, pattern: re.Pattern[str]) -> tuple[int, int]:
    """Return the number of cells that match a pattern, and of other cells that are not missing."""
    found = len(pattern.findall(text))
    return found, text.count("\n") + 1 - found - len(_ARE_MISSING.findall(text))
