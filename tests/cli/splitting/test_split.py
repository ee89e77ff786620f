"""``kanseq split`` from the command line."""

import json

import pandas as pd
import pytest

from kanseq.cli.main import _run
from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet


@pytest.fixture
def genes(tmp_path):
    """Six plain sequences in a file."""
    table = pd.DataFrame({"id": list("abcdef"), "species": ".", "length": 2})
    table["sequence"] = ["AA", "CC", "AC", "AG", "CA", "GA"]
    path = tmp_path / "genes.parquet"
    SequenceSet(table, Geometry.plain(2)).write(path)
    return path


def test_it_writes_a_table_and_a_summary(genes, tmp_path, capsys):
    output = tmp_path / "splits.tsv"
    assert _run(["split", str(genes), "--by", "random", "--blocks", "3", "--json", "-o", str(output)]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["folds"] == ["random0", "random1", "random2"]
    assert summary["test"] == {"random0": 2, "random1": 2, "random2": 2}
    assert "table" not in summary
    assert len(output.read_text().splitlines()) == 1 + 3 * 6


def test_the_table_can_be_written_to_standard_output(genes, capsys):
    assert _run(["split", str(genes), "--by", "random", "--blocks", "2", "-o", "-"]) == 0
    assert capsys.readouterr().out.startswith("species\tid\tfold\trole\treason\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--by", "chromosome"], "have no coordinates"),
        (["--by", "random", "--tune", "1.5"], "--tune 1.5"),
        (["--by", "random", "--folds", "random0,other"], "no fold is named other"),
        (["--by", "random", "--score-only", "missing.txt"], "missing.txt: no such file"),
    ],
)
def test_bad_input_is_a_one_line_error_and_writes_nothing(genes, tmp_path, capsys, options, message):
    output = tmp_path / "splits.tsv"
    assert _run(["split", str(genes), "-o", str(output), *options]) == 3
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["genes.parquet"]


def test_a_missing_output_folder_is_an_error(genes, tmp_path, capsys):
    assert _run(["split", str(genes), "-o", str(tmp_path / "no" / "splits.tsv")]) == 3
    assert "does not exist" in capsys.readouterr().err


def test_homologs_and_near_copies_do_not_train_if_requested(genes, tmp_path, capsys):
    (tmp_path / "h.tsv").write_text("species\tid\tgroup\n.\ta\t1\n.\tb\t1\n.\tc\t2\n.\td\t3\n.\te\t4\n.\tf\t5\n")
    (tmp_path / "list.txt").write_text("a\n")
    by_list = ["--by", "list", "--gene-list", str(tmp_path / "list.txt"), "--json", "-o", str(tmp_path / "s.tsv")]
    assert _run(["split", str(genes), *by_list, "--homology", str(tmp_path / "h.tsv"), "--similar"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["train"], summary["reasons"]) == ({"list": 4}, {"homolog_test": 1})
    assert ".\tb\tlist\tunused\thomolog_test:a\n" in (tmp_path / "s.tsv").read_text()


def test_species_to_train_on_and_to_test_are_options(genes, tmp_path, capsys):
    assert _run(["split", str(genes), "--by", "random", "--test-species", "A", "-o", str(tmp_path / "s.tsv")]) == 3
    assert "--test-species with --by random; use --by chromosome or --by block" in capsys.readouterr().err
