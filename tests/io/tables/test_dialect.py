import gzip

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadTable
from kanseq.io.tables.dialect import parse, read_cells, read_table, write_table
from kanseq.io.tables.figure_tables import WORDS
from kanseq.io.tables.gene_tables import EXCLUDED, LABELS, LEAKS
from kanseq.io.tables.model_tables import HELD_OUT, TRIALS
from kanseq.io.tables.schema import Schema, integer, number, text

TABLE = Schema(
    name="t",
    file="t.tsv",
    title="t",
    verbs=("split",),
    help="a row",
    columns=(
        text("id", "name"),
        text("note", "note", missing=True),
        integer("n", "count"),
        integer("m", "count", missing=True),
        number("x", "exact"),
        number("y", "six digits", ".6g", missing=True),
    ),
)


def test_numbers_have_the_format_of_their_column_and_missing_ones_are_empty(tmp_path):
    table = pd.DataFrame(
        {
            "id": ["a", "b"],
            "note": [None, np.nan],
            "n": [12345678, 0],
            "m": pd.array([7, None], dtype="Int64"),
            "x": [0.1 + 0.2, 1.0],
            "y": [1 / 3, np.nan],
        }
    )
    write_table(tmp_path / "t.tsv", TABLE, table)
    assert (tmp_path / "t.tsv").read_bytes() == (
        b"id\tnote\tn\tm\tx\ty\na\t\t12345678\t7\t0.30000000000000004\t0.333333\nb\t\t0\t\t1.0\t\n"
    )
    again = read_table(tmp_path / "t.tsv", TABLE)
    assert again["x"].tolist() == [0.1 + 0.2, 1.0]
    assert again["m"].tolist()[0] == 7
    assert np.isnan(again["m"].tolist()[1])
    assert again["n"].dtype == np.int64
    assert again["note"].tolist() == ["", ""]


def test_integers_in_a_floating_point_column_keep_all_digits(tmp_path):
    rows = [("A", "T", 1, 12345678, 5, 6, 1234567.0, -2e-9, None, 0.0, np.nan, 12345678)]
    write_table(tmp_path / "w.tsv", WORDS, pd.DataFrame(rows, columns=list(WORDS.required)))
    cells = (tmp_path / "w.tsv").read_text().splitlines()[1].split("\t")
    assert cells == ["A", "T", "1", "12345678", "5", "6", "1.23457e+06", "-2e-09", "", "0", "", "12345678"]


@pytest.mark.parametrize("cell", ["a\tb", "a\nb", "a\rb"])
def test_a_cell_with_a_separator_is_refused_with_table_column_and_row(tmp_path, cell):
    table = pd.DataFrame({"id": ["a", cell], "reason": "edge", "detail": ""})
    with pytest.raises(BadTable, match=r"^excluded\.tsv: row 2, column 'id': 'a\\[tnr]b' contains a tab or a line"):
        write_table(tmp_path / "x.tsv", EXCLUDED, table)
    assert list(tmp_path.iterdir()) == []


def test_a_column_name_with_a_separator_is_refused(tmp_path):
    with pytest.raises(BadTable, match="the column name"):
        write_table(tmp_path / "x", TRIALS, pd.DataFrame({"trial": [0], "state": "fail", "value": None, "a\tb": 1}))


def test_an_empty_required_cell_is_refused_on_writing_and_reading(tmp_path):
    with pytest.raises(BadTable, match=r"excluded\.tsv: row 1, column 'reason': the cell is empty"):
        write_table(tmp_path / "x", EXCLUDED, pd.DataFrame({"id": ["a"], "reason": [None], "detail": ["x"]}))
    (tmp_path / "l.tsv").write_text("fold\tkind\tbetween\tgenes\tpairs\n1\toverlap\ttrain|test\t\t0\n")
    with pytest.raises(BadTable, match=r"l\.tsv:2: the column 'genes' is empty"):
        read_table(tmp_path / "l.tsv", LEAKS)


@pytest.mark.parametrize("cell", ["1.5", "x", "1e3", "nan"])
def test_an_invalid_number_is_refused_with_file_and_line(tmp_path, cell):
    (tmp_path / "l.tsv").write_text(f"fold\tkind\tbetween\tgenes\tpairs\n1\ta\tb\t1\t2\n1\ta\tb\t{cell}\t2\n")
    with pytest.raises(BadTable, match=rf"l\.tsv:3: '{cell}' is not an integer \(column 'genes'\)"):
        read_table(tmp_path / "l.tsv", LEAKS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "this is not a table"),
        ("id\treason\n", "the column 'detail' is missing; make the table with kanseq extract"),
        ("id\treason\tdetail\na\tb\tc\td\n", "its rows have more cells than its header"),
        ("id\treason\tdetail\na\tb\tc\na\tb\tc\td\n", "this is not a table"),
    ],
)
def test_an_invalid_table_is_refused(tmp_path, content, message):
    (tmp_path / "x.tsv").write_text(content)
    with pytest.raises(BadTable, match=message):
        read_cells(tmp_path / "x.tsv", EXCLUDED)


def test_unknown_columns_are_read_by_read_cells_but_not_by_read_table(tmp_path):
    (tmp_path / "x.tsv").write_text("mine\tid\treason\tdetail\n1\ta\tedge\t\n")
    assert list(read_cells(tmp_path / "x.tsv", EXCLUDED)) == ["mine", "id", "reason", "detail"]
    assert list(read_table(tmp_path / "x.tsv", EXCLUDED)) == ["id", "reason", "detail"]


def test_a_table_without_header_and_without_rows_is_empty(tmp_path):
    write_table(tmp_path / "h", HELD_OUT, pd.DataFrame([], columns=["species", "id"]))
    assert (tmp_path / "h").read_bytes() == b""
    assert parse(tmp_path / "h", HELD_OUT.required).shape == (0, 2)


def test_compressed_tables_with_many_rows_are_written_and_read(tmp_path):
    table = pd.DataFrame({"id": [f"g{n}" for n in range(60_000)], "reason": "edge", "detail": ""})
    write_table(tmp_path / "x.tsv.gz", EXCLUDED, table)
    assert gzip.decompress((tmp_path / "x.tsv.gz").read_bytes()).count(b"\n") == 60_001
    assert read_cells(tmp_path / "x.tsv.gz", EXCLUDED)["id"].tolist() == table["id"].tolist()


def test_output_matches_pandas_for_ordinary_cells(tmp_path):
    random = np.random.default_rng(0)
    numbers = random.standard_normal((200, 3)) * 10.0 ** random.integers(-20, 20, (200, 3))
    table = pd.DataFrame({"species": ".", "id": [f"g{n}" for n in range(200)], "condition": "*", "fold": "1"})
    table = table.assign(expression=numbers[:, 0], label="low", q1=numbers[:, 1], q3=numbers[:, 2])
    write_table(tmp_path / "a.tsv", LABELS, table)
    assert (tmp_path / "a.tsv").read_text() == table.to_csv(sep="\t", index=False, lineterminator="\n", quoting=3)
