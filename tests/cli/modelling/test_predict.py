import json

import numpy as np
import pandas as pd
import pytest

from kanseq import api
from kanseq.cli.main import _run
from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet


@pytest.fixture
def folder(tmp_path):
    """A set of plain sequences and a run of ``gc`` that holds out only its first half."""
    random = np.random.default_rng(1)
    sequences = ["".join(random.choice(list("ACGT"), 40)) for _ in range(40)]
    table = pd.DataFrame({"id": [f"s{row}" for row in range(40)], "species": ".", "length": 40, "sequence": sequences})
    table = table.assign(label=["low", "high"] * 20)
    SequenceSet(table, Geometry.plain(40)).write(tmp_path / "set.parquet")
    role = np.where(np.arange(40) < 20, "test", "train")
    splits = table[["species", "id"]].assign(fold="a", role=role, reason="")
    api.train(tmp_path / "set.parquet", splits=splits, output=tmp_path / "run", model="gc")
    return tmp_path


def test_predictions_go_to_standard_output(folder, capsys):
    assert _run(["predict", f"{folder}/run", f"{folder}/set.parquet", "-o", "-", "--held-out-only"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "species\tid\tcondition\tchrom\tfold\trole\tlogit\tprobability\ttarget\tcalled\tspread\tmodels"
    assert len(lines) == 21
    assert lines[1].startswith(".\ts0\t*\t\ta\ttest\t")


def test_predictions_and_a_summary_do_not_share_standard_output(folder, capsys):
    assert _run(["predict", f"{folder}/run", f"{folder}/set.parquet", "-o", "-", "--json"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "--json prints to standard output" in shown.err


def test_the_summary_counts_held_out_seen_and_new_genes(folder, capsys):
    arguments = ["predict", f"{folder}/run", f"{folder}/set.parquet", "-o", f"{folder}/p.tsv", "--allow-seen", "--json"]
    assert _run(arguments) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["genes"], summary["held_out"], summary["seen"], summary["new"]) == (40, 20, 20, 0)


def test_seen_genes_are_a_one_line_error_and_nothing_is_written(folder, capsys):
    assert _run(["predict", f"{folder}/run", f"{folder}/set.parquet", "-o", f"{folder}/p.tsv"]) == 3
    error = capsys.readouterr().err
    assert error.startswith("kanseq: ")
    assert error.count("\n") == 1
    assert "20 of 40 genes were used to train all models: s20, s21, s22" in error
    assert not (folder / "p.tsv").exists()


def test_a_truncated_model_and_another_geometry_are_one_line_errors(folder, capsys):
    SequenceSet(SequenceSet.read(folder / "set.parquet").table, Geometry.plain(41)).write(folder / "longer.parquet")
    assert _run(["predict", f"{folder}/run", f"{folder}/longer.parquet", "-o", f"{folder}/p.tsv"]) == 3
    assert (
        "the model was made for sequences of 40 bases, and the set has sequences of 41 bases" in capsys.readouterr().err
    )
    model = folder / "run/folds/a/seed-0/model.safetensors"
    model.write_bytes(model.read_bytes()[:-8])
    assert _run(["predict", str(model), f"{folder}/set.parquet", "-o", f"{folder}/p.tsv"]) == 3
    assert "model.safetensors: the model file is truncated" in capsys.readouterr().err
    assert not (folder / "p.tsv").exists()
