"""Choose the columns of a matrix that are samples. In: a table. Out: names of columns, their unit, other columns.

The name of a column states what it is (:mod:`kanseq.genome.expression.units`). Where a name can also be that of a
sample, the numbers decide (:mod:`kanseq.genome.expression.shapes`). Of the columns with expression, those in TPM are
used; without TPM, those in the only other unit. Columns without a unit are assumed to be TPM.
"""

import logging
import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.genome.expression.shapes import MANY, SHAPES, Numbers, is_row_index, numbers_of
from kanseq.genome.expression.units import ESTIMATED, TEST_ONLY, Meaning, meaning_of, word_set
from kanseq.io.files import PathLike, some

logger = logging.getLogger(__name__)

TESTS = ("p value", "fold change")
"""Roles of columns that mark a table of tests for differential expression."""


class SortedColumn(NamedTuple):
    """What a column of a matrix is.

    Attributes:
        name: its name.
        meaning: what its name states.
        other: what it is if it is not expression (``text``, ``length``, …), else None.
        summary: the summary of samples that it is, or None.
        unit: the unit of its values, or None if no unit is stated.
        values: its numbers, float64 ``(rows,)``; None for text.
    """

    name: str
    meaning: Meaning
    other: str | None
    summary: str | None
    unit: str | None
    values: np.ndarray | None

    @property
    def what(self) -> str:
        """Describe the column in a message."""
        if self.other or not self.summary:
            return self.other or self.unit or "no unit"
        return f"{self.summary} of samples" + (f", {self.unit}" if self.unit else "")


class Choice(NamedTuple):
    """The columns that are used.

    Attributes:
        samples: names of the columns.
        unit: the unit that their names, or those of columns derived from them, state; None if no name does.
        left_out: the other columns.
    """

    samples: list[str]
    unit: str | None
    left_out: list[SortedColumn]


def choose_columns(frame: pd.DataFrame, candidates: Sequence[str], path: PathLike) -> Choice:
    """Choose the samples among the columns ``candidates`` of a table, and log the other columns.

    Raises:
        BadTable: no column can be a sample, or the samples are in several units, none of which is TPM.
    """
    columns = sort_columns(frame, candidates)
    chosen = _chosen(columns, path)
    names = [column.name for column in chosen]
    left_out = [column for column in columns if column.name not in names]
    if chosen[0].summary:
        logger.warning(
            "%s: %s used as the sample%s, because no other column is left; the name suggests a summary of samples",
            path,
            " and ".join(f"'{name}'" for name in names) + (" is" if len(names) == 1 else " are"),
            "" if len(names) == 1 else "s",
        )
    if left_out:
        listed = some([f"'{column.name}' ({column.what})" for column in left_out], 8)
        logger.warning("%s: not used as samples: %s; use --samples to select samples", path, listed)
    return Choice(names, chosen[0].unit or _stated(columns), left_out)


def selected_columns(
    frame: pd.DataFrame, candidates: Sequence[str], requested: Sequence[str], path: PathLike
) -> Choice:
    """Return the columns ``requested`` by name; ``left_out`` are the samples in the same unit that are not requested.

    Raises:
        BadTable: the requested columns are in several units.
    """
    columns = sort_columns(frame, candidates)
    chosen = [column for column in columns if column.name in set(requested)]
    chosen = [column._replace(unit=column.meaning.unit) if column.other else column for column in chosen]
    units = _by_unit(chosen)
    if len(units) > 1 and None not in units:
        raise BadTable(f"the samples are in several units: {_list_units(units)}", where=path, hint=_choices(units))
    odd = [f"'{column.name}' ({column.other})" for column in chosen if column.other not in (None, "text")]
    if odd:
        logger.warning("%s: samples whose names suggest something other than expression: %s", path, some(odd, 8))
    unit = next((unit for unit in units if unit), None)
    of_samples = any(not column.other and not column.summary for column in chosen)
    rest = [
        column
        for column in columns
        if of_samples
        and column.name not in requested
        and not column.other
        and not column.summary
        and column.unit == unit
    ]
    return Choice([column.name for column in chosen], unit or _stated(columns), rest)


def sort_columns(frame: pd.DataFrame, candidates: Sequence[str]) -> list[SortedColumn]:
    """Return what each of the columns ``candidates`` is."""
    found = {name: numbers_of(frame[name]) for name in candidates}
    meanings = {name: meaning_of(name) for name in candidates}
    values = {name: column for name, column in found.items() if column is not None}
    numbers = Numbers(values, [name for name in values if meanings[name].role is None and _named(name)])
    tested = any(meaning.role is not None and meaning.role.name in TESTS for meaning in meanings.values())
    measured = {meanings[name].rest for name in numbers.measured}
    others = {
        name: _other(name, meanings[name], numbers, tested, measured) if name in values else "text"
        for name in candidates
    }
    units = _units([name for name in candidates if others[name] is None], meanings, numbers)
    others |= {name: _odd_one(name, units, numbers) for name in units}
    units = {name: unit for name, unit in units.items() if others[name] is None}
    summaries = _summaries(units, meanings, numbers)
    return [
        SortedColumn(name, meanings[name], others[name], summaries.get(name), units.get(name), found[name])
        for name in candidates
    ]


def _named(name: str) -> bool:
    """Return whether a column has a name that its author chose."""
    return not re.fullmatch(r"\s*(unnamed[ .:_]*\d*(_level_\d+)?)?\s*", name, re.IGNORECASE)


def _other(name: str, meaning: Meaning, numbers: Numbers, tested: bool, measured: set[tuple[str, ...]]) -> str | None:
    """Return what a column of numbers is if it is not expression, by its name and the shape of its numbers.

    ``tested`` is whether the table has test results, ``measured`` are names of samples: the words of other columns.
    """
    if (not _named(name) or name in ("X", "X.1")) and is_row_index(pd.Series(numbers.values[name])):
        return "row number"
    if not _named(name):
        return "no name"
    if tested and meaning.text in TEST_ONLY:
        return "test result"
    role = meaning.role
    if role is None:
        return None
    shape = role.mixed if meaning.rest else "any" if meaning.unit else role.plain
    if shape == "large among fractions" and meaning.at_end:
        shape = "large whole"
    if meaning.at_end and meaning.rest in measured and shape in ("deviation", "large whole"):
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


def _odd_one(name: str, units: dict[str, str | None], numbers: Numbers) -> str | None:
    """Return what a column without a unit is, if it has whole numbers where other such columns have fractions."""
    others = [other for other, unit in units.items() if unit is None and other != name]
    if units[name] is not None or np.count_nonzero(numbers.known(name)) < MANY or not numbers.whole(name):
        return None
    fractions = sum(not numbers.whole(other) for other in others)
    return "whole numbers" if fractions * 2 > len(others) else None


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


def _chosen(columns: list[SortedColumn], path: PathLike) -> list[SortedColumn]:
    """Return the columns to use: samples in TPM, else without a unit, else in the only other unit; else summaries."""
    samples = [column for column in columns if not column.other and not column.summary]
    summaries = [column for column in columns if not column.other and column.summary]
    in_tpm = [column for column in samples if column.unit == "TPM"]
    if in_tpm:
        return in_tpm
    units = _by_unit(samples)
    if None in units and "counts" in units:
        _check_counts(units, path)
        del units["counts"]
    if len(units) > 1:
        units.pop(None, None)
    if None not in units:
        of_tpm = [column for column in summaries if column.unit == "TPM"]
        if of_tpm and len({column.summary for column in of_tpm}) == 1:
            return of_tpm
    if len(units) > 1:
        what = f"the samples are in several units, none of which is TPM: {_list_units(units)}"
        raise BadTable(what, where=path, hint=_choices(units))
    if units:
        return next(iter(units.values()))
    if summaries and len({(column.summary, column.unit) for column in summaries}) == 1:
        return summaries
    raise _no_sample(columns, path)


def _check_counts(units: dict[str | None, list[SortedColumn]], path: PathLike) -> None:
    """Raise BadTable if columns of counts and columns without a unit are there, and neither are clearly the samples."""
    clear = [column for column in units["counts"] if not column.meaning.rest]
    named = {column.meaning.rest for column in units[None]}
    values = [column.values[np.isfinite(column.values)] for column in units[None] if column.values is not None]
    fractions = any(np.any(column % 1 != 0) for column in values)
    shared = any(column.meaning.rest in named for column in units["counts"])
    if not (clear or shared or (fractions and len(units["counts"]) == 1)):
        what = f"it is unclear which columns are the samples: {_list_units(units)}"
        raise BadTable(what, where=path, hint=_choices(units))


def _by_unit(columns: list[SortedColumn]) -> dict[str | None, list[SortedColumn]]:
    """Group columns by unit."""
    return {unit: [c for c in columns if c.unit == unit] for unit in dict.fromkeys(c.unit for c in columns)}


def _list_units(units: dict[str | None, list[SortedColumn]]) -> str:
    """List units and their columns for a message."""
    return ", ".join(f"{unit or 'no unit'} ({some([c.name for c in columns], 4)})" for unit, columns in units.items())


def _choices(units: dict[str | None, list[SortedColumn]]) -> str:
    """Return the hint that names each choice of columns as an option."""
    if any(len(columns) > 8 for columns in units.values()):
        return "use --samples with the columns of one unit"
    return "use " + " or ".join(_option([column.name for column in columns]) for columns in units.values())


def _option(names: list[str]) -> str:
    """Return the option that selects the columns, quoted for a shell."""
    return f"--samples {shlex.quote(','.join(names))}"


def _stated(columns: list[SortedColumn]) -> str | None:
    """Return the unit in the names of columns that are derived from the samples (``logMaxTPM``), if it is one."""
    derived = {
        column.meaning.unit
        for column in columns
        if column.summary or column.other in ("logarithm", "standard deviation or error", "variance")
    } - {None}
    if not derived and any(_is_base_mean(column, columns) for column in columns):
        return "counts"
    return "TPM" if "TPM" in derived else derived.pop() if len(derived) == 1 else None


def _is_base_mean(column: SortedColumn, columns: list[SortedColumn]) -> bool:
    """Return whether a column is DESeq2's ``baseMean`` of the samples, which are then normalised counts."""
    values = {other.name: other.values for other in columns if other.values is not None}
    samples = [other.name for other in columns if not other.other and not other.summary]
    return column.meaning.text == "base mean" and Numbers(values, samples).is_summary(column.name, "mean", samples)


def _no_sample(columns: list[SortedColumn], path: PathLike) -> BadTable:
    """Return the error of a table without samples; its hint names columns that can be selected."""
    usable = [
        column.name
        for column in columns
        if (column.meaning.text == "base mean" or not column.other)
        and column.values is not None
        and np.all(np.isfinite(column.values) & (column.values >= 0))
        and "," not in column.name
    ]
    listed = some([f"'{column.name}' ({column.what})" for column in columns], 8)
    tests = any(column.other in TESTS for column in columns)
    what = "no column looks like a sample" + (": the table has test results, not expression" if tests else "")
    hint = f"use {_option(usable[:1])} to use this column" if usable else "pass a table with TPM"
    if not usable and any(column.other == "logarithm" for column in columns):
        hint = "pass TPM, not logarithms"
    return BadTable(f"{what}: {listed}" if not tests else f"{what} ({listed})", where=path, hint=hint)
