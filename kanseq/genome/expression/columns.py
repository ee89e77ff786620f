"""Choose the columns of a matrix that are samples. In: a table. Out: names of columns, their unit, other columns.

The name of a column states what it is (:mod:`kanseq.genome.expression.units`). Where a name can also be that of a
sample, the numbers decide (:mod:`kanseq.genome.expression.shapes`). Of the columns with expression, those in TPM are
used; without TPM, those in the only other unit. Columns without a unit are assumed to be TPM.
"""

import logging
import shlex
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.genome.expression.column_kinds import DERIVED, TESTS, SortedColumn, is_made_up, sort_columns
from kanseq.genome.expression.shapes import Numbers
from kanseq.io.files import PathLike, some

logger = logging.getLogger(__name__)


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
    _check_header(frame[names], path)
    left_out = [column for column in columns if column.name not in names]
    if chosen[0].summary:
        logger.warning(
            "%s: %s used as the sample%s, because no other column is left; the name suggests a summary of samples",
            path,
            " and ".join(f"'{name}'" for name in names) + (" is" if len(names) == 1 else " are"),
            "" if len(names) == 1 else "s",
        )
    _log_left_out(left_out, path)
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
    unlike = [f"'{column.name}' ({column.other})" for column in chosen if column.other not in (None, "text")]
    if unlike:
        logger.warning("%s: samples whose names suggest something other than expression: %s", path, some(unlike, 8))
    unit = next((unit for unit in units if unit), None)
    of_samples = any(column.is_sample for column in chosen)
    rest = [
        column
        for column in columns
        if of_samples and column.name not in requested and column.is_sample and column.unit == unit
    ]
    return Choice([column.name for column in chosen], unit or _stated(columns), rest)


def counted_columns(frame: pd.DataFrame, candidates: Sequence[str], requested: Sequence[str], path: PathLike) -> Choice:
    """Choose the counts among the columns of featureCounts after ``Length``: numbers other than identifiers.

    Their names are paths and say nothing about the numbers.
    """
    columns = sort_columns(frame, candidates)
    counts = [column for column in columns if column.values is not None and not _is_identifier(column)]
    left_out = [column for column in columns if column.name not in {count.name for count in counts}]
    if requested:
        chosen = [column for column in columns if column.name in set(requested)]
        return Choice([c.name for c in chosen], "counts", [c for c in counts if c.name not in requested])
    if not counts:
        raise _no_sample(columns, path)
    _log_left_out(left_out, path)
    return Choice([column.name for column in counts], "counts", left_out)


def _is_identifier(column: SortedColumn) -> bool:
    """Return whether a column has identifiers by its complete name (``entrezgene``), which extends annotation."""
    return column.other == "identifier" and not column.meaning.rest


def _log_left_out(columns: Sequence[SortedColumn], path: PathLike) -> None:
    """Log the columns that are not used as samples."""
    if columns:
        listed = some([f"'{column.name}' ({column.what})" for column in columns], 8)
        logger.warning("%s: not used as samples: %s; use --samples to select samples", path, listed)


def _check_header(frame: pd.DataFrame, path: PathLike) -> None:
    """Raise BadTable if a table without a header has several columns of different large whole numbers only."""
    names = list(frame.columns)
    numbers = Numbers({name: pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64) for name in names}, names)
    if len(names) > 1 and all(is_made_up(name) and numbers.identifies(name) for name in names):
        what = f"columns without names have different whole numbers, which can be identifiers or counts: {some(names)}"
        raise BadTable(what, where=path, hint=f"add a header, or use {_option(names[-1:])} if the last one has counts")


def _chosen(columns: list[SortedColumn], path: PathLike) -> list[SortedColumn]:
    """Return the columns to use: samples in TPM, else without a unit, else in the only other unit; else summaries."""
    samples = [column for column in columns if column.is_sample]
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
    same = _same_summaries(summaries)
    if same and len({column.summary for column in same}) == 1 and len(_by_unit(same)) == 1:
        return same
    raise _no_sample(columns, path)


def _same_summaries(columns: list[SortedColumn]) -> list[SortedColumn]:
    """Return the summaries of samples; if some name a tissue or condition (``leaf_mean``), only these."""
    return [column for column in columns if column.meaning.rest] or columns


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
    derived = {column.meaning.unit for column in columns if column.summary or column.other in DERIVED} - {None}
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
        column
        for column in columns
        if (column.meaning.text == "base mean" or not column.other)
        and column.values is not None
        and np.all(np.isfinite(column.values) & (column.values >= 0))
        and "," not in column.name
    ]
    usable = _same_summaries(usable)
    names = [column.name for column in usable if (column.summary, column.unit) == (usable[0].summary, usable[0].unit)]
    tests = any(column.other in TESTS for column in columns)
    what = "no column looks like a sample" + (": the table has test results, not expression" if tests else "")
    listed = some([f"'{column.name}' ({column.what}{column.example})" for column in columns], 8)
    hint = "pass a table with TPM"
    if names:
        hint = f"use {_option(names)} to use {'this column' if len(names) == 1 else 'these columns'}"
    elif any(column.other == "logarithm" for column in columns):
        hint = "pass TPM, not logarithms"
    return BadTable(f"{what}: {listed}" if not tests else f"{what} ({listed})", where=path, hint=hint)
