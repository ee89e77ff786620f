import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from kanseq.evaluation.headline import HeadlineScore, score_folders, score_table, verdict
from kanseq.runs.prediction_tables import write_predictions


def table(logit, target, condition="*", role="test"):
    names = [f"g{at}" for at in range(len(logit))]
    places = {"species": ".", "id": names, "condition": condition, "chrom": "1", "fold": "1", "role": role}
    return pd.DataFrame({**places, "logit": logit, "probability": 0.5, "target": target, "called": np.nan})


def test_scores_are_averaged_over_folds_and_then_over_seeds(tmp_path):
    # auROC 1 and 0.5 in one seed, 0 and 0.5 in the other.
    scores = {"a": [0.0, 1.0], "b": [1.0, 1.0], "c": [1.0, 0.0], "d": [1.0, 1.0]}
    for name, logit in scores.items():
        (tmp_path / name).mkdir()
        write_predictions(tmp_path / name / "predictions.tsv", table(logit, [0.0, 1.0]))
    folders = {name: tmp_path / name for name in scores}
    assert score_folders([[folders["a"], folders["b"]]], "binary") == HeadlineScore(0.75)
    both = score_folders([[folders["a"], folders["b"]], [folders["c"], folders["d"]]], "binary")
    assert both == HeadlineScore(0.5, pytest.approx(np.sqrt(0.125)), 2)


def test_only_held_out_genes_with_targets_are_scored_and_conditions_are_averaged():
    unused = table([9.0], [0.0], role="unused")
    several = [table([0.0, 1.0, 5.0], [0.0, 1.0, np.nan], "leaf"), table([1.0, 0.0], [0.0, 1.0], "root"), unused]
    assert score_table(pd.concat(several), "binary") == 0.5
    assert score_table(table([0.0, 1.0], [1.0, 1.0]), "binary") is None


def test_regression_is_scored_by_pearsons_correlation():
    logit, target = [0.0, 1.0, 3.0], [1.0, 2.0, 2.5]
    assert score_table(table(logit, target), "regression") == pytest.approx(np.corrcoef(logit, target)[0, 1])
    assert score_table(table([1.0, 1.0, 1.0], target), "regression") == 0.0


def test_the_verdict_names_the_better_model_the_spread_and_the_note():
    assert verdict("gc", HeadlineScore(0.6), "kmer-logistic", None, "binary", 1, "") == (
        "gc auROC 0.600 on held-out genes (one fold)"
    )
    assert verdict(
        "mlp", HeadlineScore(0.61, 0.02, 3), "kmer-logistic", HeadlineScore(0.7), "binary", 5, "flanks only"
    ) == (
        "flanks only: mlp auROC 0.610 ± 0.020, kmer-logistic 0.700 on held-out genes (mean over 5 folds, 3 seeds): "
        "kmer-logistic is better"
    )
    assert verdict("mlp", HeadlineScore(0.3), "kmer-ridge", HeadlineScore(0.3), "regression", 1, "") == (
        "mlp Pearson r 0.300, kmer-ridge 0.300 on held-out genes (one fold): they are equal"
    )
    assert "no fold holds out genes of both classes" in verdict("gc", None, "kmer-logistic", None, "binary", 1, "")


def test_several_classes_are_scored_by_their_mean_auroc_against_the_rest():
    target = [0.0, 0.0, 1.0, 2.0]
    probabilities = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.35, 0.45, 0.2]])
    logits = {f"logit:{name}": np.log(probabilities[:, at]) for at, name in enumerate("abc")}
    found = score_table(table([0.0] * 4, target).assign(**logits), "multiclass")
    assert found == pytest.approx(np.mean([roc_auc_score(np.equal(target, k), probabilities[:, k]) for k in range(3)]))
    assert score_table(table([0.0] * 4, [1.0] * 4).assign(**logits), "multiclass") is None
    text = verdict("mlp", HeadlineScore(0.75), "kmer-logistic", HeadlineScore(0.5), "multiclass", 1, "")
    assert text == "mlp auROC 0.750, kmer-logistic 0.500 on held-out genes (one fold): mlp is better"
    assert "genes of several classes" in verdict("mlp", None, "kmer-logistic", None, "multiclass", 1, "")
