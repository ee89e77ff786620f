"""Check whether the numbers of a column have the shape that its name suggests.

In: columns of numbers. Out: yes or no.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kanseq.io.delimited.names import MISSING

LARGEST_LOGARITHM = 25.0
"""No logarithm of TPM is larger: log2(1,000,000) is 20."""

MANY = 20
"""Number of whole numbers other than 0 that are no coincidence."""

LARGE = 1000
"""Counts of reads are not all larger than this number."""


@dataclass
class Numbers:
    """The numeric columns of a table.

    Attributes:
        values: column -> float64 ``(rows,)``, NaN for missing cells.
        measured: columns that may be expression, by their names.
    """

    values: dict[str, np.ndarray]
    measured: list[str]
    _whole: dict[str, bool] = field(default_factory=dict)

    def known(self, name: str) -> np.ndarray:
        """Return the values of a column that are not missing."""
        return self.values[name][np.isfinite(self.values[name])]

    def whole(self, name: str) -> bool:
        """Return whether all values are whole numbers."""
        if name not in self._whole:
            self._whole[name] = bool(np.all(self.known(name) % 1 == 0))
        return self._whole[name]

    def signed(self, name: str) -> bool:
        """Return whether several values, at least a tenth, are negative, as differences and logarithms are."""
        known = self.known(name)
        return bool(np.count_nonzero(known < 0) >= max(len(known) / 10, 2))

    def identifies(self, name: str) -> bool:
        """Return whether the values are different, and many or large, as identifiers and positions are."""
        known = self.known(name)
        different = self.whole(name) and len(np.unique(known)) == len(known) > 0
        return different and bool(len(known) >= MANY or np.all(known >= LARGE))

    def fractions_elsewhere(self, name: str) -> bool:
        """Return whether another column that may be expression has a value that is not a whole number."""
        return any(not self.whole(other) for other in self.measured if other != name)

    def others(self, name: str, names: list[str]) -> np.ndarray:
        """Return the values of the columns ``names`` except ``name``, ``(columns, rows)``."""
        return np.array([self.values[other] for other in names if other != name])

    def is_summary(self, name: str, kind: str, names: list[str]) -> bool:
        """Return whether a column is the ``max``, ``mean``, ``sum``, … of other columns in every row."""
        others, values = self.others(name, names), self.values[name]
        if not len(others):
            return False
        expected = getattr(np, kind)(others, axis=0)
        return _everywhere(np.abs(expected - values) <= _slack(values), values)

    def between(self, name: str, names: list[str]) -> bool:
        """Return whether a column lies between the smallest and the largest of other columns in every row."""
        others, values = self.others(name, names), self.values[name]
        if not len(others):
            return False
        inside = (others.min(axis=0) - _slack(values) <= values) & (values <= others.max(axis=0) + _slack(values))
        return _everywhere(inside, values)


def numbers_of(column: pd.Series) -> np.ndarray | None:
    """Return a column as float64 with NaN for other cells; None if fewer than half of the filled cells are numbers.

    Cells that are not numbers are reported as errors later, if the column is used.
    """
    if pd.api.types.is_bool_dtype(column):
        return None
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if pd.api.types.is_numeric_dtype(column):
        return values
    text = column.astype(str).str.strip().str.lower()
    filled = int((~text.isin(MISSING)).sum())
    numeric = int((~np.isnan(values)).sum())
    return values if numeric * 2 >= filled and numeric * 10 >= len(column) and numeric else None


def _slack(values: np.ndarray) -> np.ndarray:
    """Return by how much rounded values may differ."""
    return 0.01 + 0.01 * np.abs(values)


def _everywhere(right: np.ndarray, values: np.ndarray) -> bool:
    """Return whether ``right`` holds in all rows in which the value is not missing."""
    return bool(np.all(right | np.isnan(values)))


def _between(numbers: Numbers, name: str, low: float, high: float) -> bool:
    known = numbers.known(name)
    return bool(np.all((known >= low) & (known <= high)))


def _deviation(numbers: Numbers, name: str) -> bool:
    """Return whether a column is nowhere above the range of the others, as standard deviations are."""
    others, values = numbers.others(name, numbers.measured), numbers.values[name]
    if not len(others):
        return True
    most = np.ptp(others, axis=0) if len(others) > 1 else others[0]
    return _everywhere(values <= most + _slack(values), values)


SHAPES: dict[str, Callable[[Numbers, str], bool]] = {
    "any": lambda _numbers, _name: True,
    "never": lambda _numbers, _name: False,
    "of a sample": lambda _numbers, _name: False,
    "others": lambda numbers, name: any(other != name for other in numbers.measured),
    "two others": lambda numbers, name: sum(other != name for other in numbers.measured) > 1,
    "negative": lambda numbers, name: bool(np.any(numbers.known(name) < 0)),
    "whole": Numbers.whole,
    "chromosome": lambda numbers, name: numbers.whole(name) and _between(numbers, name, 0, 100),
    "strand": lambda numbers, name: numbers.whole(name) and _between(numbers, name, -1, 1),
    "whole among fractions": lambda numbers, name: (
        numbers.whole(name) and _between(numbers, name, 1, np.inf) and numbers.fractions_elsewhere(name)
    ),
    "large whole": lambda numbers, name: numbers.whole(name) and _between(numbers, name, 10, np.inf),
    "large among fractions": lambda numbers, name: (
        numbers.whole(name) and _between(numbers, name, 10, np.inf) and numbers.fractions_elsewhere(name)
    ),
    "share": lambda numbers, name: _between(numbers, name, 0, 1),
    "percent": lambda numbers, name: _between(numbers, name, 0, 100),
    "gc": lambda numbers, name: _between(numbers, name, 0.15, 0.85) or _between(numbers, name, 15, 85),
    "small": lambda numbers, name: _between(numbers, name, -np.inf, LARGEST_LOGARITHM),
    "deviation": _deviation,
}
"""Shape -> function that checks whether a column has it.

The shape ``of a sample`` is that of any column whose other words are the name of a sample (``leaf_var``).
"""
