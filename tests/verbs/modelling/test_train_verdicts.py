"""Scores of a run for each task, seed, condition and control, and the comparison with its baseline."""

import logging

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from kanseq.errors import BadOption
from kanseq.runs.description import read_run
from kanseq.runs.prediction_tables import read_predictions
from kanseq.runs.trained_model import load_arrays, read_model
from kanseq.training import baselines
from tests.verbs.modelling.trained_runs import SMALL, run


def test_the_verdict_compares_with_kmer_logistic_and_names_the_better_model(inputs, tmp_path):
    result = run(inputs, tmp_path / "run", baseline=True)
    assert result.baseline_auroc == 1.0
    assert f"mlp auROC {result.auroc:.3f}, kmer-logistic 1.000" in result.verdict
    assert result.verdict.endswith("kmer-logistic is better")
    assert (tmp_path / "run/folds/3/kmer-logistic/predictions.tsv").exists()
    alone = run(inputs, tmp_path / "plain", model="kmer-logistic", baseline=True)
    assert alone.auroc == result.baseline_auroc
    assert alone.baseline_auroc is None


def test_the_baseline_inside_a_run_equals_a_separate_run(inputs, tmp_path):
    run(inputs, tmp_path / "run", baseline=True, holdout="1")
    run(inputs, tmp_path / "plain", model="kmer-logistic", holdout="1")
    name = "model.safetensors"
    inside, alone = tmp_path / "run/folds/1/kmer-logistic" / name, tmp_path / "plain/folds/1/seed-0" / name
    assert inside.read_bytes() == alone.read_bytes()


def test_several_seeds_are_trained_into_one_run_and_their_spread_is_reported(inputs, tmp_path):
    result = run(inputs, tmp_path / "run", **SMALL, seed=[4, 0])
    assert (result.trained, result.seeds) == (2, [4, 0])
    tables = [read_predictions(tmp_path / f"run/folds/1/seed-{seed}/predictions.tsv") for seed in (4, 0)]
    assert not np.allclose(tables[0]["logit"], tables[1]["logit"])
    known = [table.dropna(subset="target") for table in tables]
    scores = [roc_auc_score(table["target"], table["logit"]) for table in known]
    assert result.auroc == pytest.approx(np.mean(scores))
    assert result.auroc_spread == pytest.approx(np.std(scores, ddof=1))
    assert f"{result.auroc:.3f} ± {result.auroc_spread:.3f} on held-out genes (one fold, 2 seeds)" in result.verdict
    again = run(inputs, tmp_path / "run", **SMALL, seeds=2)
    assert (again.trained, again.skipped, again.seeds) == (1, 1, [0, 1])


def test_regression_is_compared_with_ridge_and_also_learns_from_mid_genes(inputs, tmp_path):
    result = run(inputs, tmp_path / "run", **SMALL, task="regression", baseline=True)
    assert result.genes == {"1": 32}
    assert result.auroc is result.baseline_auroc is None
    assert f"mlp Pearson r {result.pearson:.3f}, kmer-ridge {result.baseline_pearson:.3f}" in result.verdict
    folder = tmp_path / "run/folds/1"
    table = read_predictions(folder / "seed-0/predictions.tsv")
    assert table["target"].tolist() == [0.5, 2.0, 0.5, 2.0, 0.5, 1.0, 0.5, 2.0] + [0.5, 2.0] * 4
    assert result.pearson == pytest.approx(np.corrcoef(table["target"], table["logit"])[0, 1])
    assert (folder / "kmer-ridge/done.json").exists()
    # Training genes: 16 at 0.5, 13 at 2, 3 at 1.
    task = read_model(folder / "seed-0/model.safetensors").task
    assert task.mean == (pytest.approx((16 * 0.5 + 13 * 2 + 3) / 32),)
    assert task == read_model(folder / "kmer-ridge/model.safetensors").task


def test_several_conditions_are_outputs_of_one_network_and_separate_baselines(inputs, labels, genes, tmp_path):
    root = labels[labels["id"] > "gene19"].assign(condition="root")
    root["label"] = root["label"].map({"low": "high", "high": "low", "mid": "mid"})
    labels.assign(condition="leaf").to_csv(inputs.labels, sep="\t", index=False)
    root.to_csv(tmp_path / "root.tsv", sep="\t", index=False)
    given = inputs._replace(labels=[inputs.labels, tmp_path / "root.tsv"])
    result = run(given, tmp_path / "run", **SMALL, condition=["leaf", "root"], baseline=True)
    folder = tmp_path / "run/folds/1"
    table = read_predictions(folder / "kmer-logistic/predictions.tsv")
    assert table["condition"].tolist() == ["leaf", "root"] * 16
    assert table[table["condition"] == "root"]["target"].isna().all()
    # Genes that are high in leaf are low in root.
    logits = table["logit"].to_numpy().reshape(16, 2)
    assert np.corrcoef(logits.T)[0, 1] < -0.9
    model = read_model(folder / "seed-0/model.safetensors")
    assert (model.task.conditions, model.config.outputs) == (("leaf", "root"), 2)
    assert model.logits(genes.codes(np.arange(3))).shape == (3, 2)
    described = read_run(tmp_path / "run")
    assert described.settings["condition"] == ["leaf", "root"]
    assert [fact["name"] for fact in described.inputs.values()] == [
        "genes.parquet", "labels.tsv", "root.tsv", "splits.tsv",
    ]  # fmt: skip
    assert result.genes == {"1": 29}
    root.assign(q1=0.25).to_csv(tmp_path / "root.tsv", sep="\t", index=False)
    with pytest.raises(BadOption, match="started with different inputs: labels 2"):
        run(given, tmp_path / "run", **SMALL, condition=["leaf", "root"])


def test_a_control_is_recorded_reported_and_applied_to_the_baseline(inputs, tmp_path):
    assert not run(inputs, tmp_path / "plain", **SMALL, baseline=True).verdict.startswith("control")
    result = run(inputs, tmp_path / "run", **SMALL, baseline=True, control="labels")
    assert result.verdict.startswith("control 'labels' (the labels of its training genes were shuffled): mlp auROC ")
    for name in ("seed-0", "kmer-logistic"):
        files = [tmp_path / f"{run}/folds/1/{name}/model.safetensors" for run in ("plain", "run")]
        assert [read_model(file).metadata["control"] for file in files] == ["none", "labels"]
        weights = [load_arrays(file)[0] for file in files]
        assert any((weights[0][key] != weights[1][key]).any() for key in weights[0])
    assert read_run(tmp_path / "run").settings["control"] == "labels"


def test_a_baseline_too_large_for_memory_is_skipped(inputs, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(baselines, "MOST_BYTES", 10)
    with caplog.at_level(logging.WARNING):
        done = run(inputs, tmp_path / "run", baseline=True, holdout="1", epochs=1)
    assert done.baseline_auroc is None
    assert "kmer-logistic is not trained: the counts of" in caplog.text
