"""Searches within the training genes."""

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import yaml

from kanseq.errors import BadOption, BadTable, EmptySplit, NotWritable
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits.split_tables import read_splits
from kanseq.tuning import trials as trials_module
from kanseq.tuning.search_space import Range, read_ranges
from kanseq.verbs.modelling.tune import tune

SEARCH = ["hidden=2..6", "learning_rate=1e-3..1e-1:log"]


def search(inputs, output, **options):
    chosen = {"model": "mlp", "holdout": "2", "epochs": 2, "batch_size": 8, "threads": 1, "search": SEARCH, **options}
    return tune(inputs.genes, labels=inputs.labels, splits=inputs.splits, output=output, **chosen)


def test_a_search_writes_its_trials_and_the_best_options(tuned_inputs, tmp_path):
    found = search(tuned_inputs, tmp_path / "search", trials=5)
    table = pd.read_csv(tmp_path / "search/trials.tsv", sep="\t")
    assert table["trial"].tolist() == [0, 1, 2, 3, 4]
    assert set(table["state"]) == {"complete"}
    assert table["hidden"].between(2, 6).all()
    assert table["learning_rate"].between(1e-3, 1e-1).all()
    assert found.value == table["value"].max()
    assert (found.trials, found.failed, found.fold) == (5, 0, "2")
    assert not list((tmp_path / "search/trials").iterdir())
    best = yaml.safe_load((tmp_path / "search/best.yaml").read_text())
    row = table.loc[table["value"].idxmax()]
    assert best["set"] == [f"hidden={row['hidden']:.0f}"]
    assert best["learning_rate"] == pytest.approx(row["learning_rate"])
    assert (best["model"], best["epochs"], best["tune"]) == ("mlp", 2, True)


def test_the_best_options_can_train_a_run(tuned_inputs, tmp_path):
    found = search(tuned_inputs, tmp_path / "search", trials=2)
    command = [
        sys.executable, "-m", "kanseq", "train", tuned_inputs.genes, "--labels", tuned_inputs.labels,
        "--splits", tuned_inputs.splits, "--config", found.config, "--holdout", "2", "--no-baseline", "--threads", "1",
        "-o", tmp_path / "run",
    ]  # fmt: skip
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    assert (tmp_path / "run/folds/2/seed-0/done.json").exists()


def test_a_continued_search_makes_the_same_trials(tuned_inputs, tmp_path):
    search(tuned_inputs, tmp_path / "whole", trials=4)
    search(tuned_inputs, tmp_path / "parts", trials=1)
    search(tuned_inputs, tmp_path / "parts", trials=4)
    assert (tmp_path / "parts/trials.tsv").read_bytes() == (tmp_path / "whole/trials.tsv").read_bytes()
    assert (tmp_path / "parts/best.yaml").read_bytes() == (tmp_path / "whole/best.yaml").read_bytes()


def test_held_out_genes_do_not_affect_a_search(tuned_inputs, tmp_path):
    search(tuned_inputs, tmp_path / "a", trials=3)
    splits = read_splits(tuned_inputs.splits)
    tested = set(splits["id"][(splits["fold"] == "2") & (splits["role"] == "test")])
    genes = SequenceSet.read(tuned_inputs.genes)
    held_out = genes.table["id"].isin(tested)
    genes.table.loc[held_out, "sequence"] = "T" * genes.geometry.columns
    labels = pd.read_csv(tuned_inputs.labels, sep="\t", dtype=str)
    labels.loc[labels["id"].isin(tested), ["expression", "label"]] = ["99", "high"]
    labels.to_csv(tmp_path / "labels.tsv", sep="\t", index=False)
    genes.write(tmp_path / "genes.parquet")
    other = tuned_inputs._replace(genes=tmp_path / "genes.parquet", labels=tmp_path / "labels.tsv")
    search(other, tmp_path / "b", trials=3)
    assert (tmp_path / "a/trials.tsv").read_bytes() == (tmp_path / "b/trials.tsv").read_bytes()


def test_baselines_can_be_searched(tuned_inputs, tmp_path):
    ranges = ["k=1,2", "bin=16..64:16"]
    found = search(tuned_inputs, tmp_path / "search", model="kmer-logistic", search=ranges, trials=3)
    best = yaml.safe_load(found.config.read_text())
    assert best["model"] == "kmer-logistic"
    assert {text.partition("=")[0] for text in best["set"]} == {"k", "bin"}
    assert set(best) == {"model", "set", "balance", "task", "visible"}


def test_a_killed_trial_is_continued(tuned_inputs, tmp_path):
    command = [
        sys.executable, "-m", "kanseq", "tune", tuned_inputs.genes, "--labels", tuned_inputs.labels, "--splits",
        tuned_inputs.splits, "-o", tmp_path / "search", "--model", "mlp", "--holdout", "2", "--epochs", "100000",
        "--patience", "100000", "--batch-size", "8", "--threads", "1", "--search", SEARCH[0], "--trials", "2",
    ]  # fmt: skip
    started = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE)
    log, until = tmp_path / "search/trials/0/fold/log.jsonl", time.monotonic() + 120
    while not log.exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(started.pid, signal.SIGKILL)
    started.communicate()
    begun = log.read_text().splitlines()[0]
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials_module, "train_fold", lambda plan, fold, folder, *rest: seen.append(_log_of(folder)))
        patch.setattr(trials_module, "read_predictions", lambda path: path)
        patch.setattr(trials_module, "score_table", lambda table, task: 0.5)
        found = search(
            tuned_inputs, tmp_path / "search", epochs=100000, patience=100000, search=SEARCH[:1], trials=2
        )  # fmt: skip
    assert found.trials == 2
    assert found.table["trial"].tolist() == [1, 2]
    assert seen[0][0] == begun
    assert seen[1] == []


def test_a_killed_trial_is_queued_once_even_if_the_process_that_queues_it_is_killed(tmp_path):
    study = trials_module.open_study(tmp_path, None, "x", seed=0)
    killed = study.ask()
    # No process holds a lock for this trial: it was killed. So was the process that queued it again.
    study.enqueue_trial({}, user_attrs={trials_module.CONTINUES: killed.number})
    searched = trials_module.HyperparameterSearch.__new__(trials_module.HyperparameterSearch)
    searched.output = tmp_path
    searched.take_up_killed(study)
    searched.take_up_killed(study)
    assert [(trial.number, trial.state.name) for trial in study.trials] == [(0, "FAIL"), (1, "WAITING")]
    assert trials_module.counted(study) == []
    assert study.ask().user_attrs == {trials_module.CONTINUES: 0}


def test_values_have_the_type_of_their_hyper_parameter(tuned_inputs, tmp_path):
    found = search(tuned_inputs, tmp_path / "search", search=["weight_decay=0..1", "clip=none,1"], trials=3)
    assert all(isinstance(value, float) and 0 < value < 1 for value in found.table["weight_decay"])


def test_a_name_shared_by_model_and_optimisation_refers_to_the_model(tuned_inputs, tmp_path):
    ranges = ["learning_rate=1e-4..1:log"]
    found = search(tuned_inputs, tmp_path / "search", model="boosting", search=ranges, trials=3)
    best = yaml.safe_load(found.config.read_text())
    assert best["set"] == [f"learning_rate={found.best['learning_rate']}"]
    assert "learning_rate" not in best


def test_a_network_too_large_for_memory_is_a_failed_trial(tuned_inputs, tmp_path, caplog):
    with caplog.at_level("WARNING"), pytest.raises(BadOption, match="no trial could be scored"):
        search(tuned_inputs, tmp_path / "search", search=["hidden=1000000000000..2000000000000"], trials=2)
    assert caplog.text.count("failed") == 2


def test_a_running_trial_is_not_a_failure(tuned_inputs, tmp_path):
    search(tuned_inputs, tmp_path / "search", trials=1)
    shutil.copytree(tmp_path / "search", tmp_path / "other")
    (tmp_path / "other/journal.log").unlink()
    storage = f"sqlite:///{tmp_path}/trials.db"
    with pytest.MonkeyPatch.context() as patch:
        # Another machine runs the only trial.
        patch.setattr(trials_module.HyperparameterSearch, "do", lambda self, study, trial: None)
        waiting = search(tuned_inputs, tmp_path / "other", trials=1, storage=storage)
    assert (waiting.trials, waiting.value, waiting.config) == (0, None, None)


def test_an_incomplete_last_line_of_the_journal_is_removed(tuned_inputs, tmp_path):
    search(tuned_inputs, tmp_path / "search", trials=1)
    with open(tmp_path / "search/journal.log", "a") as handle:
        handle.write('{"op_code": 4, "worker')
    assert search(tuned_inputs, tmp_path / "search", trials=2).trials == 2
    (tmp_path / "search/journal.log").write_text("no journal\n")
    with pytest.raises(BadTable, match="this journal is damaged"):
        search(tuned_inputs, tmp_path / "search", trials=2)


def test_best_options_include_the_learning_goal(tuned_inputs, tmp_path):
    found = search(tuned_inputs, tmp_path / "search", visible="flanks", trials=1)
    best = yaml.safe_load(found.config.read_text())
    assert (best["task"], best["visible"]) == ("binary", "flanks")


def _log_of(folder):
    return (folder / "log.jsonl").read_text().splitlines() if (folder / "log.jsonl").exists() else []


def test_two_processes_share_a_search(tuned_inputs, tmp_path):
    command = [
        sys.executable, "-m", "kanseq", "tune", tuned_inputs.genes, "--labels", tuned_inputs.labels, "--splits",
        tuned_inputs.splits, "-o", tmp_path / "search", "--model", "gc", "--holdout", "2", "--trials", "6",
        "--search", "balance=none,weights", "--threads", "1",
    ]  # fmt: skip
    both = [subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE) for _ in range(2)]
    assert [(one.communicate()[1], one.returncode)[1] for one in both] == [0, 0]
    last = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    assert "trials: 6" in last.stderr
    assert len(pd.read_csv(tmp_path / "search/trials.tsv", sep="\t")) == 6


def test_a_database_keeps_several_searches(tuned_inputs, tmp_path):
    options = {"model": "gc", "search": ["balance=none,weights"], "storage": f"sqlite:///{tmp_path}/trials.db"}
    for fold in ("2", "3"):
        found = search(tuned_inputs, tmp_path / fold, holdout=fold, trials=2, **options)
        assert (found.trials, found.fold) == (2, fold)
    assert not (tmp_path / "2/journal.log").exists()
    assert search(tuned_inputs, tmp_path / "2", trials=3, **options).trials == 3
    with pytest.raises(BadOption, match="--storage nowhere"):
        search(tuned_inputs, tmp_path / "2", trials=3, **{**options, "storage": "nowhere"})


def test_invalid_options_are_refused(tuned_inputs, tmp_path):
    for options, message in (
        ({"search": ["width=1..2"]}, "'mlp' has no hyper-parameter 'width'; it has"),
        ({"search": []}, "nothing to search"),
        ({"search": ["hidden=1..4", "hidden=2"]}, "specified twice"),
        ({"search": ["hidden=1..4"], "options": {"hidden": 3}}, "it also has a fixed value"),
        ({"holdout": "all"}, "a search uses one fold"),
        ({"trials": 0}, "trials is 0"),
        ({"search": ["learning_rate=low,high"]}, "float is required"),
        ({"search": ["batch_size=1e1..2e1"]}, "int is required"),
        ({"search": ["decay=1..2"]}, "this is not a number"),
    ):
        with pytest.raises(BadOption, match=message):
            search(tuned_inputs, tmp_path / "search", **options)
    untuned = tmp_path / "untuned.tsv"
    untuned.write_text(tuned_inputs.splits.read_text().replace("\ttune\t", "\ttrain\t"))
    with pytest.raises(EmptySplit, match="has no tuning gene"):
        search(tuned_inputs._replace(splits=untuned), tmp_path / "search")
    search(tuned_inputs, tmp_path / "search", trials=1)
    with pytest.raises(BadOption, match="this run was started with"):
        search(tuned_inputs, tmp_path / "search", search=["hidden=2..7"], trials=1)
    with pytest.raises(BadOption, match="no trial could be scored"):
        search(tuned_inputs, tmp_path / "nan", search=["learning_rate=1e30..1e35:log"], trials=1)
    shutil.rmtree(tmp_path / "nan")
    (tmp_path / "nan").mkdir()
    (tmp_path / "nan/x").write_text("")
    with pytest.raises(BadOption, match="not from a search"):
        search(tuned_inputs, tmp_path / "nan")
    with pytest.raises(NotWritable, match="a search is a folder"):
        search(tuned_inputs, tmp_path / "nan/x")


@pytest.mark.parametrize("text", ["a", "a=", "=1", "a=2..1", "a=0..1:log", "a=1..2:5", "a=1..x", "a=1,1", "a=1,,2"])
def test_invalid_ranges_are_refused(text):
    with pytest.raises(BadOption, match="--search"):
        Range.read(text)


def test_ranges_are_written_in_the_format_that_is_read():
    texts = ["a=1..4", "b=0.5..4:log", "c=1..4:0.5", "d=x,y,2"]
    assert list(map(str, read_ranges(texts))) == texts
    assert np.isclose(Range.read("e=1e-4..1e-2").low, 1e-4)
