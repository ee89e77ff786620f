"""Decimal marks and thousands separators of tables."""

import pytest

from kanseq.errors import BadOption, BadTable
from kanseq.io.delimited.reading import read_delimited


def read(folder, text, **options):
    path = folder / "t.csv"
    path.write_text(text)
    return read_delimited(path, **options)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("id;a\nQ1;2,5\nQ2;30,25\n", [2.5, 30.25]),
        ("id;a\nQ1;2\nQ2;30,25\nQ3;7\n", [2, 30.25, 7]),
        ("id\ta\nQ1\t2,5\nQ2\t30,25\n", [2.5, 30.25]),
        ("id a\nQ1 2,5\nQ2 30,25\n", [2.5, 30.25]),
        ('"a"\n"Q1" 2,5\n"Q2" 30,25\n', [2.5, 30.25]),
        ('id,a\nQ1,"2,5"\nQ2,"30,25"\n', [2.5, 30.25]),
        ("id;a\nQ1;2.345,5\nQ2;30\n", [2345.5, 30]),
        ("id;a\nQ1;1.234\nQ2;30,5\n", [1234, 30.5]),
        ("id;a\nQ1;12.345.678\nQ2;1.500\n", [12345678, 1500]),
        ("id;a\nQ1;0,125\nQ2;1,500\n", [0.125, 1.5]),
        ("id;a\nQ1;1e-2\nQ2;1,5e3\n", [0.01, 1500]),
        ('id,a\nQ1,"2,345.5"\nQ2,30\n', [2345.5, 30]),
        ('id,a\nQ1,"2,345,678"\nQ2,"1,500"\n', [2345678, 1500]),
        ('id,a\nQ1,"1,500"\nQ2,0.5\n', [1500, 0.5]),
        ("id\ta\nQ1\t2,345.5\nQ2\t30\n", [2345.5, 30]),
        ("id;a\nQ1;2 345,5\nQ2;30\n", [2345.5, 30]),
        ("id;a\nQ1;2\u00a0345,5\nQ2;1\u202f000\n", [2345.5, 1000]),
        ("id\ta\nQ1\t2 345\nQ2\t30\n", [2345, 30]),
        ("id;a\nQ1;2'345.5\nQ2;30\n", [2345.5, 30]),
        ("id;a\nQ1;2’345.5\nQ2;30\n", [2345.5, 30]),
        ("id,a\nQ1,1.234\nQ2,7.125\n", [1.234, 7.125]),
        ("id,a\nQ1,1.234\nQ2,0\n", [1.234, 0]),
        ("id;a\nQ1;1.234\nQ2;0.125\n", [1.234, 0.125]),
    ],
)
def test_numbers_are_read_with_the_marks_of_the_table(tmp_path, text, values):
    assert list(read(tmp_path, text).frame["a"]) == values


def test_one_column_decides_for_all(tmp_path):
    table = read(tmp_path, "id;a;b\nQ1;1.234;2,5\nQ2;2.000;3\n")
    assert table.frame[["a", "b"]].to_dict("list") == {"a": [1234, 2000], "b": [2.5, 3]}


def test_a_number_has_the_same_value_with_either_mark(tmp_path):
    numbers = [f"{0.1 + place / 7:.17g}" for place in range(500)]
    points = read(tmp_path, "id;a\n" + "".join(f"Q{n};{text}\n" for n, text in enumerate(numbers)))
    commas = read(tmp_path, "id;a\n" + "".join(f"Q{n};{text}\n" for n, text in enumerate(numbers)).replace(".", ","))
    assert list(points.frame["a"]) == list(commas.frame["a"])


def test_columns_with_thousands_separators_are_read_with_the_mark_of_the_first_rows(tmp_path):
    rows = "".join(f"Q{n};0,5;{n}\n" for n in range(200)) + "Q200;7,25;1.234\nQ201;2.500,5;17\n"
    table = read(tmp_path, "id;a;b\n" + rows)
    assert list(table.frame["a"].iloc[-3:]) == [0.5, 7.25, 2500.5]
    assert list(table.frame["b"].iloc[-3:]) == [199, 1234, 17]


@pytest.mark.parametrize("column", ["a", "b"])
def test_another_decimal_mark_after_the_first_rows_is_refused(tmp_path, column):
    rows = "".join(f"Q{n};0,5;{n}\n" for n in range(200))
    last = "Q200;0.25;8\n" if column == "a" else "Q200;1,5;0.25\n"
    with pytest.raises(BadTable, match=rf"t.csv:202: column '{column}' has '0.25', but column 'a' has '0,5' in line 2"):
        read(tmp_path, "id;a;b\n" + rows + last)


UNCLEAR = ['id,a\nQ1,"1,234"\nQ2,"2,500"\n', "id;a\nQ1;1,234\nQ2;7\n", "id;a\nQ1;1.234\nQ2;2.500\n"]
THOUSANDS_IN_TABS = "id\ta\nQ1\t1.234\nQ2\t2.500\nQ3\t3.125\nQ4\t17\n"


@pytest.mark.parametrize("text", [*UNCLEAR, THOUSANDS_IN_TABS])
def test_numbers_with_two_readings_are_refused(tmp_path, text):
    with pytest.raises(BadTable, match=r"t.csv:2: column 'a': '1[,.]234' can be 1234 or 1.234; use --decimal \. if"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        (UNCLEAR[0], [1234, 2500], [1.234, 2.5]),
        (UNCLEAR[1], [1234, 7], [1.234, 7]),
        (UNCLEAR[2], [1.234, 2.5], [1234, 2500]),
    ],
)
def test_the_option_decides_between_two_readings(tmp_path, text, point, comma):
    assert list(read(tmp_path, text, decimal=".").frame["a"]) == point
    assert list(read(tmp_path, text, decimal=",").frame["a"]) == comma


def test_two_decimal_marks_in_a_table_are_refused(tmp_path):
    with pytest.raises(BadTable) as caught:
        read(tmp_path, "id;a;b\nQ1;1;2.5\nQ2;1,5;3\n")
    assert str(caught.value).endswith(
        "t.csv:3: column 'a' has '1,5', but column 'b' has '2.5' in line 2: two decimal marks; "
        "write the same decimal mark in all columns"
    )


def test_a_mark_that_no_number_has_is_refused(tmp_path):
    with pytest.raises(BadOption, match=r"t.csv:2: --decimal ,: column 'a' has '1.5'; leave out --decimal"):
        read(tmp_path, "id,a\nQ1,1.5\n", decimal=",")
    assert list(read(tmp_path, "id,a\nQ1,1.5\n").frame["a"]) == [1.5]


def test_an_unknown_mark_is_refused(tmp_path):
    with pytest.raises(BadOption, match=r"--decimal point: unknown decimal mark; use --decimal \. or --decimal ,"):
        read(tmp_path, "id,a\nQ1,1.5\n", decimal="point")


def test_text_with_points_and_commas_remains_text(tmp_path):
    table = read(tmp_path, "id\tec\texons\tdate\ta\nQ1\t1.1.1.1\t1,5\tx\t2.5\nQ2\t2.7.1.-\t3,4,9\ty\t3\n")
    assert list(table.frame["ec"]) == ["1.1.1.1", "2.7.1.-"]
    assert list(table.frame["a"]) == [2.5, 3]


def test_percentages_are_no_numbers(tmp_path):
    assert list(read(tmp_path, "id,a\nQ1,12%\nQ2,3%\n").frame["a"]) == ["12%", "3%"]
