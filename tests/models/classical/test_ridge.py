"""Compare the ridge regression with scikit-learn's, and test the choice of its penalty."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kanseq.geometry import Geometry
from kanseq.models.classical.ridge import PENALTIES, UNTUNED, _choose
from kanseq.models.registry import architecture, make_config

GEOMETRY = Geometry.plain(60)


def build(**options):
    return architecture("kmer-ridge").build(make_config("kmer-ridge", GEOMETRY, {"k": 2, "bin": 30, **options}))


def examples(rows=200, noise=1.0):
    """Return codes, and expression that rises with the fraction of T."""
    random = np.random.default_rng(0)
    share = random.uniform(0.1, 0.5, rows)
    codes = np.where(random.random((rows, 60)) < share[:, None], 3, random.integers(0, 3, (rows, 60)))
    return codes.astype(np.uint8), 2 + 10 * share + noise * random.normal(size=rows)


def standardised(features, fitted):
    scale = features[fitted].std(axis=0)
    return (features - features[fitted].mean(axis=0)) / np.where(scale > 0, scale, 1)


def test_predictions_match_scikit_learn_on_standardised_features():
    codes, targets = examples()
    model = build()
    model.fit(codes, targets, groups=np.arange(200) // 40)
    features = standardised(model.features(codes).astype(np.float64), slice(None))
    expected = Ridge(model.regularisation[0]).fit(features, targets).predict(features)
    np.testing.assert_allclose(model.logits(codes), expected, rtol=1e-4)
    assert np.corrcoef(model.logits(codes), targets)[0, 1] > 0.7
    assert model.parameters == 33


@pytest.mark.parametrize("noise", [0.1, 1.0, 30.0])
def test_the_penalty_has_the_least_squared_error_on_held_out_groups(noise):
    codes, targets = examples(noise=noise)
    groups = np.repeat(["a", "b", "c", "d"], 50)
    model = build()
    model.fit(codes, targets, groups=groups)
    features = model.features(codes).astype(np.float64)
    errors = []
    for penalty in PENALTIES:
        squares = []
        for group in "abcd":
            fitted = groups != group
            inner = standardised(features, fitted)
            ridge = Ridge(penalty).fit(inner[fitted], targets[fitted])
            squares.append(np.mean((ridge.predict(inner[~fitted]) - targets[~fitted]) ** 2))
        errors.append(np.mean(squares))
    assert model.regularisation[0] == PENALTIES[int(np.argmin(errors))]


def test_predictions_match_scikit_learn_with_more_features_than_sequences():
    codes, targets = examples(40)
    model = build(k=4, bin=10)
    model.fit(codes, targets)
    features = standardised(model.features(codes).astype(np.float64), slice(None))
    expected = Ridge(model.regularisation[0]).fit(features, targets).predict(features)
    np.testing.assert_allclose(model.logits(codes), expected, rtol=1e-4)


def test_training_is_deterministic_and_arrays_restore_the_model():
    codes, targets = examples()
    first, second, loaded = (build() for _ in range(3))
    first.fit(codes, targets, seed=1)
    second.fit(codes, targets, seed=1, balanced=True)
    arrays = first.arrays()
    assert {name: array.tobytes() for name, array in second.arrays().items()} == {
        name: array.tobytes() for name, array in arrays.items()
    }
    loaded.load_arrays(arrays)
    assert loaded.logits(codes).tolist() == first.logits(codes).tolist()


def test_too_few_sequences_take_the_default_penalty_and_equal_numbers_are_predicted():
    codes, _ = examples(3)
    model = build()
    model.fit(codes, np.array([1.5, 1.5, 1.5]))
    assert model.regularisation[0] == UNTUNED
    np.testing.assert_allclose(model.logits(codes), 1.5)


@pytest.mark.parametrize(("seed", "expected"), [(1, 1e3), (2, 1e4)])
def test_inner_folds_standardise_by_the_rows_that_they_fit(seed, expected):
    random = np.random.default_rng(seed)
    groups, targets = np.repeat(np.arange(5), 12), random.normal(size=60)
    features = random.normal(size=(60, 3)) + 0.5 * targets[:, None]
    # One group's feature has far larger values: moments of all rows would hide how bad a weak penalty is for it.
    features[groups == 2, 0] *= 300
    how = {"groups": groups, "cv": GroupKFold(5), "scoring": "neg_mean_squared_error"}
    scores = [
        cross_val_score(make_pipeline(StandardScaler(), Ridge(alpha)), features, targets, **how).mean()
        for alpha in PENALTIES
    ]
    assert PENALTIES[int(np.argmax(scores))] == expected
    assert _choose(features, targets, groups, seed=0) == expected
