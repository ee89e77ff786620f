import pytest

from kanseq.io.tables.catalogue import SCHEMAS, recognise
from kanseq.io.tables.schema import Schema, integer, number, text

TABLE = Schema(
    name="t",
    file="t.tsv",
    title="t",
    verbs=("split",),
    help="a row",
    columns=(text("id", "name"), integer("n", "count"), number("p", "p", optional=True), number("logit:*", "logit")),
)


def test_families_match_names_without_their_own_column():
    assert TABLE.column("logit:a b").name == "logit:*"
    assert TABLE.column("logit:") is None
    assert TABLE.column("p").name == "p"
    assert (TABLE.required, TABLE.head) == (("id", "n"), ("id", "n"))


@pytest.mark.parametrize("header", [["id"], ["id", "n", "x"], ["n", "id"], ["id", "n", "p", "p"], ["id", "p", "n"]])
def test_columns_that_differ_from_the_schema_are_an_error(header):
    TABLE.check_header(["id", "n", "logit:x", "p"])
    with pytest.raises(ValueError, match=r"t\.tsv has the columns"):
        TABLE.check_header(header)


@pytest.mark.parametrize("name", [name for name, one in SCHEMAS.items() if one.storage == "tsv" and one.has_header])
def test_each_table_is_recognised_by_its_header(name):
    assert recognise(SCHEMAS[name].required).name == name


def test_an_unknown_header_is_not_recognised():
    assert recognise(["id", "reason"]) is None
    assert recognise([]) is None
