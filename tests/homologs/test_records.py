import json
import logging

import pandas as pd
import pytest

from kanseq.errors import BadOption, BadTable
from kanseq.geometry import Geometry
from kanseq.homologs.records import HomologyRecord, read_record, record_path, write_record
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.verbs.project.inspect import inspect
from kanseq.verbs.splitting.homology import homology
from kanseq.verbs.splitting.leaks import leaks
from kanseq.verbs.splitting.split import split

RECORD = HomologyRecord("diamond", "2.1.8", {"evalue": 1e-3, "bits": 50.0, "coverage": 50.0}, ["proteins"])
LINE = "DIAMOND 2.1.8 of proteins, e-value ≤ 0.001, bit score ≥ 50, coverage ≥ 50 %"
GROUPS = "species\tid\tgroup\n.\ta\t1\n.\tb\t1\n.\tc\t2\n.\td\t3\n"


@pytest.fixture
def genes():
    sequences = ["A" * 8, "C" * 7 + "A", "CG" * 4, "GATC" * 2]
    table = pd.DataFrame({"id": list("abcd"), "species": ".", "length": 8, "sequence": sequences})
    return SequenceSet(table, Geometry.plain(8))


@pytest.fixture
def groups(tmp_path):
    path = tmp_path / "homologs.tsv"
    path.write_text(GROUPS)
    return path


@pytest.fixture
def held_out(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("a\n")
    return {"by": "list", "gene_list": path}


def test_homology_writes_a_record_next_to_each_table(genes, tmp_path):
    hits = tmp_path / "hits.tsv"
    hits.write_text("a\tb\t41.2\t100\t50\t2\t1\t100\t1\t100\t1e-20\t80.5\t100\n")
    options = {"hits": hits, "evalue": 1e-5, "coverage": 0}
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        homology(genes, output=tmp_path / folder / "h.tsv.gz", pairs=tmp_path / folder / "p.tsv", **options)
    content = json.loads((tmp_path / "one/h.tsv.gz.json").read_text())
    assert (content["tool"], content["version"], content["compared"]) == ("hits", None, ["hits"])
    assert content["thresholds"] == {"evalue": 1e-5, "bits": 50.0, "coverage": 0.0}
    assert [one["name"] for one in content["inputs"]] == ["hits.tsv"]
    assert content["table"]["name"] == "h.tsv.gz"
    for name in ("h.tsv.gz.json", "p.tsv.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    record, is_same = read_record(tmp_path / "one/p.tsv")
    assert is_same
    assert record.summary() == "a table of hits, e-value ≤ 1e-05, bit score ≥ 50, coverage ≥ 0 %"


def test_standard_output_gets_no_record(genes, groups, tmp_path, capsys):
    homology(genes, groups=groups, output="-")
    assert capsys.readouterr().out == GROUPS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["homologs.tsv"]


def test_a_record_never_overwrites_an_input(genes, tmp_path):
    (tmp_path / "homologs.tsv.json").write_text('[["a", "b"]]')
    with pytest.raises(BadOption, match="would overwrite an input"):
        homology(genes, groups=tmp_path / "homologs.tsv.json", output=tmp_path / "homologs.tsv")


def test_a_record_overwrites_only_records(genes, groups, tmp_path):
    for content in (b'{"mine": 1}', b"", b"\xff\xfe"):
        foreign = tmp_path / "out.tsv.json"
        foreign.write_bytes(content)
        with pytest.raises(BadTable, match=r"out\.tsv\.json: the record of the homologs is written here") as raised:
            homology(genes, groups=groups, output=tmp_path / "out.tsv")
        assert raised.value.exit_code == 3
        assert foreign.read_bytes() == content
        assert not (tmp_path / "out.tsv").exists()
    foreign.write_text('{"kind": "homology"}')
    homology(genes, groups=groups, output=tmp_path / "out.tsv")
    assert json.loads(foreign.read_text())["tool"] == "groups"


def test_tables_that_differ_in_their_suffix_have_separate_records(genes, tmp_path):
    hits = tmp_path / "hits.tsv"
    hits.write_text("a\tb\t41.2\t100\t50\t2\t1\t100\t1\t100\t1e-20\t80.5\t100\n")
    homology(genes, hits=hits, output=tmp_path / "ath.groups", pairs=tmp_path / "ath.pairs")
    for name in ("ath.groups", "ath.pairs"):
        assert json.loads((tmp_path / f"{name}.json").read_text())["table"]["name"] == name


def test_split_and_leaks_show_the_record(genes, groups, held_out, caplog, tmp_path):
    write_record(groups, RECORD)
    caplog.set_level(logging.INFO)
    found = split(genes, homology=groups, output=tmp_path / "s.tsv", **held_out)
    assert f"homologs: {LINE}" in caplog.text
    assert (found.homology["tool"], found.homology["of_this_table"]) == ("diamond", True)
    report = leaks(genes, splits=tmp_path / "s.tsv", homology=groups, output=tmp_path / "leaks.json")
    assert json.loads((tmp_path / "leaks.json").read_text())["homology"]["version"] == "2.1.8"
    assert f"\nhomologs: {LINE}\n" in report.text


def test_a_table_without_a_record_is_accepted_and_logged(genes, groups, held_out, caplog, tmp_path):
    caplog.set_level(logging.INFO)
    found = split(genes, homology=groups, output=tmp_path / "s.tsv", **held_out)
    assert found.homology is None
    assert "no record of how it was made" in caplog.text
    assert "WARNING" not in caplog.text
    leaks(genes, splits=tmp_path / "s.tsv", homology=groups, output=tmp_path / "leaks.json")
    assert "homology" not in json.loads((tmp_path / "leaks.json").read_text())
    assert "homologs:" not in leaks(genes, splits=tmp_path / "s.tsv").text


def test_a_warning_is_logged_if_the_record_belongs_to_another_table(genes, groups, held_out, caplog):
    write_record(groups, RECORD)
    groups.write_text(GROUPS.replace("c\t2", "c\t1"))
    found = split(genes, homology=groups, **held_out)
    assert found.homology["of_this_table"] is False
    assert "homologs.tsv.json is the record of another table" in caplog.text
    report = leaks(genes, splits=found.table, homology=groups)
    assert f"homologs: {LINE}; the table has changed since\n" in report.text


def test_inspect_shows_the_record_of_a_table(groups):
    assert "made by" not in inspect(groups).fields
    write_record(groups, RECORD)
    assert inspect(groups).fields["made by"] == LINE
    assert inspect(record_path(groups)).fields["tool"] == "diamond"
    groups.write_text(GROUPS + ".\te\t9\n")
    assert inspect(groups).fields["made by"] == "unknown: homologs.tsv.json belongs to another table"


def test_other_json_is_ignored_and_a_damaged_record_is_refused(groups):
    record_path(groups).write_text('[["a", "b"]]')
    assert read_record(groups) is None
    record_path(groups).write_text('{"kind": "homology", "format": 1}')
    with pytest.raises(BadTable, match=r"homologs\.tsv\.json: this record of a table of homologs is incomplete"):
        read_record(groups)
    record_path(groups).write_text('{"kind": "homology", "format": 2}')
    with pytest.raises(BadTable, match="its format 2 is newer"):
        read_record(groups)
    record_path(groups).write_bytes(b"\xff\xfe")
    assert read_record(groups) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "x"},
        {"format": None},
        {"thresholds": None},
        {"thresholds": {"bits": "x"}},
        {"compared": "proteins"},
        {"inputs": [1]},
        {"version": 2},
        {"table": None},
    ],
)
def test_records_with_wrong_fields_are_refused(groups, wrong):
    path = write_record(groups, RECORD)
    path.write_text(json.dumps({**json.loads(path.read_text()), **wrong}))
    with pytest.raises(BadTable, match="this record of a table of homologs is incomplete"):
        inspect(groups)
