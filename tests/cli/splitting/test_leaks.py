"""``kanseq leaks`` from the command line."""

import json

import pandas as pd
import pytest

from kanseq.cli.main import _run
from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet


@pytest.fixture
def given(tmp_path):
    """Arguments for four plain sequences, a and b identical, and splits that test only a."""
    table = pd.DataFrame(
        {"id": list("abcd"), "species": ".", "length": 4, "sequence": ["ACCA", "ACCA", "GAGA", "TATT"]}
    )
    SequenceSet(table, Geometry.plain(4)).write(tmp_path / "g.parquet")
    (tmp_path / "s.tsv").write_text("id\tfold\trole\na\tx\ttest\nb\tx\ttrain\nc\tx\ttrain\nd\tx\tunused\n")
    return [str(tmp_path / "g.parquet"), "--splits", str(tmp_path / "s.tsv")]


def test_it_prints_a_table_of_folds(given, capsys):
    assert _run(["leaks", *given]) == 0
    assert capsys.readouterr().out == (
        "4 genes; 3 tested in no fold, 0 in several\n"
        "\n"
        "fold  train  tune  test  unused\n"
        "x         2     0     1       1\n"
        "\n"
        "genes of the first role that share something with one of the second:\n"
        "fold  roles       same gene  duplicate  other strand  similar\n"
        "x     train|test          0          1             0        0\n"
        "homologs were not searched; use --homology FILE\n"
        "\n"
        "leaking: duplicate in x\n"
    )


def test_strict_ends_with_code_3_after_report_and_table_are_written(given, tmp_path, capsys):
    output, table = tmp_path / "leaks.json", tmp_path / "leaks.tsv"
    assert _run(["leaks", *given, "--strict", "-o", str(output), "--table", str(table)]) == 3
    printed = capsys.readouterr()
    assert printed.out.endswith("leaking: duplicate in x\n")
    assert printed.err == "kanseq: folds leak: duplicate in x; make the splits with kanseq split\n"
    assert json.loads(output.read_text())["leaking"] == {"duplicate": {"x": 1}}
    assert "x\tduplicate\ttrain|test\t1\t1\n" in table.read_text()


def test_strict_accepts_splits_that_do_not_leak(given, tmp_path, capsys):
    (tmp_path / "s.tsv").write_text("id\tfold\trole\na\tx\ttest\nb\tx\tunused\nc\tx\ttrain\nd\tx\ttrain\n")
    assert _run(["leaks", *given, "--strict", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["leaking"] == {}


def test_the_report_can_go_to_standard_output_and_the_text_to_standard_error(given, capsys):
    assert _run(["leaks", *given, "-o", "-"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["genes"] == 4
    assert "leaking: duplicate in x" in printed.err


def test_a_missing_file_is_a_one_line_error(given, capsys):
    assert _run(["leaks", *given, "--homology", "none.tsv"]) == 3
    assert capsys.readouterr().err == "kanseq: none.tsv: no such file\n"
