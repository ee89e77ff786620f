"""Leave out rows of expression tables that are not genes. In: a table and its column of ids. Out: the other rows.

These rows are counters of HTSeq and STAR, dates that a spreadsheet wrote instead of gene names, rows without a name
(``NA``), and totals.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.io.delimited.names import is_counter, is_missing, is_old_counter
from kanseq.io.delimited.table import Delimited
from kanseq.io.files import some

_MONTH = (
    "january|february|march|april|june|july|august|september|october|november|december|"
    "jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec|"
    "januar|februar|märz|mrz|mär|mai|juni|juli|oktober|okt|dezember|dez|"
    "janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|"
    "janv|févr?|avr|juil|déc|ene|abr|ago|dic|gen|mag|giu|lug|set|ott|fev|out|mrt|mei"
)
_DAY, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:\d{4}|\d{2})"
_NUMBERED_MONTH = r"(?:0?[1-9]|1[0-2])"
_DATES = (
    # Separators between day and month are required: SEP3, MAR1 and Sep15 are genes.
    re.compile(rf"{_DAY}(?:[-/ ]|\. ?)(?:{_MONTH})\.?(?:[-/ .]{_YEAR})?", re.IGNORECASE),
    # Two digits are required, and a capital unless they begin with 0: sep-1 and set-17 are genes of C. elegans.
    re.compile(r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Mrz|Mär|Mai|Okt|Dez)[-/ .](?:\d\d|\d{4})"),
    re.compile(
        r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec|janv|févr|avr|juil|déc|ene|abr|ago|dic)\.?[-/ .]0\d",
        re.IGNORECASE,
    ),
    re.compile(rf"(?:19|20)\d\d([-/.]){_NUMBERED_MONTH}\1{_DAY}(?:[ T]00:00(?::00)?)?"),
    re.compile(rf"{_DAY}([-/.]){_NUMBERED_MONTH}\1(?:19|20)\d\d|{_NUMBERED_MONTH}/{_DAY}/{_YEAR}|{_DAY}/\d\d?/{_YEAR}"),
    re.compile(rf"{_NUMBERED_MONTH}月{_DAY}日"),
)
_SERIAL = re.compile(r"[34]\d{4}")
_GENES_OF_MONTHS = {3: 11, 9: 15, 12: 2}
"""Month -> highest number of a gene that is named after it: MARCH1 to MARCH11, SEPT1 to SEPT15, DEC1 and DEC2."""

_NO_NAME = frozenset(["NA", "N/A", "#N/A", "#NAME?", "#REF!", "#VALUE!", "---", "--"])

_SUMMARIES: dict[str, tuple[Callable[..., np.ndarray], Collection[str]]] = {
    "sums": (np.sum, ("", "total", "totals", "grand total", "sum", "summe", "gesamt", "somme", "suma", "totale")),
    "means": (np.mean, ("mean", "average", "avg", "mittelwert", "moyenne", "media", "promedio")),
    "medians": (np.median, ("median", "mediana")),
    "maxima": (np.max, ("max", "maximum")),
    "minima": (np.min, ("min", "minimum")),
    "deviations": (partial(np.std, ddof=1), ("sd", "std", "stdev", "std dev", "standard deviation")),
}
"""What a row has of the other rows -> the function that computes it, names of such rows in lower case."""

_USUAL = re.compile(r"[A-Za-z]+\d\w*(?:\.\w+)*")
"""Matches most ids, such as AT1G01010.1, which need no further checks."""

_log = logging.getLogger(__name__)


def only_genes(table: Delimited, column: str) -> Delimited:
    """Return a table without the rows that are not genes; log the number of rows of each kind.

    Args:
        table: the table.
        column: its column of ids.

    Raises:
        BadTable: no rows are left.
    """
    ids = table.frame[column].astype(str).str.strip().tolist()
    names = {row: name for row, name in enumerate(ids) if _USUAL.fullmatch(name) is None}
    kept = np.ones(len(ids), dtype=bool)
    for kind, find in (
        ("counters of HTSeq or STAR", _counters),
        ("names of genes that a spreadsheet changed to dates", _dates),
        ("no gene name", _unnamed),
    ):
        found = find(names, len(ids))
        kept[found] = False
        if found:
            examples = some(list(dict.fromkeys(ids[row] for row in found)))
            _log.warning("%s: rows that are left out (%d): %s: %s", table.place(found[0]), len(found), kind, examples)
    if not kept.any():
        raise BadTable(f"no row has the name of a gene in column '{column}'", where=table.path)
    table = table if kept.all() else table.only(kept)
    return _without_summaries(table, column)


def is_date(name: str) -> bool:
    """Return whether a name is a date as spreadsheets write them.

    >>> [is_date(name) for name in ("1-Sep", "01.Dez", "1. Mrz", "1-sept.", "Sep-01", "2021-09-01")]
    [True, True, True, True, True, True]
    >>> [is_date(name) for name in ("SEP3", "Sep15", "sep-1", "SEP-1", "MAR1", "AT1G01010", "14-3-3")]
    [False, False, False, False, False, False, False]
    """
    return any(pattern.fullmatch(name) for pattern in _DATES)


def _counters(names: dict[int, str], rows: int) -> list[int]:
    """Return the rows of HTSeq's and STAR's counters."""
    old = {"no_feature", "alignment_not_unique"} <= {*names.values()}
    return [row for row, name in names.items() if is_counter(name) or (old and is_old_counter(name))]


def _dates(names: dict[int, str], rows: int) -> list[int]:
    """Return the rows whose name is a date, or the number of a date if most of the ``rows`` have other names."""
    found = [row for row, name in names.items() if is_date(name)]
    numbers = [row for row, name in names.items() if name.isdigit()]
    if 0 < len(numbers) < rows / 2 and all(_is_serial(names[row]) for row in numbers):
        found = sorted([*found, *numbers])
    return found


def _is_serial(name: str) -> bool:
    """Return whether a name is the number of days since 1899-12-30 of a date that a gene's name can become.

    >>> _is_serial("44075"), _is_serial("44250")
    (True, False)
    """
    if not _SERIAL.fullmatch(name):
        return False
    date = pd.Timestamp("1899-12-30") + pd.Timedelta(days=int(name))
    return date.year >= 2000 and date.day <= _GENES_OF_MONTHS.get(date.month, 0)


def _unnamed(names: dict[int, str], rows: int) -> list[int]:
    """Return the rows whose name means that there is none."""
    # Some genes have such names (``nan`` of Drosophila), but then they have one row.
    counts = Counter(name for name in names.values() if name and is_missing(name))
    return [row for row, name in names.items() if name in _NO_NAME or counts[name] > 1]


def _without_summaries(table: Delimited, column: str) -> Delimited:
    """Remove the last rows if they have the sums, means, … of the other rows, as in spreadsheets."""
    names = table.frame[column].astype(str).str.strip().tolist()
    rows = next((row for row in range(len(names), 0, -1) if _summary_of(names[row - 1]) is None), 0)
    if rows < 2 or rows == len(names):
        return table
    numbers = table.frame.drop(columns=column).select_dtypes("number").to_numpy(dtype=np.float64)
    kept = np.ones(len(names), dtype=bool)
    for row in range(rows, len(names)):
        what = str(_summary_of(names[row]))
        expected = _SUMMARIES[what][0](numbers[:rows], axis=0)
        if numbers.size and np.allclose(expected, numbers[row], rtol=1e-3, atol=0.01):
            kept[row] = False
            _log.warning(
                "%s: the row '%s' has the %s of the other rows and is left out", table.place(row), names[row], what
            )
    return table if kept.all() else table.only(kept)


def _summary_of(name: str) -> str | None:
    """Return the summary of rows that a name states, a key of :data:`_SUMMARIES`, or None."""
    return next((what for what, (_, known) in _SUMMARIES.items() if name.lower() in known), None)
