import json
import os
import signal

import numpy as np
import pandas as pd
import pytest

from kanseq.cli.main import _run
from kanseq.geometry import Geometry
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.training.objectives import compilation
from kanseq.training.objectives.task_objective import TaskObjective


@pytest.fixture
def given(tmp_path):
    """Arguments for plain sequences with classes of different base composition, held out in two halves."""
    random = np.random.default_rng(1)
    shares = ([0.3, 0.2, 0.2, 0.3], [0.1, 0.4, 0.4, 0.1])
    sequences = ["".join(random.choice(list("ACGT"), 40, p=shares[row % 2])) for row in range(40)]
    table = pd.DataFrame({"id": [f"s{row}" for row in range(40)], "species": ".", "length": 40, "sequence": sequences})
    SequenceSet(table.assign(label=["low", "high"] * 20), Geometry.plain(40)).write(tmp_path / "set.parquet")
    half = np.arange(40) < 20
    folds = [
        table[["species", "id"]].assign(fold=name, role=np.where(test, "test", "train"), reason="")
        for name, test in (("a", half), ("b", ~half))
    ]
    pd.concat(folds).to_csv(tmp_path / "splits.tsv", sep="\t", index=False)
    return [
        "train",
        str(tmp_path / "set.parquet"),
        "--splits",
        str(tmp_path / "splits.tsv"),
        "-o",
        str(tmp_path / "run"),
    ]


def one_line(capsys):
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("kanseq: ")]
    assert len(lines) == 1
    return lines[0]


def test_the_summary_names_the_better_model(given, capsys):
    assert _run([*given, "--model", "mlp", "--set", "hidden=8", "--epochs", "1", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["folds"] == ["a", "b"]
    assert summary["trained"] == 2
    assert summary["verdict"].startswith("mlp auROC 0.")
    assert summary["verdict"].endswith("is better")


def test_widths_are_chosen_for_a_number_of_parameters(given, tmp_path, capsys):
    command = [*given, "--model", "mlp", "--match-parameters", "1000", "--epochs", "1", "--no-baseline", "--json"]
    assert _run(command) == 0
    # 160 inputs, a bias and two outputs per hidden unit: 6 · 163 + 2.
    assert json.loads(capsys.readouterr().out)["parameters"] == 980
    assert json.loads((tmp_path / "run" / "run.json").read_text())["spec"]["config"]["hidden"] == 6
    assert _run([*given[:-1], str(tmp_path / "other"), "--model", "gc", "--match-parameters", "1000"]) == 3
    assert "the model 'gc' has no adjustable widths" in one_line(capsys)
    assert not (tmp_path / "other").exists()


def test_options_can_come_from_a_file(given, tmp_path, capsys):
    (tmp_path / "options.yaml").write_text("model: gc\nholdout: [b]\nseed: 4\n")
    assert _run([*given, "--config", str(tmp_path / "options.yaml")]) == 0
    assert (tmp_path / "run/folds/b/seed-4/done.json").exists()
    assert "gc auROC" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "kan-mixr"], "kan-mixer"),
        (["--model", "mlp", "--set", "depth=3"], "no option 'depth'"),
        (["--holdout", "c"], "no fold 'c'"),
        (["--tune", "--model", "mlp"], "no tuning gene"),
        (["--device", "tpu"], "tpu"),
        (["--epochs", "0"], "epochs is 0"),
    ],
)
def test_bad_input_is_a_one_line_error_and_leaves_no_run(given, tmp_path, capsys, options, message):
    assert _run([*given, *options]) == 3
    assert message in one_line(capsys)
    assert not (tmp_path / "run").exists()


def test_missing_files_and_folders_are_a_one_line_error(given, tmp_path, capsys):
    assert _run([*given, "--labels", str(tmp_path / "none.tsv")]) == 3
    assert "none.tsv: no such file" in one_line(capsys)
    assert _run([*given[:-1], str(tmp_path / "no/run")]) == 3
    assert "mkdir -p" in one_line(capsys)


def test_a_setting_without_value_is_a_usage_error(given):
    assert _run([*given, "--set", "hidden"]) == 2


def test_an_interrupt_ends_with_130_and_the_run_can_be_resumed(given, tmp_path, capsys, monkeypatch):
    options = [*given, "--model", "mlp", "--set", "hidden=8", "--batch-size", "4", "--no-baseline"]
    step = TaskObjective.step

    def interrupting(self, batch):
        if (batch.epoch, batch.step) == (2, 1):
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(TaskObjective, "step", interrupting)
        assert _run(options) == 130
    assert one_line(capsys) == "kanseq: interrupted"
    assert (tmp_path / "run/folds/a/seed-0/state.safetensors").exists()
    assert not (tmp_path / "run/folds/a/seed-0/done.json").exists()
    assert _run(options) == 0


def test_without_a_compiler_compile_is_one_warning(given, capsys, monkeypatch):
    def no_compiler(*_: object, **__: object) -> None:
        raise RuntimeError("no C++ compiler")

    monkeypatch.setattr(compilation, "_failures", [])
    monkeypatch.setattr("torch.compile", no_compiler)
    assert _run([*given, "--model", "mlp", "--set", "hidden=8", "--epochs", "1", "--no-baseline", "--compile"]) == 0
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert warnings == ["warning: torch.compile does not work here (no C++ compiler): training continues without it"]


NETWORK = ["--model", "mlp", "--set", "hidden=2", "--epochs", "1", "--holdout", "a"]


@pytest.fixture
def tables(tmp_path):
    """Options for labels of two conditions: genes that are high in leaf are low in root."""
    options = []
    for name, low in (("leaf", 0), ("root", 1)):
        table = pd.DataFrame({"species": ".", "id": [f"s{row}" for row in range(40)], "condition": name, "fold": "*"})
        labels = np.where(np.arange(40) % 2 == low, "low", "high")
        table = table.assign(expression=np.arange(40) / 10, label=labels, q1=0.5, q3=2.0)
        table.to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False)
        options += ["--labels", str(tmp_path / f"{name}.tsv")]
    return options


def test_seeds_are_counted_or_repeated(given, tmp_path, capsys):
    options = [*given, "--model", "gc", "--holdout", "a", "--json"]
    assert _run([*options, "--seeds", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["seeds"] == [0, 1]
    assert _run([*options, "--seed", "1", "--seed", "5"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["seeds"], summary["trained"], summary["skipped"]) == ([1, 5], 1, 1)
    assert sorted(folder.name for folder in (tmp_path / "run/folds/a").iterdir()) == ["seed-0", "seed-1", "seed-5"]


def test_labels_and_conditions_are_repeatable(given, tables, tmp_path):
    conditions = ["--condition", "root", "--condition", "leaf"]
    assert _run([*given, *tables, *NETWORK, "--no-baseline", *conditions]) == 0
    rows = pd.read_csv(tmp_path / "run/folds/a/seed-0/predictions.tsv", sep="\t")
    assert rows["condition"].tolist() == ["root", "leaf"] * 20
    assert rows["target"].tolist() == [1, 0, 0, 1] * 10


def test_regression_is_reported_with_ridge_as_baseline(given, tables, capsys):
    assert _run([*given, *tables[:2], *NETWORK, "--task", "regression", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["auroc"] is None
    assert summary["verdict"].startswith("mlp Pearson r ")
    assert ", kmer-ridge " in summary["verdict"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--task", "regression", "--model", "gc"], "the model 'gc' does not support regression"),
        (["--task", "regression", "--model", "mlp"], "the label 'low' of the sequence 's0' is not a finite number"),
        (["--task", "multiclass", "--model", "mlp"], "3 or more classes are required, but the set has 2: high, low"),
        (["--task", "ranking", "--model", "mlp"], "choose binary, multiclass, regression"),
        (["--control", "genes"], "control 'genes' is unknown"),
        (["--visible", "flanks", "--model", "mlp"], "--visible flanks"),
        (["--calibrate", "platt", "--model", "mlp"], "no tuning gene"),
        (["--condition", "leaf"], "the set's own labels have no conditions"),
        (["--seed", "1", "--seed", "2", "--seeds", "2"], "use either several --seed or --seeds"),
    ],
)
def test_invalid_learning_goals_are_a_one_line_error_and_leave_no_run(given, tmp_path, capsys, options, message):
    assert _run([*given, *options]) == 3
    assert message in one_line(capsys)
    assert not (tmp_path / "run").exists()


def test_contradictory_labels_are_a_one_line_error(given, tables, tmp_path, capsys):
    table = pd.read_csv(tmp_path / "root.tsv", sep="\t")
    table.assign(condition="leaf").to_csv(tmp_path / "root.tsv", sep="\t", index=False)
    assert _run([*given, *tables, *NETWORK]) == 3
    assert "leaf.tsv and " in (line := one_line(capsys))
    assert "disagree for 40 genes in condition leaf: s0, s1, s2" in line


def test_three_classes_are_trained_predicted_and_evaluated(given, tmp_path, capsys):
    genes = SequenceSet.read(given[1])
    genes.table["label"] = ["exon", "intron", "none"] * 13 + ["none"]
    genes.write(tmp_path / "three.parquet")
    command = ["train", f"{tmp_path}/three.parquet", *given[2:]]
    assert _run([*command, *NETWORK[:6], "--json"]) == 0
    shown = capsys.readouterr()
    assert "3 classes, in this order: exon, intron, none" in shown.err
    summary = json.loads(shown.out)
    assert summary["verdict"].startswith("mlp auROC 0.")
    assert ", kmer-logistic 0." in summary["verdict"]
    assert _run(["predict", f"{tmp_path}/run", f"{tmp_path}/three.parquet", "-o", f"{tmp_path}/p.tsv"]) == 0
    capsys.readouterr()
    assert _run(["evaluate", f"{tmp_path}/p.tsv", f"{tmp_path}/run", "--bootstrap", "20", "--json"]) == 0
    models = json.loads(capsys.readouterr().out)["models"]
    assert [model["task"] for model in models] == ["multiclass"] * 3
    assert models[0]["mean"] == models[1]["mean"]
    assert models[0]["mean"]["auROC"]["value"] == pytest.approx(summary["auroc"], abs=1e-9)
    damaged = (tmp_path / "p.tsv").read_text().splitlines()
    damaged[3] = damaged[3].rsplit("\t", 1)[0] + "\tx"
    (tmp_path / "p.tsv").write_text("\n".join(damaged) + "\n")
    assert _run(["evaluate", f"{tmp_path}/p.tsv"]) == 3
    assert "p.tsv:4: logit:none 'x' is not allowed" in one_line(capsys)
    assert _run(["inspect", f"{tmp_path}/run/folds/a/seed-0/model.safetensors"]) == 0
    assert "classes exon, intron, none" in capsys.readouterr().out


def test_a_class_missing_in_training_is_a_one_line_error_and_leaves_no_run(given, tmp_path, capsys):
    genes = SequenceSet.read(given[1])
    genes.table["label"] = ["exon", "intron", "none"] * 10 + ["exon", "intron"] * 5
    genes.table.loc[genes.table.index[:20], "label"] = ["exon", "intron"] * 10
    genes.write(tmp_path / "three.parquet")
    # Only the second half has the class "none", so it cannot be learned if that half is held out.
    assert _run(["train", f"{tmp_path}/three.parquet", *given[2:], *NETWORK[:6]]) == 3
    assert "fold 'b' has no training gene of the class none" in one_line(capsys)
    assert not (tmp_path / "run").exists()


def test_a_set_s_own_numbers_can_be_predicted(given, tmp_path, capsys):
    genes = SequenceSet.read(given[1])
    genes.table["label"] = [str(sequence.count("G") + sequence.count("C")) for sequence in genes.table["sequence"]]
    genes.write(tmp_path / "numbers.parquet")
    command = ["train", f"{tmp_path}/numbers.parquet", *given[2:], "--model", "kmer-ridge", "--task", "regression"]
    assert _run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pearson"] > 0.5
