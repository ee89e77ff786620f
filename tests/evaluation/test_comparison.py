import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from kanseq.errors import BadOption
from kanseq.evaluation.delong import delong
from kanseq.verbs.modelling.evaluate import evaluate


def table_of(path, noise=2.0, seed=0, folds="12", genes=40, **columns):
    """Write predictions of genes with alternating classes."""
    random = np.random.default_rng(seed)
    parts = []
    for fold in folds:
        target = np.arange(genes) % 2
        logit = (2 * target - 1) + noise * random.normal(size=genes)
        names = [f"{fold}-{row:03d}" for row in range(genes)]
        parts.append(pd.DataFrame({"id": names, "fold": fold, "logit": logit, "target": target}))
    table = pd.concat(parts, ignore_index=True).assign(species=".", chrom="1", role="test")
    table = table.assign(**{"condition": "*", "probability": 1 / (1 + np.exp(-table["logit"])), **columns})
    table.to_csv(path, sep="\t", index=False)
    return table


@pytest.fixture
def paths(tmp_path):
    """Return tables of a model, a worse one, and the baseline."""
    for at, (name, noise) in enumerate((("kan", 2.0), ("mlp", 4.0), ("kmer-logistic", 1.0))):
        table_of(tmp_path / f"{name}.tsv", noise, seed=at)
    return {name: tmp_path / f"{name}.tsv" for name in ("kan", "mlp", "kmer-logistic")}


def test_differences_are_paired_over_the_same_genes(tmp_path, paths):
    twice = pd.read_csv(paths["kan"], sep="\t")
    twice.assign(logit=2 * twice["logit"]).to_csv(tmp_path / "twice.tsv", sep="\t", index=False)
    (compared,) = evaluate([paths["kan"], tmp_path / "twice.tsv"], bootstrap=50).comparisons
    nothing = {"value": 0.0, "low": 0.0, "high": 0.0}
    assert [compared[name] for name in ("auROC", "auPRC", "Brier", "ECE", "MCC")] == [nothing] * 5
    assert (compared["model"], compared["against"]) == ("twice", "kan")
    assert (compared["delong"]["z"], compared["delong"]["p"]) == (0.0, 1.0)


def test_every_metric_is_the_difference_of_the_two_means(paths):
    result = evaluate(list(paths.values()), bootstrap=50)
    kan, _, plain = (model["mean"] for model in result.models)
    compared = result.comparisons[0]
    for name in ("accuracy", "auROC", "auPRC", "MCC", "F1", "Brier", "ECE"):
        assert compared[name]["value"] == pytest.approx(kan[name]["value"] - plain[name]["value"])
        assert compared[name]["low"] < compared[name]["value"] < compared[name]["high"]


def test_delong_is_reported_per_fold_and_for_the_mean(paths):
    compared = evaluate(list(paths.values()), bootstrap=0).comparisons[0]
    tables = [pd.read_csv(paths[name], sep="\t").groupby("fold") for name in ("kan", "kmer-logistic")]
    tests = [
        delong(*(rows[name].to_numpy() for rows, name in ((kan, "target"), (kan, "logit"), (kmer, "logit"))))
        for (_, kan), (_, kmer) in zip(*tables, strict=True)
    ]
    assert [fold["fold"] for fold in compared["delong"]["folds"]] == ["1", "2"]
    assert [fold["p"] for fold in compared["delong"]["folds"]] == pytest.approx([test.p for test in tests])
    z = sum(test.difference for test in tests) / sum(test.variance for test in tests) ** 0.5
    assert compared["delong"]["z"] == pytest.approx(z)
    assert compared["delong"]["difference"] == pytest.approx(compared["auROC"]["value"])


def test_models_are_compared_with_the_baseline_by_default(tmp_path, paths):
    everyone = list(paths.values())
    pairs = [(one["model"], one["against"]) for one in evaluate(everyone, bootstrap=0).comparisons]
    assert pairs == [("kan", "kmer-logistic"), ("mlp", "kmer-logistic")]
    for against in ("mlp", paths["mlp"], str(paths["mlp"])):
        compared = evaluate(everyone, bootstrap=0, against=against).comparisons
        assert [(one["model"], one["against"]) for one in compared] == [("kan", "mlp"), ("kmer-logistic", "mlp")]
    without = evaluate(everyone[:2], bootstrap=0).comparisons
    assert [(one["model"], one["against"]) for one in without] == [("mlp", "kan")]
    with pytest.raises(BadOption, match=r"--against 'gc': there is no such model; choose from kan, mlp, kmer-logistic"):
        evaluate(everyone, bootstrap=0, against="gc")


def test_genes_that_only_one_model_scores_are_left_out_and_counted(tmp_path, paths):
    plain = pd.read_csv(paths["kmer-logistic"], sep="\t")
    plain.iloc[6:].to_csv(paths["kmer-logistic"], sep="\t", index=False)
    result = evaluate([paths["kan"], paths["kmer-logistic"]], bootstrap=50)
    (compared,) = result.comparisons
    assert (compared["n"], compared["left_out"]) == (74, {"model": 6, "against": 0})
    kan = pd.read_csv(paths["kan"], sep="\t").iloc[6:]
    means = [
        np.mean([roc_auc_score(rows["target"], rows["logit"]) for _, rows in table.groupby("fold")])
        for table in (kan, plain.iloc[6:])
    ]
    assert compared["auROC"]["value"] == pytest.approx(means[0] - means[1])
    assert compared["delong"]["difference"] == pytest.approx(means[0] - means[1])
    assert "kan: 6 of its genes and 0 of kmer-logistic are not compared" in result.text


def test_genes_of_another_class_are_left_out(tmp_path, paths):
    plain = pd.read_csv(paths["kmer-logistic"], sep="\t")
    plain.loc[[0, 3, 5], "target"] = [1, 0, 0]
    plain.to_csv(paths["kmer-logistic"], sep="\t", index=False)
    (compared,) = evaluate([paths["kan"], paths["kmer-logistic"]], bootstrap=0).comparisons
    assert (compared["n"], compared["left_out"]) == (77, {"model": 3, "against": 3})


def test_a_fold_of_one_model_is_left_out(tmp_path, paths):
    table_of(paths["kan"], folds="123")
    (compared,) = evaluate([paths["kan"], paths["kmer-logistic"]], bootstrap=0).comparisons
    assert (compared["folds"], compared["n"], compared["left_out"]) == (2, 80, {"model": 40, "against": 0})


def test_models_without_shared_genes_are_not_compared(tmp_path, paths, caplog):
    table_of(paths["kan"], folds="34")
    assert evaluate([paths["kan"], paths["kmer-logistic"]], bootstrap=0).comparisons == []
    assert "kan and kmer-logistic share no genes that can be compared" in caplog.text


def test_conditions_are_compared_with_the_same_condition(tmp_path, paths):
    for name in ("kan", "kmer-logistic"):
        parts = [table_of(paths[name], seed=at, condition=one) for at, one in enumerate(("leaf", "root"))]
        # The order of rows has no effect.
        pd.concat(parts if name == "kan" else parts[::-1]).to_csv(paths[name], sep="\t", index=False)
    found = evaluate([paths["kan"], paths["kmer-logistic"]], bootstrap=20).comparisons
    whole = "[mean of 2 conditions]"
    assert [(one["model"], one["against"]) for one in found] == [
        ("kan [leaf]", "kmer-logistic [leaf]"),
        ("kan [root]", "kmer-logistic [root]"),
        (f"kan {whole}", f"kmer-logistic {whole}"),
    ]
    # The same predictions in both tables.
    assert [one["auROC"]["value"] for one in found] == [0.0, 0.0, 0.0]
    assert [one["delong"] is None for one in found] == [False, False, True]


def test_different_conditions_are_not_compared(tmp_path, paths):
    table_of(paths["kan"], condition="leaf")
    table_of(paths["kmer-logistic"], condition="root")
    assert evaluate([paths["kan"], paths["kmer-logistic"]], bootstrap=0).comparisons == []


def test_expression_is_compared_with_kmer_ridge_and_without_delong(tmp_path, paths):
    paths["kmer-ridge"] = tmp_path / "kmer-ridge.tsv"
    for at, name in enumerate(("kan", "kmer-ridge")):
        table = table_of(paths[name], seed=at, probability="")
        table.assign(target=np.random.default_rng(9).normal(size=80)).to_csv(paths[name], sep="\t", index=False)
    given = [paths[name] for name in ("kmer-logistic", "mlp", "kan", "kmer-ridge")]
    of_classes, compared = evaluate(given, bootstrap=20).comparisons
    assert (of_classes["model"], of_classes["against"]) == ("mlp", "kmer-logistic")
    assert (compared["model"], compared["against"]) == ("kan", "kmer-ridge")
    assert compared["delong"] is None
    assert compared["R2"]["low"] < compared["R2"]["value"] < compared["R2"]["high"]


def test_the_ensemble_is_compared_with_its_seeds_on_request(tmp_path, paths):
    tables = [table_of(paths["kan"], seed=seed).assign(seed=seed) for seed in range(3)]
    pd.concat(tables).to_csv(paths["kan"], sep="\t", index=False)
    found = evaluate([paths["kan"]], against="kan", ensemble=True, bootstrap=20).comparisons
    assert [(one["model"], one["against"]) for one in found] == [("kan (ensemble)", "kan (3 seeds)")]
    assert found[0]["auROC"]["value"] > 0


def test_folds_with_the_same_test_genes_count_as_one_in_intervals(tmp_path, paths):
    first = {}
    for name in ("kan", "kmer-logistic"):
        table = pd.read_csv(paths[name], sep="\t", dtype={"fold": str})
        first[name] = table[table["fold"] == "1"]
        several = [first[name].assign(fold=fold) for fold in "12345"]
        pd.concat(several).to_csv(paths[name], sep="\t", index=False)
    (five,) = evaluate([paths["kan"], paths["kmer-logistic"]], bootstrap=100).comparisons
    for name in ("kan", "kmer-logistic"):
        first[name].to_csv(paths[name], sep="\t", index=False)
    (one,) = evaluate([paths["kan"], paths["kmer-logistic"]], bootstrap=100).comparisons
    for name in ("auROC", "MCC", "precision"):
        assert five[name] == pytest.approx(one[name])
    assert five["delong"]["p"] == pytest.approx(one["delong"]["p"])
    assert five["delong"]["difference"] == pytest.approx(one["delong"]["difference"])


def test_folds_with_the_same_test_genes_each_count_in_the_mean(tmp_path, paths):
    for name in ("kan", "kmer-logistic"):
        table = pd.read_csv(paths[name], sep="\t", dtype={"fold": str})
        again = [table[table["fold"] == "1"].assign(fold=fold) for fold in "34"]
        pd.concat([table, *again]).to_csv(paths[name], sep="\t", index=False)
    (compared,) = evaluate([paths["kan"], paths["kmer-logistic"]], bootstrap=0).comparisons
    one, other = (compared["delong"]["folds"][at]["difference"] for at in (0, 1))
    assert compared["delong"]["difference"] == pytest.approx((3 * one + other) / 4)
    assert compared["delong"]["difference"] == pytest.approx(compared["auROC"]["value"])


def test_folds_with_the_same_test_genes_but_other_classes_are_tested_separately(tmp_path, paths):
    for name in ("kan", "kmer-logistic"):
        table = pd.read_csv(paths[name], sep="\t", dtype={"fold": str})
        table["id"] = [f"{row % 40:03d}" for row in range(80)]
        table.loc[[41, 42], "target"] = [0, 1]
        table.to_csv(paths[name], sep="\t", index=False)
    (compared,) = evaluate([paths["kan"], paths["kmer-logistic"]], bootstrap=0).comparisons
    assert compared["delong"]["difference"] == pytest.approx(compared["auROC"]["value"])
    assert compared["delong"]["difference"] == pytest.approx(
        np.mean([fold["difference"] for fold in compared["delong"]["folds"]])
    )
