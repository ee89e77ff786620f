"""``kanseq evaluate`` with three or more classes, and with folds that have the same test genes."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.metrics import f1_score, matthews_corrcoef, roc_auc_score

from kanseq.errors import BadTable, OneClass
from kanseq.evaluation.metrics import METRICS
from kanseq.tasks.task import log_odds
from kanseq.verbs.modelling.evaluate import evaluate

NAMES = ("exon", "intron", "other")


def table_of(path, signal=1.0, folds="12", number=60, seed=0, names=NAMES, **columns):
    """Write predictions of three alternating classes; folds have different test genes."""
    random = np.random.default_rng(seed)
    parts = []
    for fold in folds:
        target = np.arange(number) % 3
        logits = random.normal(size=(number, 3)) + signal * np.eye(3)[target]
        called = logits.argmax(axis=1)
        own = np.arange(number), called
        parts.append(
            pd.DataFrame(
                {
                    **{"species": ".", "id": [f"{fold}-{row}" for row in range(number)], "condition": "*", "chrom": ""},
                    **{"fold": fold, "role": "test", "logit": log_odds(logits)[own]},
                    **{"probability": softmax(logits, axis=1)[own], "target": target, "called": called},
                    **{f"logit:{name}": logits[:, at] for at, name in enumerate(names)},
                }
            )
        )
    table = pd.concat(parts, ignore_index=True).assign(**columns)
    table.to_csv(path, sep="\t", index=False)
    return table


def logits_of(table):
    return table[[f"logit:{name}" for name in NAMES]].to_numpy()


def by_fold(table, metric):
    return np.mean([metric(rows) for _, rows in table.groupby("fold")])


def auroc_of(rows):
    return roc_auc_score(rows["target"], softmax(logits_of(rows), axis=1), multi_class="ovr")


def f1_of(rows):
    return f1_score(rows["target"], rows["called"], average="macro")


def mcc_of(rows):
    return matthews_corrcoef(rows["target"], rows["called"])


def test_classes_are_scored_one_against_the_rest_and_named_in_the_files(tmp_path):
    table = table_of(tmp_path / "net.tsv")
    outputs = {"output": tmp_path / "metrics.json", "table": tmp_path / "metrics.tsv"}
    result = evaluate(tmp_path / "net.tsv", **outputs, bootstrap=50)
    (model,) = json.loads((tmp_path / "metrics.json").read_text())["models"]
    assert (model["task"], model["classes"], model["mean"]["n"]) == ("multiclass", list(NAMES), 120)
    assert model["mean"]["auROC"]["value"] == pytest.approx(by_fold(table, auroc_of))
    assert model["mean"]["F1"]["value"] == pytest.approx(by_fold(table, f1_of))
    assert model["mean"]["MCC"]["value"] == pytest.approx(by_fold(table, mcc_of))
    assert model["pooled"]["MCC"]["value"] == pytest.approx(mcc_of(table))
    assert all(
        model["mean"][name]["low"] < model["mean"][name]["value"] < model["mean"][name]["high"] for name in METRICS
    )
    assert "high" not in model["mean"]
    assert "high" not in model["folds"][0]
    header = (tmp_path / "metrics.tsv").read_text().splitlines()[0].split("\t")
    assert [name for name in header[3:] if "_" not in name] == [*METRICS, "seeds"]
    assert " ".join(result.text.splitlines()[0].split()[3:]) == "auROC [95 %] auPRC MCC accuracy F1 Brier ECE"


def test_models_of_the_same_classes_are_compared_and_others_are_not(tmp_path):
    for name, signal, seed in (("net", 2.0, 1), ("kmer-logistic", 0.5, 2)):
        table_of(tmp_path / f"{name}.tsv", signal, seed=seed)
    table_of(tmp_path / "foreign.tsv", names=("exon", "intron", "none"))
    result = evaluate([tmp_path / f"{name}.tsv" for name in ("net", "kmer-logistic", "foreign")], bootstrap=100)
    (compared,) = result.comparisons
    assert (compared["model"], compared["against"], compared["delong"]) == ("net", "kmer-logistic", None)
    net, plain, _ = (model["mean"] for model in result.models)
    for name in METRICS:
        assert compared[name]["value"] == pytest.approx(net[name]["value"] - plain[name]["value"])
    assert compared["MCC"]["low"] > 0


def test_the_same_predictions_have_no_difference_in_any_draw(tmp_path):
    for name in ("a", "b"):
        table_of(tmp_path / f"{name}.tsv")
    (compared,) = evaluate([tmp_path / "a.tsv", tmp_path / "b.tsv"], bootstrap=30).comparisons
    assert all(compared[name] == {"value": 0.0, "low": 0.0, "high": 0.0} for name in METRICS)


def test_the_ensemble_averages_the_logits_of_each_class(tmp_path):
    tables = [table_of(tmp_path / "x.tsv", seed=seed).assign(seed=seed) for seed in range(3)]
    pd.concat(tables).to_csv(tmp_path / "x.tsv", sep="\t", index=False)
    seeds, ensemble = evaluate(tmp_path / "x.tsv", ensemble=True, bootstrap=20).models
    assert (seeds["name"], ensemble["name"]) == ("x (3 seeds)", "x (ensemble)")
    assert seeds["mean"]["MCC"]["value"] == pytest.approx(np.mean([by_fold(table, mcc_of) for table in tables]))
    mean = np.mean([logits_of(table) for table in tables], axis=0)
    together = tables[0].assign(**{f"logit:{name}": mean[:, at] for at, name in enumerate(NAMES)})
    together["called"] = mean.argmax(axis=1)
    assert ensemble["mean"]["MCC"]["value"] == pytest.approx(by_fold(together, mcc_of))
    assert ensemble["mean"]["auROC"]["value"] == pytest.approx(by_fold(together, auroc_of))


def test_folds_with_the_same_test_genes_have_the_interval_of_one_fold(tmp_path):
    table = table_of(tmp_path / "one.tsv", folds="c")
    several = [table.assign(fold=fold) for fold in "cdefg"]
    pd.concat(several).to_csv(tmp_path / "five.tsv", sep="\t", index=False)
    one, five = (evaluate(tmp_path / f"{name}.tsv", bootstrap=100).models[0] for name in ("one", "five"))
    for name in METRICS:
        assert five["mean"][name] == pytest.approx(one["mean"][name])
        assert five["weighted_by_genes"][name] == pytest.approx(one["mean"][name])
        assert [fold[name] for fold in five["folds"]] == [one["folds"][0][name]] * 5


def test_a_fold_with_one_more_gene_is_drawn_separately(tmp_path):
    table = table_of(tmp_path / "x.tsv", folds="c", number=61)
    same, more = (table.iloc[:60].assign(fold="d"), table.assign(fold="d"))
    found = []
    for other in (same, more):
        pd.concat([table.iloc[:60], other]).to_csv(tmp_path / "x.tsv", sep="\t", index=False)
        folds = evaluate(tmp_path / "x.tsv", bootstrap=100).models[0]["folds"]
        found.append([fold["accuracy"]["low"] for fold in folds])
    assert found[0][0] == found[0][1]
    pd.concat([more]).to_csv(tmp_path / "alone.tsv", sep="\t", index=False)
    (alone,) = evaluate(tmp_path / "alone.tsv", bootstrap=100).models[0]["folds"]
    assert found[1][1] == alone["accuracy"]["low"]


def test_models_of_two_and_of_several_classes_are_listed_together(tmp_path):
    table = table_of(tmp_path / "several.tsv", folds="1")
    two = table[table["target"] < 2].drop(columns=[f"logit:{name}" for name in NAMES]).assign(called="")
    two.to_csv(tmp_path / "two.tsv", sep="\t", index=False)
    result = evaluate([tmp_path / "two.tsv", tmp_path / "several.tsv"], table=tmp_path / "metrics.tsv", bootstrap=0)
    assert [model["task"] for model in result.models] == ["binary", "multiclass"]
    assert result.comparisons == []
    header = (tmp_path / "metrics.tsv").read_text().splitlines()[0].split("\t")
    assert len(header) == len(set(header))


def test_folds_of_one_class_and_missing_logits_are_rejected(tmp_path):
    table = table_of(tmp_path / "x.tsv", target=2)
    with pytest.raises(OneClass, match="fold '1' of x: all 60 scored genes are labelled other"):
        evaluate(tmp_path / "x.tsv")
    table = table_of(tmp_path / "x.tsv")
    table.loc[7, "logit:intron"] = np.nan
    table.to_csv(tmp_path / "x.tsv", sep="\t", index=False)
    with pytest.raises(BadTable, match=r"x\.tsv:9: logit:intron '' is not allowed"):
        evaluate(tmp_path / "x.tsv", output=tmp_path / "metrics.json")
    assert not (tmp_path / "metrics.json").exists()
