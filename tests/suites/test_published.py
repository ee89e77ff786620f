import pytest

from kanseq.errors import BadTable
from kanseq.suites.published import TABLE, published, published_numbers

HEADER = "collection\tdata_set\tmodel\tMCC\n"


def test_the_published_numbers_are_those_of_the_paper():
    assert published_numbers() == {
        ("gue", "tf_0"): {"legnet": 65.1, "legnet-lkan": 67.4, "legnet-ckan": 65.5},
        ("gue", "tf_1"): {"legnet": 69.9, "legnet-lkan": 72.4, "legnet-ckan": 66.3},
        ("gue", "mouse_2"): {"legnet": 79.8, "legnet-lkan": 85.5, "legnet-ckan": 81.2},
        ("gue", "prom_core_tata"): {"legnet": 72.3, "legnet-lkan": 78.2, "legnet-ckan": 74.7},
    }
    assert published("gue", "mouse_2")["legnet-lkan"] == 85.5
    assert published("gue", "tf_2") == {}
    assert TABLE.read_text().startswith(HEADER)


def test_a_user_s_table_adds_and_replaces_numbers(tmp_path):
    path = tmp_path / "own.tsv"
    path.write_text(
        "source\tMCC\tmodel\tdata_set\tcollection\nme\t60\tlegnet\ttf_0\tgue\nme\t-5.5\tkan\ttf_0\tgue\nme\t90\tkan\tshin\tflipons\n"
    )
    assert published("gue", "tf_0", path) == {"legnet": 60.0, "legnet-lkan": 67.4, "legnet-ckan": 65.5, "kan": -5.5}
    assert published("flipons", "shin", path) == {"kan": 90.0}
    assert published("gue", "tf_0") == {"legnet": 65.1, "legnet-lkan": 67.4, "legnet-ckan": 65.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "collection\tdata_set\tMCC\n",
            ":1: the column 'model' is missing; collection, data_set, model, MCC are expected",
        ),
        (HEADER + "gue\ttf_0\tkan\t6O\n", ":2: the MCC '6O' is not a number from -100 to 100"),
        (HEADER + "gue\ttf_0\tkan\t\n", ":2: the MCC '' is not a number"),
        (HEADER + "gue\ttf_0\tkan\tnan\n", ":2: the MCC 'nan' is not a number"),
        (HEADER + "gue\ttf_0\tkan\t100.1\n", ":2: the MCC '100.1' is not a number from -100 to 100"),
        (HEADER + "gue\t\tkan\t50\n", ":2: the collection, data set or model is empty"),
        (HEADER + "gue\ttf_0\tkan\t50\ngue\ttf_0\tkan\t50\n", ":3: 'kan' on tf_0 occurs twice; keep one of them"),
        (HEADER + "gue\ttf_0\tkan\t0.65\n", ": every MCC lies between -1 and 1; write 100 times the MCC"),
        (HEADER + "gue\ttf_0\tkan\n", ":2: 3 cells, but the header has 4"),
        ("", ":1: the first line is empty"),
    ],
)
def test_an_invalid_table_is_reported_with_its_line(tmp_path, text, message):
    path = tmp_path / "own.tsv"
    path.write_text(text)
    with pytest.raises(BadTable) as error:
        published_numbers(path)
    assert str(error.value).startswith(f"{path}{message}")
