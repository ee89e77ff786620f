import numpy as np
import pytest

from kanseq.evaluation.metrics import METRICS, auroc, draw, interval, resampled, score


@pytest.mark.parametrize("digits", [1, 8])
def test_metrics_of_each_draw_equal_those_of_scikit_learn_on_the_drawn_genes(digits):
    random = np.random.default_rng(5)
    targets = random.integers(0, 2, 60)
    logits = np.round(random.normal(size=60) + targets, digits)
    probabilities = 1 / (1 + np.exp(-logits))
    called = probabilities >= 0.4
    drawn = draw(60, 25, seed=2)
    fast = resampled(targets, logits, probabilities, drawn, called)
    for at, counts in enumerate(drawn):
        rows = np.repeat(np.arange(60), counts)
        slow = score(targets[rows], logits[rows], probabilities[rows], called[rows])
        assert {name: fast[name][at] for name in METRICS} == pytest.approx(slow, abs=1e-12)


def test_metrics_equal_values_computed_by_hand():
    found = score(np.array([0, 0, 1, 1]), np.array([-2.0, 0.5, 0.5, 1.0]), np.array([0.25, 0.5, 0.5, 0.75]))
    assert found["auROC"] == 0.875
    assert found["accuracy"] == 0.75
    assert found["F1"] == pytest.approx(0.8)
    assert found["MCC"] == pytest.approx(2 / np.sqrt(12))
    assert found["Brier"] == pytest.approx((0.0625 + 0.25 + 0.25 + 0.0625) / 4)


def test_calls_replace_the_threshold_of_one_half():
    targets, logits = np.array([0, 0, 1, 1]), np.array([-2.0, 0.5, 0.5, 1.0])
    probabilities = np.array([0.25, 0.5, 0.5, 0.75])
    found = score(targets, logits, probabilities, np.array([False, False, False, True]))
    assert (found["accuracy"], found["F1"]) == (0.75, pytest.approx(2 / 3))
    drawn = resampled(targets, logits, probabilities, np.ones((1, 4)), np.array([False, False, False, True]))
    assert drawn["accuracy"][0] == 0.75


def test_calibration_error_equals_a_value_computed_by_hand():
    # Bins (0.2, 0.3], (0.3, 0.4] and (0.9, 1]: a bin includes its upper edge; 0 is in the first bin.
    probabilities = np.array([0.3, 0.3, 0.25, 0.31, 1.0])
    targets = np.array([1, 0, 0, 0, 1])
    gaps = [abs(0.3 + 0.3 + 0.25 - 1), 0.31, 0.0]
    assert score(targets, probabilities, probabilities)["ECE"] == pytest.approx(sum(gaps) / 5)
    assert score(np.array([0, 1]), np.array([0.0, 1.0]), np.array([0.0, 1.0]))["ECE"] == 0


def test_a_probability_on_an_edge_counts_in_the_lower_bin():
    edges = np.arange(1, 10) / 10
    targets = np.r_[np.ones(9, dtype=int), np.zeros(9, dtype=int)]
    # An edge and a value just below it are in the same bin, so that their gaps, 1 - p and -p, are summed in it.
    found = score(targets, np.r_[edges, edges], np.r_[edges, edges - 1e-9])["ECE"]
    assert found == pytest.approx(sum(abs(1 - 2 * edge) for edge in edges) / 18, abs=1e-8)


def test_auroc_counts_ties_half():
    assert auroc(np.array([0, 0, 1, 1]), np.array([-2.0, 0.5, 0.5, 1.0])) == 0.875


def test_draws_of_one_class_are_not_scored():
    drawn = np.array([[2, 0], [1, 1]])
    values = resampled(np.array([0, 1]), np.array([0.0, 1.0]), np.array([0.5, 0.7]), drawn)["auROC"]
    assert np.isnan(values[0])
    assert values[1] == 1.0
    assert interval(values) == (1.0, 1.0)


def test_each_draw_has_as_many_genes_as_the_set():
    assert draw(7, 5, seed=1).sum(axis=1).tolist() == [7] * 5


def test_interval_contains_the_central_95_percent_of_the_draws():
    assert interval(np.arange(1001.0)) == pytest.approx((25.0, 975.0))
    assert np.isnan(interval(np.array([np.nan]))).all()


def test_precision_and_recall_are_of_high_and_zero_if_no_gene_is_called_high():
    targets, logits = np.array([0, 0, 1, 1, 1]), np.array([-1.0, 2.0, 1.0, 3.0, -2.0])
    found = score(targets, logits, np.full(5, 0.5), np.array([False, True, True, True, False]))
    # Three genes are called high, two of them correctly; two of the three high genes are found.
    assert (found["precision"], found["recall"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    found = score(targets, logits, np.full(5, 0.5), np.array([True, True, True, False, False]))
    assert (found["precision"], found["recall"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    found = score(targets, logits, np.full(5, 0.5), np.array([False, True, False, True, False]))
    assert (found["precision"], found["recall"]) == (0.5, pytest.approx(1 / 3))
    nothing = np.zeros(5, dtype=bool)
    found = score(targets, logits, np.full(5, 0.5), nothing)
    drawn = resampled(targets, logits, np.full(5, 0.5), np.ones((1, 5)), nothing)
    for name in ("precision", "recall"):
        assert found[name] == drawn[name][0] == 0.0
