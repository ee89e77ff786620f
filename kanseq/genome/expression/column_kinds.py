"""Find out what each column of a matrix is. In: a table. Out: role, unit and summary of each column.

The name of a column states what it is (:mod:`kanseq.genome.expression.units`). Where a name can also be that of a
sample, the numbers decide (:mod:`kanseq.genome.expression.shapes`).
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.genome.expression.shapes import MANY, SHAPES, Numbers, numbers_of
from kanseq.genome.expression.units import COMPARISON, ESTIMATED, SCALES, TEST_ONLY, Meaning, meaning_of, word_set
from kanseq.io.delimited.names import are_row_numbers

TESTS = ("p value", "fold change")
"""Roles of columns that mark a table of tests for differential expression."""

DERIVED = ("logarithm", "standard deviation or error", "variance", "z score", COMPARISON, "derived value")
"""Roles of columns that are computed from samples in the same unit."""

NEGATIVE = "negative numbers"
"""What a column is that has negative numbers, where most columns have none."""

_EMPTY_NAME = re.compile(r"\s*(unnamed[ .:_]*\d*(_level_\d+)?)?\s*", re.IGNORECASE)
_MADE_UP_NAME = re.compile(r"column ?\d+|\.\.\.\d+|X\.\d+|V\d+", re.IGNORECASE)
"""Matches names that kanseq, spreadsheets and R invent for columns without a name."""


class SortedColumn(NamedTuple):
    """What a column of a matrix is.

    Attributes:
        name: its name.
        meaning: what its name states.
        other: what it is if it is not expression (``text``, ``length``, …), else None.
        summary: the summary of samples that it is, or None.
        unit: the unit of its values, or None if no unit is stated.
        values: its numbers, float64 ``(rows,)``; None for text.
        example: for text, ``: `` and a cell.
    """

    name: str
    meaning: Meaning
    other: str | None
    summary: str | None
    unit: str | None
    values: np.ndarray | None
    example: str = ""

    @property
    def is_sample(self) -> bool:
        """Whether the column is expression in a sample."""
        return self.other is None and self.summary is None

    @property
    def what(self) -> str:
        """Describe the column in a message."""
        if self.other or not self.summary:
            return self.other or self.unit or "no unit"
        return f"{self.summary} of samples" + (f", {self.unit}" if self.unit else "")


def sort_columns(frame: pd.DataFrame, candidates: Sequence[str]) -> list[SortedColumn]:
    """Return what each of the columns ``candidates`` is."""
    found = {name: numbers_of(frame[name]) for name in candidates}
    meanings = {name: meaning_of(name) for name in candidates}
    values = {name: column for name, column in found.items() if column is not None}
    unnamed = _unnamed(frame[list(values)])
    numbers = Numbers(values, [name for name in values if meanings[name].role is None and name not in unnamed])
    tested = any(meaning.role is not None and meaning.role.name in TESTS for meaning in meanings.values())
    measured = {meanings[name].rest for name in numbers.measured}
    others = {name: None if name in values else "text" for name in candidates} | unnamed
    others |= {name: _other(name, meanings[name], numbers, tested, measured) for name in values if name not in unnamed}
    _leave_out(others, _without_header(numbers))
    _leave_out(others, _negative([name for name in candidates if others[name] is None], numbers))
    units = _units([name for name in candidates if others[name] is None], meanings, numbers)
    _leave_out(others, _whole_among_fractions(units, numbers))
    units = {name: unit for name, unit in units.items() if others[name] is None}
    summaries = _summaries(units, meanings, numbers)
    return [
        SortedColumn(
            name, meanings[name], others[name], summaries.get(name), units.get(name), found[name], _example(frame[name])
        )
        for name in candidates
    ]


def _example(column: pd.Series) -> str:
    """Return the first cell of a column of text for a message, with a colon."""
    return "" if pd.api.types.is_numeric_dtype(column) or column.empty else f": '{str(column.iloc[0])[:20]}'"


def is_made_up(name: str) -> bool:
    """Return whether a name was invented for a column without one.

    >>> is_made_up("column 2"), is_made_up("X.1"), is_made_up("V2"), is_made_up("leaf")
    (True, True, True, False)
    """
    return _MADE_UP_NAME.fullmatch(name) is not None


def _leave_out(others: dict[str, str | None], found: dict[str, str]) -> None:
    """Add what columns are to ``others``, if it is not known yet."""
    others |= {name: what for name, what in found.items() if others[name] is None}


def _unnamed(frame: pd.DataFrame) -> dict[str, str]:
    """Return the columns without a name of their own; names that were made up count if other columns have names."""
    found = {name: "no name" for name in frame.columns if _EMPTY_NAME.fullmatch(name)}
    if not all(name in found or is_made_up(name) for name in frame.columns):
        # V7 can be a growth stage of maize.
        found |= {name: "no name" for name in frame.columns if is_made_up(name) and not re.fullmatch(r"V\d+", name)}
    indices = [name for name in frame.columns if name in found or name == "X"]
    return found | {name: "row number" for name in indices if are_row_numbers(frame[name].astype(str).tolist())}


def _without_header(numbers: Numbers) -> dict[str, str]:
    """Return the columns of a table without a header that are not expression.

    These are whole numbers next to fractions, and identifiers next to whole numbers with zeros or repeated values.
    """
    names = numbers.measured
    if not all(map(is_made_up, names)):
        return {}
    if not all(map(numbers.whole, names)):
        whole = [name for name in names if numbers.whole(name) and np.any(numbers.known(name))]
        return dict.fromkeys(whole, "whole numbers")
    found = [name for name in names if numbers.identifies(name)]
    return dict.fromkeys(found, "identifier") if len(found) < len(names) else {}


def _negative(names: list[str], numbers: Numbers) -> dict[str, str]:
    """Return the columns with negative numbers, if at least as many have none."""
    signed = [name for name in names if numbers.signed(name)]
    positive = [name for name in names if not np.any(numbers.known(name) < 0)]
    return dict.fromkeys(signed, NEGATIVE) if len(positive) >= len(signed) else {}


def _other(name: str, meaning: Meaning, numbers: Numbers, tested: bool, measured: set[tuple[str, ...]]) -> str | None:
    """Return what a column of numbers is if it is not expression, by its name and the shape of its numbers.

    ``tested`` is whether the table has test results, ``measured`` are names of samples: the words of other columns.
    """
    if tested and meaning.text in TEST_ONLY:
        return "test result"
    role = meaning.role
    if role is None:
        return None
    shape = role.mixed if meaning.rest else role.plain
    by_unit = meaning.unit is not None and shape not in ("others", "two others")
    if not meaning.rest and (by_unit or SCALES & word_set(meaning.text)):
        shape = "any"
    if shape == "large among fractions" and meaning.at_end:
        shape = "large whole"
    if meaning.at_end and meaning.rest in measured and shape in ("deviation", "large whole", "of a sample"):
        shape = "any"
    return role.name if SHAPES[shape](numbers, name) else None


def _units(names: list[str], meanings: dict[str, Meaning], numbers: Numbers) -> dict[str, str | None]:
    """Return the unit of each column. A word for counts in a name can also belong to the name of a sample."""
    units = {name: meanings[name].unit for name in names}
    without = {meanings[name].rest for name in names if units[name] is None}
    unclear = [
        name for name in names if units[name] == "counts" and meanings[name].rest and meanings[name].rest not in without
    ]
    for name in unclear if without else ():
        estimated = word_set(meanings[name].text) & ESTIMATED
        if not ((numbers.whole(name) and (numbers.fractions_elsewhere(name) or len(unclear) > 1)) or estimated):
            units[name] = None
    return units


def _whole_among_fractions(units: dict[str, str | None], numbers: Numbers) -> dict[str, str]:
    """Return the columns without a unit that have many whole numbers, where most such columns have fractions."""
    names = [name for name, unit in units.items() if unit is None]
    whole = [name for name in names if numbers.whole(name)]
    if (len(names) - len(whole)) * 2 <= len(names) - 1:
        return {}
    return {name: "whole numbers" for name in whole if np.count_nonzero(numbers.known(name)) >= MANY}


def _summaries(units: dict[str, str | None], meanings: dict[str, Meaning], numbers: Numbers) -> dict[str, str]:
    """Return the columns that are summaries of samples, and of which kind.

    A name with other words (``mean_leaf``, ``mean_temp``) is that of a sample, unless there are no other columns, or
    the numbers are a summary of all other columns or of those with these words.
    """
    found = {}
    for name, unit in units.items():
        kind, rest = meanings[name].summary, set(meanings[name].rest)
        if kind is None:
            continue
        same = [other for other in units if meanings[other].summary is None and unit in (None, units[other])]
        named = [other for other in same if rest and rest <= set(meanings[other].text.split())]
        within = kind != "sum" and len(named) > 1 and numbers.between(name, named)
        if not rest or not same or within or any(numbers.is_summary(name, kind, group) for group in (named, same)):
            found[name] = kind
    return found
