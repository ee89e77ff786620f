"""Results of commands have a short representation."""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from kanseq.verbs.short_repr import brief


@brief
class Result(NamedTuple):
    genes: int
    auroc: float | None
    low: dict[str, int]
    folds: list[str]
    text: str
    output: Path | None
    table: pd.DataFrame


def test_a_result_is_shown_as_one_line_per_field_with_sizes_of_tables() -> None:
    table = pd.DataFrame({"id": range(2000), "label": "low"})
    shown = repr(Result(7156, 0.90712, {"1": 1748}, list("abcdef"), "a\nb\n", Path("labels.tsv"), table))
    assert shown.splitlines() == [
        "Result",
        "  genes: 7,156",
        "  auroc: 0.9071",
        "  low: 1: 1,748",
        "  folds: a, b, c, d, … (6)",
        "  text: text of 2 lines",
        "  output: labels.tsv",
        "  table: table of 2,000 rows: id, label",
    ]


def test_fields_that_are_none_are_omitted_and_long_texts_are_shortened() -> None:
    shown = repr(Result(1, None, {}, [], "x" * 500, None, pd.DataFrame()))
    assert "auroc" not in shown
    assert "output" not in shown
    assert "  folds: none" in shown
    assert max(map(len, shown.splitlines())) < 110


def test_a_result_is_still_a_tuple() -> None:
    result = Result(1, 0.5, {}, [], "", None, pd.DataFrame())
    assert result[0] == 1
    assert result._replace(genes=2).genes == 2
