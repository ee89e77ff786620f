"""Published scores of models, for comparison with those of a benchmark.

In: the package's table (the scores from Cherednichenko & Poptsova 2025, Brief Bioinform 26(2):bbaf129, that are known),
and a user's table in the same format. Out: 100 times the Matthews correlation coefficient, by data set and model.
"""

import math
from pathlib import Path
from typing import TypeAlias

from kanseq.errors import BadTable
from kanseq.genome.intervals import open_table
from kanseq.io.files import PathLike
from kanseq.io.tables.suite_tables import PUBLISHED

TABLE = Path(__file__).with_name("published.tsv")
"""The package's table: tab-separated columns ``collection, data_set, model, MCC``. It is an example for user tables."""

COLUMNS = PUBLISHED.required

Numbers: TypeAlias = dict[tuple[str, str], dict[str, float]]
"""Published scores: (collection, data set) -> model -> 100 times its MCC."""


def published(collection: str, data_set: str, table: PathLike | None = None) -> dict[str, float]:
    """Return the published scores of one data set: model -> 100 times its MCC; empty if none are known.

    >>> published("gue", "tf_0")
    {'legnet': 65.1, 'legnet-lkan': 67.4, 'legnet-ckan': 65.5}
    """
    return published_numbers(table).get((collection, data_set), {})


def published_numbers(table: PathLike | None = None) -> Numbers:
    """Read the published scores of all data sets.

    Args:
        table: a user's table. Its scores are added to those of the package's table, or replace them.

    Raises:
        BadTable: a column is missing, a name is empty or a number is not an MCC times 100; the message shows file and
            line.
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
        for where, cells in table.rows:
            collection, data_set, model, text = (cells[place] for place in places)
            if not (collection and data_set and model):
                raise BadTable("the collection, data set or model is empty", where=where)
            models = numbers.setdefault((collection, data_set), {})
            if model in models:
                raise BadTable(f"'{model}' on {data_set} occurs twice", where=where, hint="keep one of them")
            models[model] = _number(text, where)
            largest = max(largest, abs(models[model]))
    if 0 < largest <= 1:
        raise BadTable("every MCC lies between -1 and 1", where=path, hint="write 100 times the MCC, such as 65.1")
    return numbers


def _number(text: str, where: str) -> float:
    """Convert a cell of a table to a number from -100 to 100; ``where`` (file and line) is used in errors."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -100 <= value <= 100:
        raise BadTable(f"the MCC '{text}' is not a number from -100 to 100", where=where)
    return value
