"""``kanseq train`` on a set's own labels: three classes, or numbers."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import roc_auc_score

from kanseq.errors import BadOption, BadTable
from kanseq.runs.description import read_run
from kanseq.runs.prediction_tables import classes_of, read_predictions
from kanseq.runs.trained_model import read_model
from kanseq.tasks.task import Task
from kanseq.verbs.modelling.evaluate import evaluate
from kanseq.verbs.modelling.train import train
from kanseq.verbs.modelling.tune import tune

SHORT = {"epochs": 1, "batch_size": 8, "threads": 1}


def test_classes_are_learned_scored_and_compared_with_kmer_logistic(classes, halves, tmp_path):
    result = train(classes, splits=halves, output=tmp_path / "run", model="mlp", **SHORT)
    assert result.verdict.startswith(f"mlp auROC {result.auroc:.3f}, kmer-logistic {result.baseline_auroc:.3f} on ")
    assert result.genes == {"a": 30, "b": 30}
    found = []
    for fold in "ab":
        table = read_predictions(tmp_path / f"run/folds/{fold}/seed-0/predictions.tsv")
        assert classes_of(table) == ("2", "9", "10")
        logits = table[["logit:2", "logit:9", "logit:10"]].to_numpy()
        probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        found.append(roc_auc_score(table["target"], probability, multi_class="ovr"))
        assert table["called"].tolist() == logits.argmax(axis=1).tolist()
    assert result.auroc == pytest.approx(np.mean(found))
    model = read_model(tmp_path / "run/folds/a/seed-0/model.safetensors")
    assert model.task == Task("multiclass", 3, classes=("2", "9", "10"))
    # The classes are stored in the task only.
    assert "classes" not in model.metadata
    settings = read_run(tmp_path / "run").settings
    assert (settings["task"], settings["classes"]) == ("multiclass", ["2", "9", "10"])
    assert [each["name"] for each in evaluate(tmp_path / "run", bootstrap=0).models] == ["mlp", "kmer-logistic"]


@pytest.mark.parametrize(
    "model",
    ["kan-words", "kan-mixer", "kan", "mlp", "deepcre", "legnet", "kmer-sgd", "gc", "kmer-logistic", "boosting"],
)
def test_every_model_of_classes_supports_several_classes(classes, halves, tmp_path, model):
    options = {"hidden": 4} if model in ("kan", "mlp") else {}
    train(
        classes, splits=halves, output=tmp_path / "run", model=model, holdout="a", balance="weights", options=options,
        baseline=False, **SHORT,
    )  # fmt: skip
    again = read_model(tmp_path / "run/folds/a/seed-0/model.safetensors")
    table = read_predictions(tmp_path / "run/folds/a/seed-0/predictions.tsv")
    held_out = np.flatnonzero(np.arange(60) // 3 % 2 == 0)
    logits = again.logits(classes.codes(held_out))
    assert logits.shape == (30, 3)
    assert table[["logit:2", "logit:9", "logit:10"]].to_numpy() == pytest.approx(logits, rel=1e-5, abs=1e-6)


def test_gc_separates_classes_by_composition_and_not_with_shuffled_labels(classes, halves, tmp_path):
    result = train(classes, splits=halves, output=tmp_path / "run", model="gc")
    assert result.auroc > 0.9
    shuffled = train(classes, splits=halves, output=tmp_path / "control", model="gc", control="labels", seeds=4)
    assert shuffled.auroc < 0.75
    assert shuffled.verdict.startswith("control 'labels'")


def test_rare_classes_are_called_more_often_with_balance(classes, halves, tmp_path):
    rare = (classes.table["label"] == "9") & (np.arange(60) > 12)
    classes.table.loc[rare, "label"] = "10"
    shares = []
    for balance in ("none", "weights"):
        train(
            classes, splits=halves, output=tmp_path / balance, model="kmer-sgd", balance=balance, holdout="a",
            baseline=False, epochs=10, batch_size=30, learning_rate=0.05, threads=1,
        )  # fmt: skip
        table = read_predictions(tmp_path / balance / "folds/a/seed-0/predictions.tsv")
        shares.append(float((table["called"] == 1).mean()))
    assert shares[1] > shares[0]


def test_several_classes_stop_early_by_the_tuning_loss(classes, tuned_halves, tmp_path):
    train(
        classes, splits=tuned_halves, output=tmp_path / "run", model="kmer-sgd", holdout="a", tune=True, patience=1,
        baseline=False, epochs=3, batch_size=8, threads=1,
    )  # fmt: skip
    lines = (tmp_path / "run/folds/a/seed-0/log.jsonl").read_text().splitlines()
    losses = [json.loads(line)["tune_loss"] for line in lines]
    assert all(0 < loss < 3 for loss in losses)
    done = json.loads((tmp_path / "run/folds/a/seed-0/done.json").read_text())
    assert done["kept_epoch"] == 1 + int(np.argmin(losses))


def test_a_run_is_continued_and_other_classes_are_rejected(classes, halves, tmp_path):
    given = {"splits": halves, "output": tmp_path / "run", "model": "gc"}
    train(classes, holdout="a", **given)
    again = train(classes, **given)
    assert (again.trained, again.skipped) == (1, 1)
    classes.table["label"] = classes.table["label"].replace("9", "nine")
    with pytest.raises(BadOption, match="this run was started with"):
        train(classes, **given)


def test_hyper_parameters_are_searched_by_the_one_against_rest_auroc(classes, tuned_halves, tmp_path):
    found = tune(
        classes, splits=tuned_halves, output=tmp_path / "search", holdout="a", search=["k=1,2"], trials=2,
        model="kmer-logistic", threads=1,
    )  # fmt: skip
    assert (found.failed, found.measure) == (0, "auROC on 9 tuning genes")
    assert 0.5 < found.value <= 1
    assert "task: multiclass" in (tmp_path / "search/best.yaml").read_text()


def test_a_sets_own_numbers_are_learned_in_their_units_and_compared_with_kmer_ridge(classes, halves, tmp_path):
    strong = [1000 * (text.count("G") + text.count("C")) / 40 for text in classes.table["sequence"]]
    classes.table["label"] = [f"{number:.2f}" for number in strong]
    result = train(classes, splits=halves, output=tmp_path / "run", model="kmer-ridge", task="regression")
    tables = [read_predictions(tmp_path / f"run/folds/{fold}/seed-0/predictions.tsv") for fold in "ab"]
    for table in tables:
        assert table["target"].tolist() == [strong[int(name[1:])] for name in table["id"]]
        assert 100 < table["logit"].mean() < 900
    assert result.pearson == pytest.approx(np.mean([pearsonr(table["target"], table["logit"])[0] for table in tables]))
    assert result.pearson > 0.8
    (model,) = evaluate(tmp_path / "run", bootstrap=0).models
    error = np.mean([np.abs(table["target"] - table["logit"]).mean() for table in tables])
    assert (model["task"], model["mean"]["MAE"]["value"]) == ("regression", pytest.approx(error))
    compared = train(
        classes, splits=halves, output=tmp_path / "net", model="kmer-sgd", task="regression", holdout="a", **SHORT
    )
    assert ", kmer-ridge 0." in compared.verdict


def test_options_for_two_classes_only_leave_no_run(classes, halves, tmp_path):
    given = {"splits": halves, "output": tmp_path / "run", "model": "mlp"}
    for options, error, message in (
        ({"calibrate": "platt"}, BadOption, "--calibrate needs two classes"),
        ({"mid": "rank"}, BadOption, "--mid rank: the set's own labels"),
        ({"task": "binary"}, BadTable, "the set has 3: 2, 9, 10; leave --task out"),
        ({"options": {"outputs": 2}}, BadOption, "the task determines"),
    ):
        with pytest.raises(error, match=message):
            train(classes, **given, **options)
    labels = pd.DataFrame({"species": ".", "id": classes.table["id"], "condition": "*", "fold": "*"})
    labels = labels.assign(expression=1.0, label="low", q1=0.5, q3=2.0)
    with pytest.raises(BadOption, match="a table of labels has only the classes low and high"):
        train(classes, labels=labels, task="multiclass", **given)
    assert not (tmp_path / "run").exists()
