import shutil

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadOption, ModelMismatch, NotWritable
from kanseq.runs.prediction_tables import read_predictions
from kanseq.runs.trained_model import read_model
from kanseq.tasks.task import log_odds
from kanseq.verbs.modelling.predict import predict
from kanseq.verbs.modelling.train import train


@pytest.fixture
def run(genes, labels, splits, tmp_path):
    train(genes, labels=labels, splits=splits, output=tmp_path / "run", model="gc")
    return tmp_path / "run"


def test_genes_of_the_run_get_the_logits_that_training_wrote(run, genes, tmp_path):
    result = predict(run, genes, output=tmp_path / "predictions.tsv")
    assert (result.genes, result.left_out, result.held_out, result.new, result.seen) == (48, 0, 48, 0, 0)
    table = read_predictions(tmp_path / "predictions.tsv")
    assert table["fold"].tolist() == ["1"] * 16 + ["2"] * 16 + ["3"] * 16
    written = [read_predictions(run / f"folds/{fold}/seed-0/predictions.tsv") for fold in "123"]
    assert table["logit"].tolist() == [logit for one in written for logit in one["logit"]]
    assert set(table["spread"]) == {""}


def test_new_genes_get_the_mean_logit_over_folds_and_its_spread(run, other_genes):
    table = predict(run, other_genes).table
    models = [read_model(run / f"folds/{fold}/seed-0/model.safetensors") for fold in "123"]
    logits = np.array([model.logits(other_genes.codes()) for model in models])
    assert table["logit"].to_numpy() == pytest.approx(logits.mean(axis=0))
    assert table["spread"].to_numpy() == pytest.approx(np.sqrt(((logits - logits.mean(axis=0)) ** 2).mean(axis=0)))
    assert set(table["fold"]) == {"mean"}
    assert set(table["role"]) == {"new"}
    assert table["target"].isna().all()


def test_genes_that_were_trained_on_are_scored_if_allowed_and_counted_as_seen(run, genes):
    shutil.rmtree(run / "folds/2")
    result = predict(run, genes, allow_seen=True)
    assert (result.held_out, result.seen, result.left_out) == (32, 16, 0)
    result = predict(run, genes, held_out_only=True)
    assert (result.held_out, result.seen, result.left_out) == (32, 0, 16)


def test_labels_in_the_set_become_targets(run, other_genes):
    other_genes.table["label"] = ["low", "high", "mid"] * 8
    target = predict(run, other_genes).table["target"]
    assert target[:2].tolist() == [0.0, 1.0]
    assert np.isnan(target[2])


@pytest.mark.parametrize("pair", [("1", "2"), ("negative", "positive")])
def test_the_two_labels_of_the_training_set_are_recognised_in_another_set(genes, other_genes, splits, tmp_path, pair):
    genes.table["label"] = [pair[0], pair[1]] * 24
    train(genes, splits=splits, output=tmp_path / "own", model="gc")
    other_genes.table["label"] = [pair[1], pair[0], "else"] * 8
    target = predict(tmp_path / "own", other_genes).table["target"]
    assert target[:2].tolist() == [1.0, 0.0]
    assert np.isnan(target[2])
    # Class names other than low and high, or 0 and 1, are stored in the model file.
    assert "own_pair" in read_model(tmp_path / "own" / "folds/1/seed-0/model.safetensors").metadata


def test_repeated_predictions_are_byte_identical(run, genes, tmp_path):
    for name in "ab":
        predict(run, genes, output=tmp_path / name, threads=1)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_invalid_arguments_are_refused_before_any_work(run, genes, tmp_path):
    with pytest.raises(BadOption, match="mutually exclusive"):
        predict(run, genes, allow_seen=True, held_out_only=True)
    with pytest.raises(NotWritable):
        predict(run, genes, output=tmp_path / "no/predictions.tsv")
    genes.write(tmp_path / "genes.parquet")
    with pytest.raises(BadOption, match=r"genes.parquet: this output would overwrite an input"):
        predict(run, tmp_path / "genes.parquet", output=tmp_path / "genes.parquet")
    (run / "folds/1/seed-0/model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelMismatch, match="truncated"):
        predict(run, genes, output=tmp_path / "predictions.tsv")
    assert not (tmp_path / "predictions.tsv").exists()


def test_genes_are_scored_by_all_seeds_of_the_folds_that_hold_them_out(genes, other_genes, labels, splits, tmp_path):
    options = {"model": "mlp", "options": {"hidden": 4}, "epochs": 1, "baseline": False}
    train(genes, labels=labels, splits=splits, output=tmp_path / "run", holdout=["1", "2"], seeds=3, **options)
    table = predict(tmp_path / "run", genes, held_out_only=True).table
    assert table["fold"].tolist() == ["1"] * 16 + ["2"] * 16
    assert set(table["models"]) == {3}
    files = [tmp_path / f"run/folds/1/seed-{seed}/predictions.tsv" for seed in range(3)]
    logits = np.array([read_predictions(file)["logit"].to_numpy() for file in files])
    assert table["logit"][:16].to_numpy() == pytest.approx(logits.mean(axis=0), rel=1e-6)
    assert table["spread"][:16].to_numpy() == pytest.approx(logits.std(axis=0), rel=1e-4)
    new = predict(tmp_path / "run", other_genes).table
    assert set(new["models"]) == {6}
    assert set(new["fold"]) == {"mean"}


def test_predictions_are_calibrated_and_called_by_the_learned_threshold(genes, other_genes, labels, splits, tmp_path):
    run = tmp_path / "run"
    train(genes, labels=labels, splits=splits, output=run, model="gc", calibrate="platt", holdout=["1", "2"])
    own = predict(run, genes, output=tmp_path / "p.tsv", held_out_only=True)
    again = read_predictions(tmp_path / "p.tsv")
    written = pd.concat([read_predictions(run / f"folds/{fold}/seed-0/predictions.tsv") for fold in "12"])
    for column in ("logit", "probability", "called"):
        assert again[column].tolist() == written[column].tolist()
    models = [read_model(run / f"folds/{fold}/seed-0/model.safetensors") for fold in "12"]
    calibrations = [model.calibrations[0] for model in models]
    assert own.table["probability"][:16].tolist() == calibrations[0].probability(own.table["logit"][:16]).tolist()
    new = predict(run, other_genes).table
    each = [one.probability(model.logits(other_genes.codes())) for one, model in zip(calibrations, models, strict=True)]
    assert new["probability"].to_numpy() == pytest.approx(np.mean(each, axis=0))
    votes = sum(p >= one.threshold for one, p in zip(calibrations, each, strict=True))
    # With two votes, a tie is decided by the mean.
    assert new["called"].tolist() == np.where(votes == 1, np.mean(each, axis=0) >= 0.5, votes == 2).tolist()


def test_each_of_several_conditions_has_its_own_row(genes, labels, splits, tmp_path):
    both = pd.concat([labels.assign(condition="leaf"), labels.assign(condition="root")])
    train(genes, labels=both, splits=splits, output=tmp_path / "run", model="gc", condition="all", holdout="1")
    result = predict(tmp_path / "run", genes, held_out_only=True)
    assert (result.genes, result.held_out, len(result.table)) == (16, 16, 32)
    assert result.table["condition"].tolist() == ["leaf", "root"] * 16
    assert result.table["id"].tolist()[:4] == ["gene00", "gene00", "gene01", "gene01"]
    # Both conditions have the same labels.
    assert result.table["logit"][::2].tolist() == result.table["logit"][1::2].tolist()


def test_regression_predicts_expression(genes, other_genes, labels, splits, tmp_path):
    options = {"model": "kmer-ridge", "task": "regression", "holdout": "1"}
    train(genes, labels=labels, splits=splits, output=tmp_path / "run", **options)
    table = predict(tmp_path / "run", other_genes).table
    assert table["logit"].between(-1, 4).all()
    assert table[["probability", "called", "target"]].isna().all(axis=None)


def test_models_of_a_negative_control_cause_a_warning(genes, labels, splits, tmp_path, caplog):
    train(genes, labels=labels, splits=splits, output=tmp_path / "run", model="gc", control="labels", holdout="1")
    assert "control" not in caplog.text
    predict(tmp_path / "run", genes, held_out_only=True)
    assert "this model was trained with control 'labels'" in caplog.text


@pytest.fixture
def of_classes(classes, halves, tmp_path):
    train(classes, splits=halves, output=tmp_path / "classes", model="gc")
    return tmp_path / "classes"


def test_predictions_of_several_classes_have_the_logits_that_training_wrote(of_classes, classes, tmp_path):
    predict(of_classes, classes, output=tmp_path / "p.tsv")
    header = (tmp_path / "p.tsv").read_text().splitlines()[0].split("\t")
    assert header[8:] == ["target", "called", "spread", "models", "logit:2", "logit:9", "logit:10"]
    table = read_predictions(tmp_path / "p.tsv")
    assert table["target"].tolist() == [2, 0, 1] * 20
    written = pd.concat(read_predictions(of_classes / f"folds/{fold}/seed-0/predictions.tsv") for fold in "ab")
    written = written.set_index("id").loc[table["id"]]
    for column in ("logit", "probability", "called", "target", "logit:2", "logit:9", "logit:10"):
        assert table[column].tolist() == written[column].tolist()


def test_new_sequences_get_the_mean_logits_of_all_models_and_the_spread_of_the_called_class(
    of_classes, classes, caplog
):
    new = classes.select(np.arange(6))
    new.table["sequence"] = [text[::-1] for text in new.table["sequence"]]
    new.table["label"] = ["9", "2", "virus", "", "10", "9"]
    table = predict(of_classes, new).table
    assert table["target"].fillna(-1).tolist() == [1, 0, -1, -1, 2, 1]
    assert "the models have no class virus: these sequences get no target" in caplog.text
    models = [read_model(of_classes / f"folds/{fold}/seed-0/model.safetensors") for fold in "ab"]
    logits = np.array([model.logits(new.codes()) for model in models])
    assert table[["logit:2", "logit:9", "logit:10"]].to_numpy() == pytest.approx(logits.mean(axis=0))
    called = logits.mean(axis=0).argmax(axis=1)
    assert table["called"].tolist() == called.tolist()
    odds = log_odds(logits)[:, np.arange(6), called]
    assert table["spread"].to_numpy() == pytest.approx(odds.std(axis=0))
    probability = np.exp(logits.mean(axis=0))
    probability /= probability.sum(axis=1, keepdims=True)
    assert table["probability"].to_numpy() == pytest.approx(probability.max(axis=1))
    assert table["logit"].to_numpy() == pytest.approx(np.log(probability.max(axis=1) / (1 - probability.max(axis=1))))


def test_numeric_labels_are_targets_for_models_that_learned_numeric_labels_of_a_set(
    classes, halves, labels, genes, splits, tmp_path
):
    classes.table["label"] = [f"{row * row}" for row in range(60)]
    train(classes, splits=halves, output=tmp_path / "own", model="kmer-ridge", task="regression", holdout="a")
    new = classes.select(np.arange(4))
    new.table["sequence"] = [text[::-1] for text in new.table["sequence"]]
    new.table["label"] = ["7.5", "", "word", "inf"]
    assert predict(tmp_path / "own", new).table["target"].fillna(-1).tolist() == [7.5, -1, -1, -1]
    train(genes, labels=labels, splits=splits, output=tmp_path / "run", model="kmer-ridge", task="regression")
    genes.table["label"] = "7.5"
    assert predict(tmp_path / "run", genes).table["target"].isna().all()
