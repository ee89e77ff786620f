"""Several models are averaged in the same way by ``predict`` and by ``evaluate --ensemble``."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from kanseq.runs import scorer
from kanseq.tasks.averaging import average_classes, average_models, is_calibrated
from kanseq.tasks.calibration import Calibration
from kanseq.verbs.modelling.evaluate import evaluate
from kanseq.verbs.modelling.predict import predict
from kanseq.verbs.modelling.train import train

CASES = {
    # Two of three call low, although the mean probability, 0.651, is above the threshold.
    "a majority": ([0.953, 0.525, 0.475], 0.55, 0),
    "a majority below one half": ([0.45, 0.45, 0.1], 0.4, 1),
    "a tie above one half": ([0.7, 0.4], 0.55, 1),
    "a tie below one half": ([0.6, 0.3], 0.55, 0),
    "a tie at one half": ([0.75, 0.25], 0.55, 1),
}


def average(probabilities, threshold=None):
    """Average models of these probabilities, one sequence each."""
    column = np.array(probabilities)[:, None]
    called = np.full(column.shape, np.nan) if threshold is None else (column >= threshold).astype(float)
    return average_models(np.zeros(column.shape), column, called, np.ones(len(column), dtype=bool))


@pytest.mark.parametrize(("probabilities", "threshold", "called"), CASES.values(), ids=CASES)
def test_the_majority_of_calls_decides_and_at_a_tie_the_mean_probability(probabilities, threshold, called):
    mean = average(probabilities, threshold)
    assert mean.called.tolist() == [called]
    assert mean.probabilities[0] == pytest.approx(sum(probabilities) / len(probabilities))


@pytest.mark.parametrize("case", ["a majority", "a tie above one half", "a tie below one half"])
def test_predict_and_evaluate_call_the_same(genes, other_genes, labels, splits, tmp_path, monkeypatch, case):
    probabilities, threshold, called = CASES[case]
    folds = ["1", "2", "3"][: len(probabilities)]
    train(genes, labels=labels, splits=splits, output=tmp_path / "run", model="gc", holdout=folds, baseline=False)
    load = scorer.read_model

    def with_probability(path, device):
        p = probabilities[folds.index(path.parts[-3])]
        of_all = Calibration("platt", threshold=threshold, slope=0.0, intercept=float(logit(p)))
        return replace(load(path, device), calibrations=(of_all,))

    monkeypatch.setattr(scorer, "read_model", with_probability)
    together = predict(tmp_path / "run", other_genes).table
    each = [predict(tmp_path / "run", other_genes, fold=fold).table.assign(seed=int(fold), fold="x") for fold in folds]
    # Six of the 24 genes are high.
    seeds = pd.concat(one.assign(target=np.arange(24) % 4 == 0) for one in each).astype({"target": int})
    seeds.to_csv(tmp_path / "seeds.tsv", sep="\t", index=False)
    ensemble = evaluate(tmp_path / "seeds.tsv", ensemble=True, bootstrap=0).models[1]["mean"]
    mean = sum(probabilities) / len(probabilities)
    assert together["called"].tolist() == [called] * 24
    assert together["probability"].tolist() == pytest.approx([mean] * 24)
    assert ensemble["accuracy"]["value"] == (0.25 if called else 0.75)
    assert ensemble["Brier"]["value"] == pytest.approx(0.25 * (1 - mean) ** 2 + 0.75 * mean**2)


def test_uncalibrated_models_are_averaged_by_logit_and_make_no_calls():
    logits = np.array([[4.0, -1.0], [-1.0, -1.0]])
    probabilities = 1 / (1 + np.exp(-logits))
    assert is_calibrated(logits, probabilities).tolist() == [False, False]
    mean = average_models(logits, probabilities, np.full((2, 2), np.nan), np.zeros(2, dtype=bool))
    assert mean.logits.tolist() == [1.5, -1.0]
    assert mean.probabilities == pytest.approx(1 / (1 + np.exp([-1.5, 1.0])))
    assert np.isnan(mean.called).all()


def test_only_models_that_scored_a_sequence_count_and_only_learned_thresholds_vote():
    logits = np.array([[2.0, np.nan, 0.0], [0.0, 2.0, np.nan], [1.0, np.nan, 0.0]])
    probabilities = np.array([[0.9, 0.1, 0.5], [0.2, 0.8, 0.1], [1 / (1 + np.exp(-1.0)), 0.1, 0.5]])
    called = np.array([[1.0, 0.0, np.nan], [0.0, 1.0, 0.0], [np.nan, np.nan, np.nan]])
    calibrated = is_calibrated(np.nan_to_num(logits), probabilities)
    mean = average_models(logits, probabilities, called, np.array([True, True, False]))
    assert calibrated.tolist() == [True, True, True]
    assert mean.logits.tolist() == [1.0, 2.0, 0.0]
    # Gene 1: one vote each, mean 0.610. Gene 2: its only model decides. Gene 3: two models without a threshold.
    assert mean.probabilities == pytest.approx([(1.1 + 1 / (1 + np.exp(-1.0))) / 3, 0.8, 0.5])
    assert mean.called[:2].tolist() == [1, 1]
    assert np.isnan(mean.called[2])


def test_each_condition_is_averaged_separately():
    probabilities = np.array([[[0.9, 0.45]], [[0.9, 0.1]], [[0.1, 0.45]]])
    called = (probabilities >= [0.5, 0.4]).astype(float)
    mean = average_models(np.zeros((3, 1, 2)), probabilities, called, np.ones(3, dtype=bool))
    assert mean.called.tolist() == [[1, 1]]
    assert mean.probabilities == pytest.approx(np.array([[1.9 / 3, 1 / 3]]))


def test_regression_models_are_averaged_by_prediction():
    nothing = np.full((2, 2), np.nan)
    numbers = np.array([[1.0, 2.0], [3.0, np.nan]])
    mean = average_models(numbers, nothing, nothing, is_calibrated(numbers, nothing))
    assert mean.logits.tolist() == [2.0, 2.0]
    assert np.isnan([mean.probabilities, mean.called]).all()


def test_with_several_classes_the_highest_mean_logit_is_called_and_the_first_at_a_tie():
    logits = np.array([[[0.0, 3.0, 0.0], [1.0, 0.0, 0.0]], [[2.0, 0.0, 0.0], [0.0, 0.0, 1.0]]])
    mean = average_classes(logits)
    assert mean.logits.tolist() == [[1.0, 1.5, 0.0], [0.5, 0.0, 0.5]]
    assert mean.called.tolist() == [1, 0]
    e = np.exp([1.0, 1.5, 0.0])
    assert mean.probabilities[0] == pytest.approx(e / e.sum())
