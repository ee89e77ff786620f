import numpy as np
import pytest

from kanseq.training.metrics import METRICS, auroc, draw, interval, resampled, score


@pytest.mark.parametrize("digits", [1, 8])
def test_every_draw_scores_as_scikit_learn_scores_the_drawn_genes(digits):
    random = np.random.default_rng(5)
    targets = random.integers(0, 2, 60)
    logits = np.round(random.normal(size=60) + targets, digits)
    probabilities = 1 / (1 + np.exp(-logits))
    drawn = draw(60, 25, seed=2)
    fast = resampled(targets, logits, probabilities, drawn)
    for at, counts in enumerate(drawn):
        rows = np.repeat(np.arange(60), counts)
        slow = score(targets[rows], logits[rows], probabilities[rows])
        assert {name: fast[name][at] for name in METRICS} == pytest.approx(slow, abs=1e-12)


def test_scores_by_hand():
    found = score(np.array([0, 0, 1, 1]), np.array([-2.0, 0.5, 0.5, 1.0]), np.array([0.25, 0.5, 0.5, 0.75]))
    assert found["auROC"] == 0.875
    assert found["accuracy"] == 0.75
    assert found["F1"] == pytest.approx(0.8)
    assert found["MCC"] == pytest.approx(2 / np.sqrt(12))
    assert found["Brier"] == pytest.approx((0.0625 + 0.25 + 0.25 + 0.0625) / 4)


def test_area_alone_counts_ties_half():
    assert auroc(np.array([0, 0, 1, 1]), np.array([-2.0, 0.5, 0.5, 1.0])) == 0.875


def test_draws_of_one_class_are_not_scored():
    drawn = np.array([[2, 0], [1, 1]])
    values = resampled(np.array([0, 1]), np.array([0.0, 1.0]), np.array([0.5, 0.7]), drawn)["auROC"]
    assert np.isnan(values[0])
    assert values[1] == 1.0
    assert interval(values) == (1.0, 1.0)


def test_draws_hold_as_many_genes_as_there_are():
    assert draw(7, 5, seed=1).sum(axis=1).tolist() == [7] * 5


def test_interval_is_the_middle_of_the_draws():
    assert interval(np.arange(1001.0)) == pytest.approx((25.0, 975.0))
    assert np.isnan(interval(np.array([np.nan]))).all()
