import json
import os
import signal

import numpy as np
import pandas as pd
import pytest

from kanseq.cli.main import _run
from kanseq.data.sequences import SequenceSet
from kanseq.geometry import Geometry
from kanseq.training import compilation, loop


@pytest.fixture
def given(tmp_path):
    """Arguments for plain sequences whose class their bases tell, held out in two random halves."""
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


def test_options_come_from_a_file_too(given, tmp_path, capsys):
    (tmp_path / "options.yaml").write_text("model: gc\nholdout: [b]\nseed: 4\n")
    assert _run([*given, "--config", str(tmp_path / "options.yaml")]) == 0
    assert (tmp_path / "run/folds/b/seed-4/done.json").exists()
    assert "gc auROC" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "kan-mixr"], "kan-mixer"),
        (["--model", "mlp", "--set", "depth=3"], "no option 'depth'"),
        (["--holdout", "c"], "no fold 'c'"),
        (["--tune", "--model", "mlp"], "no tuning gene"),
        (["--device", "tpu"], "tpu"),
        (["--epochs", "0"], "epochs is 0"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_run(given, tmp_path, capsys, options, said):
    assert _run([*given, *options]) == 3
    assert said in one_line(capsys)
    assert not (tmp_path / "run").exists()


def test_missing_files_and_folders_are_one_line(given, tmp_path, capsys):
    assert _run([*given, "--labels", str(tmp_path / "none.tsv")]) == 3
    assert "none.tsv: no such file" in one_line(capsys)
    assert _run([*given[:-1], str(tmp_path / "no/run")]) == 3
    assert "mkdir -p" in one_line(capsys)


def test_a_setting_without_value_is_a_usage_error(given):
    assert _run([*given, "--set", "hidden"]) == 2


def test_an_interrupt_ends_with_130_and_the_run_goes_on_later(given, tmp_path, capsys, monkeypatch):
    options = [*given, "--model", "mlp", "--set", "hidden=8", "--batch-size", "4", "--no-baseline"]
    step = loop._Fit.step

    def interrupting(self, rows, position):
        if position.epoch == 2 and position.step == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, rows, position)

    with monkeypatch.context() as patch:
        patch.setattr(loop._Fit, "step", interrupting)
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
    assert warnings == ["warning: torch.compile does not work here (no C++ compiler): training goes on without it"]
