import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics

from kanseq.evaluation.class_metrics import mean_auroc, resampled_classes, score_classes
from kanseq.evaluation.metrics import METRICS, draw


def by_scikit_learn(targets, probabilities, called):
    """Compute the metrics by scikit-learn, and those that it lacks sequence by sequence."""
    classes = [k for k in range(probabilities.shape[1]) if 0 < (targets == k).sum() < len(targets)]
    one_hot = np.eye(probabilities.shape[1])[targets]
    bins = [[] for _ in range(10)]
    for target, row, call in zip(targets, probabilities, called, strict=True):
        bins[min(9, int(np.ceil(row[call] * 10)) - 1)].append((row[call], target == call))
    gaps = [abs(sum(confidence - right for confidence, right in one)) for one in bins]
    each = {"average": "macro", "zero_division": 0}
    return {
        "accuracy": metrics.accuracy_score(targets, called),
        "auROC": np.mean([metrics.roc_auc_score(targets == k, probabilities[:, k]) for k in classes]),
        "auPRC": np.mean([metrics.average_precision_score(targets == k, probabilities[:, k]) for k in classes]),
        "MCC": metrics.matthews_corrcoef(targets, called),
        "F1": metrics.f1_score(targets, called, **each),
        "Brier": np.mean(((probabilities - one_hot) ** 2).sum(axis=1)),
        "ECE": sum(gaps) / len(targets),
        "precision": metrics.precision_score(targets, called, **each),
        "recall": metrics.recall_score(targets, called, **each),
    }


def predictions(classes=4, number=50, distinct=50, seed=0):
    """Return mostly correct predictions with a rare last class; only ``distinct`` of them differ."""
    random = np.random.default_rng(seed)
    targets = random.choice(classes, number, p=[0.95 / (classes - 1)] * (classes - 1) + [0.05])
    logits = random.normal(size=(number, classes)) + 1.5 * np.eye(classes)[targets]
    logits = logits[np.arange(number) % distinct]
    return targets, logits, softmax(logits, axis=1), logits.argmax(axis=1)


@pytest.mark.parametrize(("classes", "distinct"), [(3, 50), (3, 6), (6, 50)])
def test_every_draw_scores_as_scikit_learn_scores_the_drawn_sequences(classes, distinct):
    targets, logits, probabilities, called = predictions(classes, distinct=distinct)
    # Calls need not be the most probable class, so some are changed.
    called = np.where(np.arange(50) % 7 == 0, 1, called)
    drawn = draw(50, 60, seed=1)
    fast = resampled_classes(targets, logits, probabilities, drawn, called)
    assert tuple(fast) == METRICS
    lacking = 0
    for at, counts in enumerate(drawn):
        rows = np.repeat(np.arange(50), counts)
        lacking += len(np.unique(targets[rows])) < classes
        expected = by_scikit_learn(targets[rows], probabilities[rows], called[rows])
        assert {name: fast[name][at] for name in METRICS} == pytest.approx(expected, abs=1e-12)
    # The rare class is not in every draw.
    assert 0 < lacking < 60
    assert score_classes(targets, logits, probabilities, called) == pytest.approx(
        by_scikit_learn(targets, probabilities, called), abs=1e-12
    )


def test_scoring_draws_in_parts_equals_scoring_all_at_once(monkeypatch):
    given = predictions()
    drawn = draw(50, 11, seed=1)
    whole = resampled_classes(*given[:3], drawn, given[3])
    monkeypatch.setattr("kanseq.evaluation.class_metrics.CELLS", 200)
    parts = resampled_classes(*given[:3], drawn, given[3])
    for name in METRICS:
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-12)


def test_scores_by_hand():
    targets, called = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1])
    probabilities = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.35, 0.45, 0.2]])
    found = score_classes(targets, np.log(probabilities), probabilities, called)
    assert found["accuracy"] == 0.5
    # Class 0: 1 of 1 called, 1 of 2 found; class 1: 1 of 3, 1 of 1; class 2 is never called.
    assert found["precision"] == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert found["recall"] == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert found["F1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    # Each against the rest: 0 wins 3 of 4 pairs, 1 wins all three, 2 wins all three.
    assert found["auROC"] == pytest.approx((3 / 4 + 1 + 1) / 3)
    # 0.09 + 0.04 + 0.01, 0.49 + 0.36 + 0.01, 0.01 + 0.04 + 0.01, 0.1225 + 0.2025 + 0.64.
    assert found["Brier"] == pytest.approx((0.14 + 0.86 + 0.06 + 0.965) / 4)
    # Confidences 0.7 and 0.8 right, 0.6 and 0.45 wrong, each in a bin of its own.
    assert found["ECE"] == pytest.approx((0.3 + 0.2 + 0.6 + 0.45) / 4)


def test_mcc_of_equal_calls_is_zero_and_draws_of_one_class_have_no_score():
    probabilities = np.full((4, 3), 1 / 3)
    found = score_classes(np.array([0, 1, 2, 2]), np.zeros((4, 3)), probabilities, np.zeros(4, dtype=np.int64))
    assert (found["MCC"], found["auROC"], found["accuracy"]) == (0.0, 0.5, 0.25)
    drawn = np.array([[0, 0, 3, 1], [1, 1, 1, 1]])
    values = resampled_classes(np.array([0, 1, 2, 2]), np.zeros((4, 3)), probabilities, drawn, np.zeros(4, dtype=int))
    assert all(np.isnan(values[name][0]) and np.isfinite(values[name][1]) for name in METRICS)


def test_mean_auroc_equals_the_auroc_of_all_metrics_also_if_probabilities_round_to_one():
    targets, logits, probabilities, called = predictions()
    assert mean_auroc(targets, logits) == score_classes(targets, logits, probabilities, called)["auROC"]
    # In float64 both probabilities of class 0 are 1, but the logits still rank them.
    sure = np.array([[60.0, 0.0, 0.0], [50.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert mean_auroc(np.array([0, 1, 1]), sure) == pytest.approx((1.0 + 1.0) / 2)
