import json

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, matthews_corrcoef

from kanseq.errors import BadOption, ModelMismatch, NotFinite, OneClass
from kanseq.evaluation.metrics import auroc
from kanseq.tasks.calibration import CALIBRATIONS, Calibration, best_threshold, fit_calibration

LEARNING = [kind for kind in CALIBRATIONS if kind != "none"]


def overconfident(genes=400, seed=0):
    """Return logits that are three times too large, and shifted, with targets."""
    random = np.random.default_rng(seed)
    true = random.normal(size=genes)
    targets = (random.random(genes) < 1 / (1 + np.exp(-true))).astype(int)
    return 3 * true + 1, targets


def test_platt_is_logistic_regression_on_smoothed_targets():
    logits, targets = overconfident()
    found = fit_calibration("platt", logits, targets)
    highs = targets.sum()
    smoothed = np.where(targets == 1, (highs + 1) / (highs + 2), 1 / (400 - highs + 2))
    # A gene with a smoothed target t equals one gene of each class, with weights t and 1 - t.
    twice, classes = np.r_[logits, logits][:, None], np.repeat([1, 0], 400)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(twice, classes, np.r_[smoothed, 1 - smoothed])
    assert (found.slope, found.intercept) == pytest.approx((model.coef_[0, 0], model.intercept_[0]), abs=1e-5)
    assert 0.2 < found.slope < 0.5


def test_platt_does_not_depend_on_the_scale_of_logits():
    logits, targets = overconfident()
    found, scaled = (fit_calibration("platt", inputs, targets) for inputs in (logits, 1e4 * logits - 1e6))
    assert scaled.slope == pytest.approx(found.slope / 1e4, rel=1e-6)
    assert scaled.probability(1e4 * logits - 1e6) == pytest.approx(found.probability(logits), abs=1e-6)


def test_platt_of_perfectly_separated_genes_is_finite():
    found = fit_calibration("platt", [-50.0, -50.0, 50.0, 50.0], [0, 0, 1, 1])
    assert found.probability(np.array([-50.0, 50.0])) == pytest.approx([0.25, 0.75])
    assert found.threshold == 0.5


def test_platt_does_not_reverse_the_order():
    logits, targets = overconfident()
    found = fit_calibration("platt", -logits, targets)
    assert found.slope == 0.0
    assert found.threshold == 0.5


def test_isotonic_equals_scikit_learn_within_bounds():
    logits, targets = overconfident()
    found = fit_calibration("isotonic", logits, targets)
    model = IsotonicRegression(y_min=1 / 402, y_max=401 / 402, out_of_bounds="clip").fit(logits, targets)
    grid = np.linspace(-20, 20, 1001)
    assert found.probability(grid) == pytest.approx(model.predict(grid), abs=1e-12)
    assert found.probability(grid).max() <= 401 / 402
    assert found.probability(grid).min() >= 1 / 402


@pytest.mark.parametrize("kind", LEARNING)
def test_calibration_lowers_the_log_loss_of_other_genes(kind):
    found = fit_calibration(kind, *overconfident(seed=0))
    logits, targets = overconfident(genes=2000, seed=1)
    assert log_loss(targets, found.probability(logits)) < log_loss(targets, Calibration().probability(logits)) - 0.1


@pytest.mark.parametrize("kind", LEARNING)
def test_probabilities_do_not_decrease_with_logits(kind):
    found = fit_calibration(kind, *overconfident())
    assert (np.diff(found.probability(np.linspace(-30, 30, 2001))) >= 0).all()


@pytest.mark.parametrize("kind", CALIBRATIONS)
def test_a_calibration_survives_json(kind):
    logits, targets = overconfident()
    found = fit_calibration(kind, logits, targets, threshold=True)
    again = Calibration.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    assert (again.called(logits) == (found.probability(logits) >= found.threshold)).all()


@pytest.mark.parametrize("kind", CALIBRATIONS)
def test_the_order_of_genes_does_not_matter(kind):
    logits, targets = overconfident()
    logits = np.round(logits, 1)
    order = np.random.default_rng(1).permutation(len(logits))
    assert fit_calibration(kind, logits[order], targets[order]) == fit_calibration(kind, logits, targets)


def test_none_is_the_sigmoid_with_threshold_one_half_and_needs_no_gene():
    found = fit_calibration("none", [], [])
    assert found.to_json() == {"kind": "none", "threshold": 0.5}
    assert found.probability(np.array([[0.0, np.log(3)]])) == pytest.approx(np.array([[0.5, 0.75]]))
    assert found.called(np.array([-0.1, 0.0])).tolist() == [False, True]


def test_a_threshold_can_be_learned_without_calibration_or_not_at_all():
    logits, targets = overconfident()
    alone = fit_calibration("none", logits, targets, threshold=True)
    assert alone.probability(logits) == pytest.approx(1 / (1 + np.exp(-logits)))
    assert alone.threshold != 0.5
    assert fit_calibration("platt", logits, targets, threshold=False).threshold == 0.5


def test_no_threshold_has_a_higher_mcc():
    random = np.random.default_rng(4)
    targets = random.integers(0, 2, 150)
    probabilities = np.round(np.clip(0.3 * targets + 0.6 * random.random(150), 0, 1), 2)
    best = max(matthews_corrcoef(targets, probabilities >= cut) for cut in np.unique(probabilities))
    found = best_threshold(probabilities, targets)
    assert matthews_corrcoef(targets, probabilities >= found) == pytest.approx(best)


@pytest.mark.parametrize(
    ("probabilities", "targets", "threshold"),
    [
        ([0.1, 0.2, 0.6, 0.8], [0, 0, 1, 1], 0.5),  # All thresholds between 0.2 and 0.6 are equally good: 0.5.
        ([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], 0.25),
        ([0.6, 0.7, 0.8, 0.9], [0, 0, 1, 1], 0.75),
        ([0.3, 0.4, 0.8, 0.9], [0, 1, 0, 1], 0.35),  # 0.35 and 0.85 both have an MCC of 0.577.
        ([0.1, 0.2, 0.6, 0.7], [0, 1, 0, 1], 0.65),
        ([0.2, 0.4, 0.6, 0.8], [0, 1, 0, 1], 0.3),  # 0.3 and 0.7 are equally good and equally near.
        ([0.1, 0.2, 0.3, 0.4], [1, 1, 0, 0], 0.5),  # No threshold has an MCC above 0.
        ([0.3, 0.3, 0.3, 0.3], [1, 1, 0, 0], 0.5),
    ],
)
def test_ties_are_broken_towards_one_half(probabilities, targets, threshold):
    assert best_threshold(np.array(probabilities), np.array(targets)) == pytest.approx(threshold)


def test_the_threshold_separates_neighbouring_floats():
    below = 0.7
    above = np.nextafter(below, 1)
    cut = best_threshold(np.array([below, below, above, above]), np.array([0, 0, 1, 1]))
    assert (np.array([below, above]) >= cut).tolist() == [False, True]


@pytest.mark.parametrize("kind", LEARNING)
def test_calibration_does_not_lower_auroc(kind):
    logits, targets = overconfident()
    found = fit_calibration(kind, logits, targets)
    # Isotonic steps make ties, and on the genes that they were fitted to, ties can only raise auROC.
    assert auroc(targets, found.probability(logits)) >= auroc(targets, logits) - 1e-12


@pytest.mark.parametrize("kind", LEARNING)
@pytest.mark.parametrize(
    ("logits", "targets", "error", "message"),
    [
        ([0.0, 1.0], [1, 1], OneClass, "all 2 genes are high"),
        ([], [], OneClass, "there is no gene"),
        ([0.0, np.nan], [0, 1], NotFinite, "NaN or infinite"),
    ],
)
def test_genes_that_cannot_be_calibrated_on_are_rejected(kind, logits, targets, error, message):
    with pytest.raises(error, match=message):
        fit_calibration(kind, logits, targets)


def test_unknown_kinds_and_invalid_fields_are_rejected():
    with pytest.raises(BadOption, match="choose none, platt, isotonic"):
        fit_calibration("beta", [0.0, 1.0], [0, 1])
    for fields in (
        {"kind": "beta", "threshold": 0.5},
        {"kind": "isotonic", "threshold": 0.5},
        {"kind": "isotonic", "threshold": 0.5, "logits": [0.0, 1.0], "probabilities": [0.5]},
        {"kind": "platt", "threshold": None},
        {"kind": "platt", "bend": 1.0},
    ):
        with pytest.raises(ModelMismatch):
            Calibration.from_json(fields)
