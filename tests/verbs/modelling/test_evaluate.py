"""Scores of folds, species, conditions and runs: averages, intervals, and the tables that show them."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from kanseq.verbs.modelling.evaluate import evaluate
from kanseq.verbs.modelling.train import train
from tests.verbs.modelling.predicted_tables import expression, predictions, seeds_of


def test_the_mean_is_over_folds_and_pooled_scores_are_over_all_genes(tmp_path):
    path, table = predictions(tmp_path / "noisy.tsv", noise=2.0)
    model = evaluate(path, bootstrap=50).models[0]
    by_fold = [roc_auc_score(rows["target"], rows["logit"]) for _, rows in table.groupby("fold")]
    assert [fold["auROC"]["value"] for fold in model["folds"]] == pytest.approx(by_fold)
    assert model["mean"]["auROC"]["value"] == pytest.approx(np.mean(by_fold))
    assert model["pooled"]["auROC"]["value"] == pytest.approx(roc_auc_score(table["target"], table["logit"]))
    assert (model["mean"]["n"], model["mean"]["high"]) == (80, 40)


def test_intervals_contain_the_value_and_narrow_with_more_genes(tmp_path):
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
    # Four folds halve the error of one fold, unless all of them draw the same genes.
    assert 0.4 < mean / one < 0.6


def test_every_average_has_the_weights_of_its_name(tmp_path):
    tables = []
    for fold, genes, species in (("1", 20, "A"), ("2", 60, "A"), ("1b", 40, "B")):
        table = predictions(tmp_path / "x.tsv", 2.0, folds=[fold], genes=genes)[1]
        tables.append(table.assign(species=species))
    pd.concat(tables).to_csv(tmp_path / "x.tsv", sep="\t", index=False)
    result = evaluate(tmp_path / "x.tsv", table=tmp_path / "x.metrics.tsv", bootstrap=50)
    model = result.models[0]
    one, two, other = (roc_auc_score(table["target"], table["logit"]) for table in tables)
    assert model["mean"]["auROC"]["value"] == pytest.approx((one + two + other) / 3)
    assert model["weighted_by_genes"]["auROC"]["value"] == pytest.approx((20 * one + 60 * two + 40 * other) / 120)
    assert model["species"]["A"]["auROC"]["value"] == pytest.approx((one + two) / 2)
    assert (model["species"]["A"]["folds"], model["species"]["A"]["n"]) == (2, 80)
    assert model["mean_of_species"]["auROC"]["value"] == pytest.approx(((one + two) / 2 + other) / 2)
    assert [fold["species"] for fold in model["folds"]] == ["A", "A", "B"]
    assert "x, mean of 2 species" in result.text
    rows = pd.read_csv(tmp_path / "x.metrics.tsv", sep="\t").set_index("fold")
    assert list(rows.index[3:]) == ["mean", "weighted_by_genes", "species:A", "species:B", "mean_of_species", "pooled"]
    assert rows.at["species:A", "n"] == 80
    assert rows.at["species:A", "auROC"] == pytest.approx((one + two) / 2, abs=1e-5)
    for average in (model["weighted_by_genes"], model["species"]["B"], model["mean_of_species"], model["pooled"]):
        assert average["auROC"]["low"] < average["auROC"]["value"] < average["auROC"]["high"]


def test_one_species_has_no_averages_over_species(tmp_path):
    model = evaluate(predictions(tmp_path / "x.tsv")[0], bootstrap=0).models[0]
    assert "species" not in model
    assert "mean_of_species" not in model


def test_pooled_scores_are_shown_on_request_with_their_warning(tmp_path):
    path, _ = predictions(tmp_path / "x.tsv", 2.0)
    assert "pooled" not in evaluate(path, bootstrap=0).text
    lines = evaluate(path, bootstrap=0, pooled=True).text.splitlines()
    assert lines[-2].startswith("x, pooled")
    assert lines[-1].startswith("pooled scores mix the scales of different folds' models")


def test_calls_by_a_model_s_learned_threshold_are_scored(tmp_path):
    path, table = predictions(tmp_path / "x.tsv", 2.0, folds="1")
    cut = table.assign(called=(table["probability"] >= 0.2).astype(int))
    cut.to_csv(path, sep="\t", index=False)
    mean = evaluate(path, bootstrap=0).models[0]["mean"]
    assert mean["MCC"]["value"] == pytest.approx(matthews_corrcoef(table["target"], table["probability"] >= 0.2))
    # An empty call means a threshold of 0.5.
    cut.assign(called="").to_csv(path, sep="\t", index=False)
    mean = evaluate(path, bootstrap=0).models[0]["mean"]
    assert mean["MCC"]["value"] == pytest.approx(matthews_corrcoef(table["target"], table["probability"] >= 0.5))


def test_the_interval_of_the_calibration_error_is_centred_on_it(tmp_path):
    random = np.random.default_rng(0)
    path, table = predictions(tmp_path / "x.tsv", genes=300, folds="1")
    # Perfectly calibrated: the remaining error is due to few genes, and resamples have fewer distinct genes.
    table = table.assign(probability=random.random(300)).assign(
        logit=lambda t: np.log(t.probability / (1 - t.probability))
    )
    table.assign(target=(random.random(300) < table["probability"]).astype(int)).to_csv(path, sep="\t", index=False)
    error = evaluate(path).models[0]["mean"]["ECE"]
    assert 0.0 <= error["low"] < error["value"] < error["high"]
    assert error["value"] - error["low"] == pytest.approx(error["high"] - error["value"], rel=0.6)


def test_expression_is_scored_by_its_own_metrics(tmp_path):
    path, table = expression(tmp_path / "x.tsv", 1.0)
    result = evaluate(path, table=tmp_path / "x.metrics.tsv", bootstrap=50)
    model = result.models[0]
    by_fold = [pearsonr(rows["target"], rows["logit"])[0] for _, rows in table.groupby("fold")]
    assert model["task"] == "regression"
    assert model["mean"]["Pearson"]["value"] == pytest.approx(np.mean(by_fold))
    assert set(model["mean"]) == {"n", "Pearson", "Spearman", "R2", "RMSE", "MAE"}
    assert result.text.splitlines()[0].split()[3:] == ["Pearson", "[95", "%]", "Spearman", "R2", "RMSE", "MAE"]
    assert (tmp_path / "x.metrics.tsv").read_text().startswith("model\tfold\tn\tPearson\tPearson_low")


def test_classes_and_expression_have_separate_tables_and_are_not_compared(tmp_path):
    paths = [predictions(tmp_path / "a.tsv")[0], expression(tmp_path / "b.tsv", 1.0)[0]]
    result = evaluate(paths, table=tmp_path / "both.tsv", bootstrap=0)
    assert result.comparisons == []
    assert [line.split()[0] for line in result.text.splitlines() if line] == ["model", "a", "model", "b"]
    rows = pd.read_csv(tmp_path / "both.tsv", sep="\t").set_index(["model", "fold"])
    assert np.isnan(rows.at[("a", "mean"), "Pearson"])
    assert np.isnan(rows.at[("b", "mean"), "auROC"])


def test_conditions_are_scored_separately_and_averaged(tmp_path):
    leaf, root = (
        predictions(tmp_path / "x.tsv", 2.0, seed=seed, genes=genes)[1].assign(condition=condition)
        for seed, genes, condition in ((0, 40, "leaf"), (1, 30, "root"))
    )
    pd.concat([leaf, root]).to_csv(tmp_path / "x.tsv", sep="\t", index=False)
    models = evaluate(tmp_path / "x.tsv", bootstrap=50).models
    assert [model["name"] for model in models] == ["x [leaf]", "x [root]", "x [mean of 2 conditions]"]
    values = [model["mean"]["auROC"]["value"] for model in models]
    assert values[2] == pytest.approx((values[0] + values[1]) / 2)
    assert values[1] == pytest.approx(
        np.mean([roc_auc_score(rows["target"], rows["logit"]) for _, rows in root.groupby("fold")])
    )
    # A gene counts once in the mean, in however many conditions it was measured.
    assert [model["mean"]["n"] for model in models] == [80, 60, 80]


def test_conditions_are_drawn_together(tmp_path):
    table = predictions(tmp_path / "x.tsv", 2.0)[1]
    parts = [table.assign(condition=condition) for condition in ("leaf", "root")]
    pd.concat(parts).to_csv(tmp_path / "x.tsv", sep="\t", index=False)
    leaf, _, mean = evaluate(tmp_path / "x.tsv", bootstrap=50).models
    # The same predictions twice do not narrow the interval.
    assert mean["mean"]["auROC"] == leaf["mean"]["auROC"]


def test_runs_of_different_species_are_joined_on_request(tmp_path):
    paths = [tmp_path / species / "kan.tsv" for species in ("A", "B")]
    for at, path in enumerate(paths):
        path.parent.mkdir()
        table = predictions(path, 2.0, seed=at, folds="12"[: at + 1])[1].assign(species=path.parent.name)
        table.to_csv(path, sep="\t", index=False)
    assert [model["name"] for model in evaluate(paths, bootstrap=0).models] == ["kan (kan.tsv) 1", "kan (kan.tsv) 2"]
    (model,) = evaluate(paths, bootstrap=0, join=True).models
    # Both species have a chromosome 1, and one has a chromosome 2.
    assert [fold["fold"] for fold in model["folds"]] == ["A:1", "B:1", "2"]
    assert list(model["species"]) == ["A", "B"]


def test_a_run_is_compared_with_its_kmer_logistic(run):
    result = evaluate(run, bootstrap=20)
    assert [model["name"] for model in result.models] == ["mlp", "kmer-logistic"]
    assert [fold["fold"] for fold in result.models[0]["folds"]] == ["1", "2", "3"]
    # There are 16 genes per chromosome; the mid ones (5, 17, 29 and 41) are not scored.
    assert [fold["n"] for fold in result.models[0]["folds"]] == [15, 14, 15]
    assert result.comparisons[0]["against"] == "kmer-logistic"


def test_the_same_baseline_is_listed_once(run, genes, labels, splits, tmp_path):
    train(genes, labels=labels, splits=splits, output=tmp_path / "plain", model="kmer-logistic")
    train(genes, labels=labels, splits=splits, output=tmp_path / "second", model="mlp", epochs=2)
    names = [model["name"] for model in evaluate([run, tmp_path / "plain", tmp_path / "second"], bootstrap=0).models]
    assert names == ["mlp (run)", "kmer-logistic", "mlp (second)"]


def test_files_list_every_model_and_fold_and_are_reproducible(tmp_path):
    path, _ = predictions(tmp_path / "one.tsv", 1.0)
    for name in "ab":
        evaluate(path, output=tmp_path / f"{name}.json", table=tmp_path / f"{name}.tsv", bootstrap=20)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert "pooled scores mix" in json.loads((tmp_path / "a.json").read_text())["note"]
    table = pd.read_csv(tmp_path / "a.tsv", sep="\t")
    assert table["fold"].tolist() == ["1", "2", "mean", "weighted_by_genes", "pooled"]
    assert (table["auROC_low"] <= table["auROC"]).all()


def test_the_table_is_aligned(tmp_path):
    text = evaluate(
        [predictions(tmp_path / "a.tsv")[0], predictions(tmp_path / "longer.tsv", 1.0)[0]], bootstrap=0
    ).text
    lines = text.splitlines()
    assert " ".join(lines[0].split()) == "model folds genes auROC [95 %] auPRC MCC accuracy F1 Brier ECE"
    assert lines[1].split()[:4] == ["a", "2", "80", "1.000"]
    assert len({len(line) for line in lines[:3]}) == 1
    assert lines[4].startswith("minus a")
    assert lines[5].startswith("longer      80  -0.")
    assert lines[4].endswith("DeLong p")


def test_no_line_is_wider_than_a_terminal(tmp_path):
    long = "a_model_whose_name_tells_of_all_that_was_tried_with_it"
    paths = [seeds_of(tmp_path / f"{long}.tsv")[0], predictions(tmp_path / "kmer-logistic.tsv", 1.0)[0]]
    lines = evaluate(paths, ensemble=True, pooled=True).text.splitlines()
    assert max(map(len, lines)) <= 120
    assert f"{long} (3 seeds)" in lines
