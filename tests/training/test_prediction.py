import shutil

import numpy as np
import pytest

from kanseq.errors import BadOption, ModelMismatch, NotWritable
from kanseq.training.checkpoints import load_model
from kanseq.training.fitting import train
from kanseq.training.prediction import predict
from kanseq.training.tables import read_predictions


@pytest.fixture
def run(genes, labels, splits, tmp_path):
    train(genes, labels=labels, splits=splits, output=tmp_path / "run", model="gc")
    return tmp_path / "run"


def test_the_runs_own_genes_get_the_logits_that_training_wrote(run, genes, tmp_path):
    result = predict(run, genes, output=tmp_path / "predictions.tsv")
    assert (result.genes, result.left_out, result.held_out, result.new, result.seen) == (48, 0, 48, 0, 0)
    table = read_predictions(tmp_path / "predictions.tsv")
    assert table["fold"].tolist() == ["1"] * 16 + ["2"] * 16 + ["3"] * 16
    written = [read_predictions(run / f"folds/{fold}/seed-0/predictions.tsv") for fold in "123"]
    assert table["logit"].tolist() == [logit for one in written for logit in one["logit"]]
    assert set(table["spread"]) == {""}


def test_new_genes_get_the_mean_logit_over_folds_and_its_spread(run, other_genes):
    table = predict(run, other_genes).table
    models = [load_model(run / f"folds/{fold}/seed-0/model.safetensors") for fold in "123"]
    logits = np.array([model.logits(other_genes.codes()) for model in models])
    assert table["logit"].to_numpy() == pytest.approx(logits.mean(axis=0))
    assert table["spread"].to_numpy() == pytest.approx(np.sqrt(((logits - logits.mean(axis=0)) ** 2).mean(axis=0)))
    assert set(table["fold"]) == {"mean"}
    assert set(table["role"]) == {"new"}
    assert table["target"].isna().all()


def test_genes_that_were_seen_are_scored_where_allowed_and_say_so(run, genes):
    shutil.rmtree(run / "folds/2")
    result = predict(run, genes, allow_seen=True)
    assert (result.held_out, result.seen, result.left_out) == (32, 16, 0)
    result = predict(run, genes, held_out_only=True)
    assert (result.held_out, result.seen, result.left_out) == (32, 0, 16)


def test_labels_that_the_set_carries_become_targets(run, other_genes):
    other_genes.table["label"] = ["low", "high", "mid"] * 8
    target = predict(run, other_genes).table["target"]
    assert target[:2].tolist() == [0.0, 1.0]
    assert np.isnan(target[2])


def test_predictions_are_the_same_bytes_every_time(run, genes, tmp_path):
    for name in "ab":
        predict(run, genes, output=tmp_path / name, threads=1)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_senseless_calls_are_refused_before_any_work(run, genes, tmp_path):
    with pytest.raises(BadOption, match="exclude"):
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
