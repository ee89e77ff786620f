import numpy as np
import pytest
from scipy.stats import norm, rankdata
from sklearn.metrics import roc_auc_score

from kanseq.evaluation.delong import combined, delong, placements
from kanseq.evaluation.metrics import auroc, draw, resampled


def by_pairs(targets, first, second):
    """DeLong's test as in the paper: the kernel of every pair, and covariances of structural components."""
    components = []
    for logits in (first, second):
        highs, lows = logits[targets == 1], logits[targets == 0]
        kernel = (highs[:, None] > lows) + 0.5 * (highs[:, None] == lows)
        components.append((kernel.mean(axis=1), kernel.mean(axis=0)))
    of_highs, of_lows = (np.cov([model[kind] for model in components]) for kind in (0, 1))
    covariance = of_highs / (targets == 1).sum() + of_lows / (targets == 0).sum()
    contrast = np.array([1.0, -1.0])
    difference = components[0][0].mean() - components[1][0].mean()
    z = difference / np.sqrt(contrast @ covariance @ contrast)
    return difference, contrast @ covariance @ contrast, z, 2 * norm.sf(abs(z))


def two_models(genes=80, digits=8, seed=0):
    random = np.random.default_rng(seed)
    targets = random.integers(0, 2, genes)
    shared = random.normal(size=genes)
    logits = [np.round(signal * targets + shared + random.normal(size=genes), digits) for signal in (1.5, 0.5)]
    return targets, *logits


@pytest.mark.parametrize("digits", [0, 8])
def test_the_fast_algorithm_equals_the_definition_in_the_paper(digits):
    targets, first, second = two_models(digits=digits)
    assert tuple(delong(targets, first, second)) == pytest.approx(by_pairs(targets, first, second), abs=1e-12)


def test_the_difference_is_that_of_scikit_learns_areas():
    targets, first, second = two_models()
    expected = roc_auc_score(targets, first) - roc_auc_score(targets, second)
    assert delong(targets, first, second).difference == pytest.approx(expected)


def test_placements_are_differences_of_ranks():
    targets, first, _ = two_models(digits=0)
    highs, lows = placements(targets == 1, first)
    ranks = rankdata(first)
    assert highs == pytest.approx((ranks[targets == 1] - rankdata(first[targets == 1])) / len(lows))
    assert highs.mean() == pytest.approx(lows.mean()) == pytest.approx(auroc(targets, first))


def test_the_standard_error_equals_that_of_the_bootstrap():
    targets, first, second = two_models(genes=400)
    half = np.full(400, 0.5)
    drawn = draw(400, 2000, seed=0)
    spread = np.std(np.subtract(*(resampled(targets, logits, half, drawn)["auROC"] for logits in (first, second))))
    assert delong(targets, first, second).variance ** 0.5 == pytest.approx(spread, rel=0.1)


def test_p_values_of_equally_good_models_are_uniform():
    # By chance, a twentieth of the tests is below 0.05: 20 of 400, plus or minus three times 4.4.
    found = []
    for seed in range(400):
        random = np.random.default_rng(seed)
        targets = np.arange(100) % 2
        found.append(delong(targets, *(targets + random.normal(size=(2, 100)))).p)
    assert 7 <= sum(p < 0.05 for p in found) <= 33


def test_seeds_are_tested_by_their_mean_area():
    targets, first, second = two_models()
    both = delong(targets, np.stack([first, second]), second)
    assert both.difference == pytest.approx(delong(targets, first, second).difference / 2)
    # The same seed twice is no more evidence than once.
    assert delong(targets, np.stack([first, first]), second) == pytest.approx(delong(targets, first, second))


def test_folds_are_combined_by_their_variances():
    tests = [delong(*two_models(seed=seed)) for seed in range(3)]
    whole = combined(tests)
    assert whole.difference == pytest.approx(np.mean([test.difference for test in tests]))
    assert whole.z == pytest.approx(sum(t.difference for t in tests) / sum(t.variance for t in tests) ** 0.5)
    assert whole.p == pytest.approx(2 * norm.sf(abs(whole.z)))
    assert combined(tests[:1]) == pytest.approx(tests[0])


def test_undefined_results_are_none():
    targets = np.array([0, 0, 1, 1])
    same = delong(targets, np.arange(4.0), np.arange(4.0))
    assert (same.difference, same.z, same.p) == (0.0, 0.0, 1.0)
    # A perfect order against a constant: neither varies with the genes.
    assert delong(targets, np.arange(4.0), np.zeros(4)) == (0.5, 0.0, None, None)
    lonely = delong(np.array([0, 0, 1]), np.array([0.0, 2.0, 1.0]), np.array([0.0, 1.0, 2.0]))
    assert lonely == (-0.5, None, None, None)
    assert combined([same, lonely]).p is None


def test_a_test_that_represents_several_folds_is_weighted_by_their_number():
    one, other = (delong(*two_models(seed=seed)) for seed in range(2))
    assert combined([one], [5]) == pytest.approx(one)
    both = combined([one, other], [3, 1])
    assert both.difference == pytest.approx((3 * one.difference + other.difference) / 4)
    assert both.variance == pytest.approx((9 * one.variance + other.variance) / 16)
