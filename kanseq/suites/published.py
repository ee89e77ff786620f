"""Published scores of models, for comparison with those of a benchmark.

In: the package's table (tables 1 to 4 of Cherednichenko & Poptsova 2025, Brief Bioinform 26(2):bbaf129: 52 data sets),
and a user's table in the same format. Out: 100 times the Matthews correlation coefficient, by data set and model.
"""

import math
from pathlib import Path
from typing import NamedTuple, TypeAlias

from kanseq.errors import BadTable
from kanseq.genome.intervals import open_table
from kanseq.io.files import PathLike
from kanseq.io.tables.suite_tables import PUBLISHED

TABLE = Path(__file__).with_name("published.tsv")
"""The package's table. It is an example for user tables, which need only the columns of :data:`COLUMNS`."""

COLUMNS = PUBLISHED.required

DEVIATION = "MCC_sd"
"""Optional column: 100 times the standard deviation of the MCC; cells may be empty."""


class PublishedScore(NamedTuple):
    """A published score.

    Attributes:
        mcc: 100 times the Matthews correlation coefficient, the mean over folds.
        sd: 100 times its standard deviation over folds; None if unknown.
    """

    mcc: float
    sd: float | None = None


Numbers: TypeAlias = dict[tuple[str, str], dict[str, PublishedScore]]
"""Published scores: (collection, data set) -> model -> score."""


def published(collection: str, data_set: str, table: PathLike | None = None) -> dict[str, PublishedScore]:
    """Return the published scores of one data set: model -> score; empty if none are known.

    >>> published("gue", "tf_0")["legnet-lkan"]
    PublishedScore(mcc=67.4, sd=0.6)
    """
    return published_numbers(table).get((collection, data_set), {})


def published_numbers(table: PathLike | None = None) -> Numbers:
    """Read the published scores of all data sets.

    Args:
        table: a user's table. Its scores are added to those of the package's table, or replace them.

    Raises:
        BadTable: a column is missing, a name is empty, or a number is not 100 times an MCC or its standard deviation;
            the message shows file and line.
    """
    numbers = _read(TABLE)
    for key, models in ({} if table is None else _read(table)).items():
        numbers[key] = {**numbers.get(key, {}), **models}
    return numbers


def _read(path: PathLike) -> Numbers:
    """Read one table of published scores; additional columns are ignored."""
    numbers: Numbers = {}
    largest = 0.0
    with open_table(path) as table:
        for column in COLUMNS:
            if column not in table.names:
                hint = f"{', '.join(COLUMNS)} are expected"
                raise BadTable(f"the column '{column}' is missing", where=f"{path}:1", hint=hint)
        places = [table.names.index(column) for column in COLUMNS]
        deviation = table.names.index(DEVIATION) if DEVIATION in table.names else None
        for where, cells in table.rows:
            collection, data_set, model, text = (cells[place] for place in places)
            if not (collection and data_set and model):
                raise BadTable("the collection, data set or model is empty", where=where)
            models = numbers.setdefault((collection, data_set), {})
            if model in models:
                raise BadTable(f"'{model}' on {data_set} occurs twice", where=where, hint="keep one of them")
            sd = "" if deviation is None else cells[deviation]
            models[model] = PublishedScore(_number(text, where), _deviation(sd, where) if sd else None)
            largest = max(largest, abs(models[model].mcc))
    if 0 < largest <= 1:
        raise BadTable("every MCC lies between -1 and 1", where=path, hint="write 100 times the MCC, such as 65.1")
    return numbers


def _number(text: str, where: str) -> float:
    """Convert a cell of a table to a number from -100 to 100; ``where`` (file and line) is used in errors."""
    value = _value(text)
    if not -100 <= value <= 100:
        raise BadTable(f"the MCC '{text}' is not a number from -100 to 100", where=where)
    return value


def _deviation(text: str, where: str) -> float:
    """Convert a cell of the column :data:`DEVIATION` to a number; ``where`` (file and line) is used in errors."""
    value = _value(text)
    if not 0 <= value <= 100:
        raise BadTable(f"the standard deviation '{text}' is not a number from 0 to 100", where=where)
    return value


def _value(text: str) -> float:
    """Convert a cell to a number; NaN if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
