"""Scores of several seeds: their mean, their spread, and the ensemble of their predictions."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, matthews_corrcoef, roc_auc_score

from kanseq.errors import BadTable, UnknownGene
from kanseq.verbs.modelling.evaluate import evaluate
from kanseq.verbs.modelling.train import train
from tests.verbs.modelling.predicted_tables import predictions, seeds_of


def test_seeds_share_one_row_with_their_spread(tmp_path):
    path, tables = seeds_of(tmp_path / "x.tsv")
    result = evaluate(path, table=tmp_path / "x.metrics.tsv", bootstrap=50)
    (model,) = result.models
    by_seed = [
        np.mean([roc_auc_score(rows["target"], rows["logit"]) for _, rows in table.groupby("fold")]) for table in tables
    ]
    assert (model["name"], model["seeds"]) == ("x (3 seeds)", [0, 1, 2])
    assert model["mean"]["auROC"]["value"] == pytest.approx(np.mean(by_seed))
    assert model["spread"]["auROC"] == {
        "sd": pytest.approx(np.std(by_seed, ddof=1)),
        "min": pytest.approx(min(by_seed)),
        "max": pytest.approx(max(by_seed)),
        "by_seed": {str(seed): pytest.approx(value) for seed, value in enumerate(by_seed)},
    }
    line = result.text.splitlines()[1]
    assert line.startswith("x (3 seeds)")
    assert line.endswith(f"{np.std(by_seed, ddof=1):.3f}")
    rows = pd.read_csv(tmp_path / "x.metrics.tsv", sep="\t").set_index("fold")
    assert rows.at["mean", "auROC_sd"] == pytest.approx(np.std(by_seed, ddof=1), abs=1e-5)
    assert rows["auROC_sd"].notna().sum() == 1


def test_more_seeds_do_not_narrow_intervals(tmp_path):
    path, table = predictions(tmp_path / "one.tsv", 2.0)
    pd.concat([table.assign(seed=seed) for seed in range(5)]).to_csv(tmp_path / "five.tsv", sep="\t", index=False)
    one, five = evaluate([path, tmp_path / "five.tsv"], bootstrap=50).models
    for metric in ("auROC", "auPRC", "MCC", "accuracy", "F1", "Brier", "ECE"):
        assert five["mean"][metric] == pytest.approx(one["mean"][metric])
    assert five["spread"]["auROC"]["sd"] == 0.0
    assert one["spread"] is None


def test_the_ensemble_is_the_mean_of_the_logits(tmp_path):
    path, tables = seeds_of(tmp_path / "x.tsv")
    mean = tables[0].assign(logit=np.mean([table["logit"] for table in tables], axis=0))
    seeds, ensemble = evaluate(path, bootstrap=0, ensemble=True).models
    assert (seeds["name"], ensemble["name"], ensemble["ensemble"]) == ("x (3 seeds)", "x (ensemble)", True)
    assert (ensemble["seeds"], ensemble["spread"]) == ([0, 1, 2], None)
    for name, metric, column in (
        ("auROC", roc_auc_score, lambda logit: logit),
        ("Brier", brier_score_loss, lambda logit: 1 / (1 + np.exp(-logit))),
        ("MCC", matthews_corrcoef, lambda logit: logit >= 0),
    ):
        expected = np.mean([metric(rows["target"], column(rows["logit"])) for _, rows in mean.groupby("fold")])
        assert ensemble["mean"][name]["value"] == pytest.approx(expected)


def test_an_ensemble_of_calibrated_seeds_averages_probabilities_and_votes(tmp_path):
    path, tables = seeds_of(tmp_path / "x.tsv")
    calibrated = [
        table.assign(probability=1 / (1 + np.exp(-0.5 * table["logit"])), called=table["logit"] > seed - 1)
        for seed, table in enumerate(tables)
    ]
    pd.concat(calibrated).astype({"called": int}).to_csv(path, sep="\t", index=False)
    ensemble = evaluate(path, bootstrap=0, ensemble=True).models[1]["mean"]
    probability = np.mean([table["probability"] for table in calibrated], axis=0)
    votes = np.sum([table["called"] for table in calibrated], axis=0)
    mean = calibrated[0].assign(probability=probability, called=votes >= 2)
    for name, metric, column in (("Brier", brier_score_loss, "probability"), ("MCC", matthews_corrcoef, "called")):
        expected = np.mean([metric(rows["target"], rows[column]) for _, rows in mean.groupby("fold")])
        assert ensemble[name]["value"] == pytest.approx(expected)


def test_an_ensemble_of_one_seed_causes_a_warning(tmp_path, caplog):
    assert len(evaluate(predictions(tmp_path / "x.tsv")[0], bootstrap=0, ensemble=True).models) == 1
    assert "no model has several seeds" in caplog.text


def test_the_spread_is_over_the_seeds_that_all_folds_have(tmp_path, caplog):
    path, tables = seeds_of(tmp_path / "x.tsv")
    tables[2] = tables[2][tables[2]["fold"] == "1"]
    pd.concat(tables).to_csv(path, sep="\t", index=False)
    (model,) = evaluate(path, bootstrap=0).models
    assert model["name"] == "x (2 to 3 seeds)"
    assert list(model["spread"]["auROC"]["by_seed"]) == ["0", "1"]
    assert "different numbers of seeds" in caplog.text


def test_seeds_of_a_run_are_read_from_its_folders(run, genes, labels, splits):
    one = evaluate(run, bootstrap=0, folds=["1"]).models[0]["mean"]["auROC"]["value"]
    train(genes, labels=labels, splits=splits, output=run, model="mlp", epochs=1, seed=1, holdout="1")
    table = pd.read_csv(run / "folds/1/seed-1/predictions.tsv", sep="\t").dropna(subset="target")
    two = roc_auc_score(table["target"], table["logit"])
    model = evaluate(run, bootstrap=0, folds=["1"]).models[0]
    assert model["name"] == "mlp (2 seeds)"
    assert model["folds"][0]["seeds"] == 2
    assert model["folds"][0]["auROC"] == {"value": pytest.approx((one + two) / 2), "low": None, "high": None}


def test_seeds_of_a_fold_must_score_the_same_genes(tmp_path):
    path, tables = seeds_of(tmp_path / "x.tsv")
    pd.concat([tables[0], tables[1].iloc[1:]]).to_csv(path, sep="\t", index=False)
    with pytest.raises(UnknownGene, match="the seeds of fold '1' of x are scored on different genes"):
        evaluate(path)
    pd.concat([tables[0].assign(seed="first"), tables[1]]).to_csv(path, sep="\t", index=False)
    with pytest.raises(BadTable, match="seed 'first' is not a whole number"):
        evaluate(path)
