import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from kanseq.errors import BadOption, MissingFile, OneClass, UnknownGene
from kanseq.training.evaluation import evaluate
from kanseq.training.fitting import train


def predictions(path, noise=0.0, folds="12", genes=40, seed=0):
    """A table whose logits tell the classes apart but for some noise."""
    random = np.random.default_rng(seed)
    parts = []
    for fold in folds:
        target = np.arange(genes) % 2
        logit = (2 * target - 1) + noise * random.normal(size=genes)
        names = [f"{fold}-{row:03d}" for row in range(genes)]
        parts.append(pd.DataFrame({"id": names, "fold": fold, "logit": logit, "target": target}))
    table = pd.concat(parts).assign(species=".", condition="*", chrom="1", role="test")
    table = table.assign(probability=1 / (1 + np.exp(-table["logit"])))
    table.to_csv(path, sep="\t", index=False)
    return path, table


@pytest.fixture
def run(genes, labels, splits, tmp_path):
    options = {"labels": labels, "splits": splits, "output": tmp_path / "run", "model": "mlp", "epochs": 1}
    train(genes, **options)
    return tmp_path / "run"


def test_the_mean_over_folds_is_the_mean_and_pooled_is_all_at_once(tmp_path):
    path, table = predictions(tmp_path / "noisy.tsv", noise=2.0)
    model = evaluate(path, bootstrap=50).models[0]
    by_fold = [roc_auc_score(rows["target"], rows["logit"]) for _, rows in table.groupby("fold")]
    assert [fold["auROC"]["value"] for fold in model["folds"]] == pytest.approx(by_fold)
    assert model["mean"]["auROC"]["value"] == pytest.approx(np.mean(by_fold))
    assert model["pooled"]["auROC"]["value"] == pytest.approx(roc_auc_score(table["target"], table["logit"]))
    assert (model["mean"]["n"], model["mean"]["high"]) == (80, 40)


def test_intervals_hold_the_value_and_narrow_with_more_genes(tmp_path):
    few, many = (
        evaluate(predictions(tmp_path / f"{genes}.tsv", 2.0, genes=genes)[0]).models[0]["mean"]["auROC"]
        for genes in (40, 640)
    )
    assert few["low"] < few["value"] < few["high"]
    assert many["high"] - many["low"] < 0.5 * (few["high"] - few["low"])


def test_folds_are_drawn_independently(tmp_path):
    path, table = predictions(tmp_path / "one.tsv", 2.0, folds="1234")
    first = table.loc[table["fold"] == "1", ["logit", "probability"]].to_numpy()
    table[["logit", "probability"]] = np.tile(first, (4, 1))
    table.to_csv(path, sep="\t", index=False)
    (model,) = evaluate(path).models
    one, mean = (scored["auROC"]["high"] - scored["auROC"]["low"] for scored in (model["folds"][0], model["mean"]))
    # Four folds halve the error of one, unless all of them draw the same genes.
    assert 0.4 < mean / one < 0.6


def test_differences_are_paired_over_the_same_genes(tmp_path):
    path, table = predictions(tmp_path / "one.tsv", 2.0)
    table.assign(logit=2 * table["logit"]).to_csv(tmp_path / "two.tsv", sep="\t", index=False)
    compared = evaluate([path, tmp_path / "two.tsv"], bootstrap=50).comparisons
    nothing = {"value": 0.0, "low": 0.0, "high": 0.0}
    assert compared == [{"model": "two", "against": "one", "auROC": nothing}]


def test_a_run_stands_beside_its_kmer_logistic(run):
    result = evaluate(run, bootstrap=20)
    assert [model["name"] for model in result.models] == ["mlp", "kmer-logistic"]
    assert [fold["fold"] for fold in result.models[0]["folds"]] == ["1", "2", "3"]
    # Of 16 genes per chromosome the mid ones 5, 17, 29 and 41 are not scored.
    assert [fold["n"] for fold in result.models[0]["folds"]] == [15, 14, 15]
    assert result.comparisons[0]["against"] == "kmer-logistic"


def test_the_same_plain_model_is_listed_once(run, genes, labels, splits, tmp_path):
    train(genes, labels=labels, splits=splits, output=tmp_path / "plain", model="kmer-logistic")
    train(genes, labels=labels, splits=splits, output=tmp_path / "second", model="mlp", epochs=2)
    names = [model["name"] for model in evaluate([run, tmp_path / "plain", tmp_path / "second"], bootstrap=0).models]
    assert names == ["mlp (run)", "kmer-logistic", "mlp (second)"]


def test_seeds_of_a_fold_are_averaged(run, genes, labels, splits):
    one = evaluate(run, bootstrap=0, folds=["1"]).models[0]["mean"]["auROC"]["value"]
    train(genes, labels=labels, splits=splits, output=run, model="mlp", epochs=1, seed=1, holdout="1")
    table = pd.read_csv(run / "folds/1/seed-1/predictions.tsv", sep="\t").dropna()
    two = roc_auc_score(table["target"], table["logit"])
    fold = evaluate(run, bootstrap=0, folds=["1"]).models[0]["folds"][0]
    assert fold["seeds"] == 2
    assert fold["auROC"] == {"value": pytest.approx((one + two) / 2), "low": None, "high": None}


def test_files_hold_every_model_and_fold_and_are_the_same_every_time(tmp_path):
    path, _ = predictions(tmp_path / "one.tsv", 1.0)
    for name in "ab":
        evaluate(path, output=tmp_path / f"{name}.json", table=tmp_path / f"{name}.tsv", bootstrap=20)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert "pooled scores mix" in json.loads((tmp_path / "a.json").read_text())["note"]
    table = pd.read_csv(tmp_path / "a.tsv", sep="\t")
    assert table["fold"].tolist() == ["1", "2", "mean", "pooled"]
    assert (table["auROC_low"] <= table["auROC"]).all()


def test_the_table_is_aligned(tmp_path):
    text = evaluate(
        [predictions(tmp_path / "a.tsv")[0], predictions(tmp_path / "longer.tsv", 1.0)[0]], bootstrap=0
    ).text
    lines = text.splitlines()
    assert lines[0].split() == [
        "model",
        "folds",
        "genes",
        "auROC",
        "[95",
        "%]",
        "auPRC",
        "MCC",
        "accuracy",
        "F1",
        "Brier",
    ]
    assert lines[1].split()[:4] == ["a", "2", "80", "1.000"]
    assert len({len(line) for line in lines[:3]}) == 1
    assert lines[3].startswith("longer - a: auROC -")


def test_genes_without_target_and_seen_ones_do_not_count(tmp_path, caplog):
    path, table = predictions(tmp_path / "one.tsv")
    table = table.astype({"target": float}).reset_index(drop=True)
    table.loc[0, "target"] = np.nan
    table.loc[1, "role"] = "unused"
    table.loc[2, "role"] = "seen"
    table.to_csv(path, sep="\t", index=False)
    assert [fold["n"] for fold in evaluate(path, bootstrap=0).models[0]["folds"]] == [37, 40]
    assert "trained on are left out" in caplog.text


def test_models_on_different_genes_are_a_warning(tmp_path, caplog):
    paths = [predictions(tmp_path / "a.tsv")[0], predictions(tmp_path / "b.tsv", genes=38)[0]]
    assert evaluate(paths, bootstrap=0).comparisons == []
    assert "a and b are scored on different genes" in caplog.text


def test_a_fold_of_one_class_is_named_and_can_be_left_out(tmp_path):
    path, table = predictions(tmp_path / "one.tsv", folds="123")
    table.loc[table["fold"] == "2", "target"] = 1
    table.to_csv(path, sep="\t", index=False)
    with pytest.raises(OneClass, match=r"fold '2' of one: all 40 scored genes are labelled high.*--fold"):
        evaluate(path, output=tmp_path / "metrics.json")
    assert not (tmp_path / "metrics.json").exists()
    assert len(evaluate(path, folds=["1", "3"], bootstrap=0).models[0]["folds"]) == 2


def test_missing_things_are_named(tmp_path):
    path, table = predictions(tmp_path / "one.tsv")
    with pytest.raises(BadOption, match="no fold '7'"):
        evaluate(path, folds=["7"])
    table.assign(target="").to_csv(path, sep="\t", index=False)
    with pytest.raises(UnknownGene, match="no gene with a target"):
        evaluate(path)
    with pytest.raises(BadOption, match="would overwrite an input"):
        evaluate(path, table=path)
    with pytest.raises(MissingFile):
        evaluate(tmp_path / "none")
    with pytest.raises(BadOption):
        evaluate([])
