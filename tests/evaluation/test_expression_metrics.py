import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from kanseq.evaluation.expression_metrics import EXPRESSION_METRICS, resampled_expression, score_expression
from kanseq.evaluation.metrics import draw


@pytest.mark.parametrize(("digits", "shift"), [(0, 0.0), (8, 0.0), (8, 1e4)])
def test_every_draw_scores_as_scipy_and_scikit_learn_score_the_drawn_genes(digits, shift):
    random = np.random.default_rng(3)
    measured = np.round(2 * random.normal(size=50), digits) + shift
    predicted = np.round(measured + random.normal(size=50) + 0.5, digits)
    drawn = draw(50, 20, seed=1)
    fast = resampled_expression(measured, predicted, drawn)
    for at, counts in enumerate(drawn):
        rows = np.repeat(np.arange(50), counts)
        truth, guess = measured[rows], predicted[rows]
        slow = {
            "Pearson": pearsonr(truth, guess)[0],
            "Spearman": spearmanr(truth, guess)[0],
            "R2": r2_score(truth, guess),
            "RMSE": mean_squared_error(truth, guess) ** 0.5,
            "MAE": mean_absolute_error(truth, guess),
        }
        assert {name: fast[name][at] for name in EXPRESSION_METRICS} == pytest.approx(slow, abs=1e-9)


def test_scores_by_hand():
    found = score_expression(np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 4.0]))
    # Errors are 1, 0 and 2; the squares of the measured values around their mean 1 sum to 2.
    assert found["RMSE"] == pytest.approx((5 / 3) ** 0.5)
    assert found["MAE"] == pytest.approx(1.0)
    assert found["R2"] == pytest.approx(1 - 5 / 2)
    # Ranks are 1, 2, 3 and 1.5, 1.5, 3.
    assert found["Spearman"] == pytest.approx(0.8660254)


def test_a_constant_prediction_has_no_correlation():
    found = score_expression(np.array([0.1, 0.2, 0.4]), np.full(3, 0.3))
    assert (found["Pearson"], found["Spearman"]) == (0.0, 0.0)


def test_draws_of_one_measured_value_are_not_scored():
    drawn = np.array([[2, 0, 1], [1, 1, 1]])
    values = resampled_expression(np.array([1.1, 2.0, 1.1]), np.array([1.0, 2.0, 3.0]), drawn)
    assert np.isnan([values[name][0] for name in EXPRESSION_METRICS]).all()
    assert np.isfinite([values[name][1] for name in EXPRESSION_METRICS]).all()
