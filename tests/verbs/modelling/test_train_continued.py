"""Runs that are continued: finished folds are kept, and other settings, inputs and writers are rejected."""

import json
import shutil

import pandas as pd
import pytest

from kanseq.errors import BadOption, NotWritable, RunInUse
from kanseq.runs.description import read_run
from kanseq.runs.run_folder import open_run
from kanseq.training import one_fold
from kanseq.training.objectives.task_objective import TaskObjective
from tests.verbs.modelling.trained_runs import SMALL, contents, run


def test_finished_folds_are_kept_and_missing_folds_are_added(inputs, tmp_path):
    run(inputs, tmp_path / "run", holdout="2")
    before = contents(tmp_path / "run")
    result = run(inputs, tmp_path / "run")
    assert (result.trained, result.skipped) == (2, 1)
    after = contents(tmp_path / "run")
    assert {name: after[name] for name in before} == before
    run(inputs, tmp_path / "whole")
    assert contents(tmp_path / "whole") == after


def test_a_finished_fold_without_its_model_is_trained_again(inputs, tmp_path, caplog):
    run(inputs, tmp_path / "run", holdout="1")
    before = contents(tmp_path / "run")
    (tmp_path / "run/folds/1/seed-0/model.safetensors").unlink()
    assert run(inputs, tmp_path / "run", holdout="1").trained == 1
    assert contents(tmp_path / "run") == before
    assert "does not count as finished" in caplog.text


def test_a_continued_run_has_the_bytes_of_an_uninterrupted_run(inputs, tmp_path, monkeypatch):
    run(inputs, tmp_path / "whole")
    step, count = TaskObjective.step, 0

    def fragile(self, batch):
        nonlocal count
        count += 1
        if count == 14:
            raise RuntimeError
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(TaskObjective, "step", fragile)
        with pytest.raises(RuntimeError):
            run(inputs, tmp_path / "run")
    assert not (tmp_path / "run/folds/2/seed-0/done.json").exists()
    assert run(inputs, tmp_path / "run").skipped == 1
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"epochs": 3}, "epochs 2, and not 3"),
        ({"model": "deepcre"}, 'model "mlp", and not "deepcre"'),
        ({"options": {"hidden": 64}}, "hidden 128, and not 64"),
        ({"clip": 1.0}, "clip none, and not 1.0"),
    ],
)
def test_another_configuration_is_rejected_with_the_setting_that_differs(inputs, tmp_path, changed, message):
    run(inputs, tmp_path / "run", holdout="1")
    with pytest.raises(BadOption, match=message):
        run(inputs, tmp_path / "run", holdout="1", **changed)


def test_other_inputs_are_rejected(inputs, tmp_path):
    run(inputs, tmp_path / "run", holdout="1")
    table = pd.read_csv(inputs.labels, sep="\t")
    table.assign(q1=0.6).to_csv(inputs.labels, sep="\t", index=False)
    with pytest.raises(BadOption, match="started with different inputs: labels"):
        run(inputs, tmp_path / "run", holdout="2")


def test_other_threads_cause_a_warning(inputs, tmp_path, caplog):
    run(inputs, tmp_path / "run", holdout="1")
    run(inputs, tmp_path / "run", holdout="2", threads=2)
    assert "threads 1, and not 2" in caplog.text


def test_a_second_writer_is_rejected_until_the_first_one_ends(inputs, tmp_path):
    run(inputs, tmp_path / "run", holdout="1")
    with open_run(tmp_path / "run", read_run(tmp_path / "run")), pytest.raises(RunInUse):
        run(inputs, tmp_path / "run", holdout="2")
    run(inputs, tmp_path / "run", holdout="2")


def test_partial_files_of_a_killed_process_are_removed(inputs, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.7.part.run.json").write_text("{")
    run(inputs, tmp_path / "run", holdout="1")
    (tmp_path / "run/folds/2/seed-0").mkdir(parents=True)
    (tmp_path / "run/folds/2/seed-0/.7.part.state.safetensors").write_bytes(b"half")
    run(inputs, tmp_path / "run", holdout="2")
    assert not list((tmp_path / "run").rglob("*.part.*"))


def test_a_full_disk_leaves_no_partial_model(inputs, tmp_path, monkeypatch):
    def full(path, model):
        raise NotWritable("cannot write (No space left on device)", where=path)

    with monkeypatch.context() as patch:
        patch.setattr(one_fold, "save_model", full)
        with pytest.raises(NotWritable, match="No space left"):
            run(inputs, tmp_path / "run", holdout="1")
    assert not list((tmp_path / "run").rglob("*.part.*"))
    assert run(inputs, tmp_path / "run", holdout="1").trained == 1
    shutil.rmtree(tmp_path / "run")


def test_a_run_from_a_version_without_an_option_is_continued(inputs, tmp_path):
    run(inputs, tmp_path / "run", holdout="1")
    described = json.loads((tmp_path / "run" / "run.json").read_text())
    del described["spec"]["settings"]["compile"]
    (tmp_path / "run" / "run.json").write_text(json.dumps(described))
    assert run(inputs, tmp_path / "run", holdout="2").trained == 1


def test_a_run_from_a_version_without_controls_is_continued_and_another_aim_is_rejected(inputs, tmp_path):
    run(inputs, tmp_path / "run", **SMALL)
    described = json.loads((tmp_path / "run/run.json").read_text())
    for name in ("task", "control", "visible", "calibrate"):
        del described["spec"]["settings"][name]
    (tmp_path / "run/run.json").write_text(json.dumps(described))
    assert run(inputs, tmp_path / "run", **{**SMALL, "holdout": "2"}).trained == 1
    for goal, message in (({"control": "labels"}, 'control "none"'), ({"visible": "flanks"}, 'visible "all"')):
        with pytest.raises(BadOption, match=f"started with {message}"):
            run(inputs, tmp_path / "run", **SMALL, **goal)
