"""Compare counts with a slow loop, and the regressions with scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kanseq.errors import OneClass
from kanseq.geometry import Geometry
from kanseq.models.classical.kmers import base_fractions, kmer_counts
from kanseq.models.classical.logistic import REGULARISATIONS, UNTUNED, choose_regularisation
from kanseq.models.registry import architecture, make_config

SMALL = Geometry(upstream=9, downstream=6, pad=3)


def build(name: str, geometry: Geometry, **options: int):
    return architecture(name).build(make_config(name, geometry, options))


def signal(rows: int, geometry: Geometry, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return random codes and classes; sequences of class 1 hold more T."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, 2, rows)
    share = np.array([[0.25, 0.25, 0.25, 0.25], [0.21, 0.22, 0.22, 0.35]])
    codes = np.stack([random.choice(4, geometry.columns, p=share[target]) for target in targets])
    return codes.astype(np.uint8), targets


@pytest.mark.parametrize(
    ("geometry", "k", "width"),
    [
        (SMALL, 3, 4),
        (Geometry(9, 6, 0, mask=False), 2, 5),
        (Geometry.plain(30), 3, 7),
        (replace(SMALL, visible="flanks"), 2, 4),
        (replace(SMALL, visible="transcribed"), 2, 4),
    ],
)
def test_counts_match_a_slow_loop(geometry, k, width):
    codes = np.random.default_rng(0).choice(5, (5, geometry.columns), p=[0.23, 0.23, 0.23, 0.23, 0.08])
    codes = codes.astype(np.uint8)
    last = geometry.columns
    left, right = {"all": (0, 15), "flanks": (0, 9), "transcribed": (9, 15)}[geometry.visible]
    windows = [(left, right), (last - right, last - left)] if geometry.has_genes else [(0, last)]
    masked = {column for start, stop in geometry.masked for column in range(start, stop)}
    bins = sum(-(-(stop - start) // width) for start, stop in windows)
    expected = np.zeros((5, bins, 4**k))
    for row in range(5):
        first = 0
        for start, stop in windows:
            for column in range(start, stop - k + 1):
                letters = codes[row, column : column + k]
                if (letters == 4).any() or masked & set(range(column, column + k)):
                    continue
                word = sum(int(letter) * 4 ** (k - 1 - place) for place, letter in enumerate(letters))
                expected[row, first + (column - start) // width, word] += 1
            first += -(-(stop - start) // width)
    counts = kmer_counts(codes, geometry, k, width)
    assert counts.dtype == np.float32
    np.testing.assert_array_equal(counts, expected.reshape(5, -1))


def test_counts_do_not_depend_on_the_number_of_sequences():
    codes = np.random.default_rng(0).integers(0, 5, (1100, SMALL.columns), dtype=np.uint8)
    together = kmer_counts(codes, SMALL, 2, 5)
    np.testing.assert_array_equal(together[700:703], kmer_counts(codes[700:703], SMALL, 2, 5))


def test_base_fractions_exclude_n_and_masked_columns():
    codes = np.array([[0, 0, 1, 2, 3, 4], [4, 4, 4, 4, 4, 4]], dtype=np.uint8)
    fractions = base_fractions(codes, Geometry.plain(6))
    np.testing.assert_allclose(fractions, [[0.4, 0.2, 0.2, 0.2], [0, 0, 0, 0]], rtol=1e-6)
    # Columns 2–3 and 4–5 are masked.
    masked = base_fractions(np.array([[0, 1, 2, 2, 2, 2, 3, 3]], dtype=np.uint8), Geometry(2, 2, 0))
    np.testing.assert_allclose(masked, [[0.25, 0.25, 0, 0.5]])


@pytest.mark.parametrize("name", ["gc", "kmer-logistic"])
@pytest.mark.parametrize("balanced", [False, True])
def test_logits_match_scikit_learn_on_standardised_features(name, balanced):
    geometry = Geometry.plain(60)
    codes, targets = signal(150, geometry)
    model = build(name, geometry)
    model.fit(codes, targets, groups=np.arange(150) // 30, balanced=balanced)
    features = model.features(codes).astype(np.float64)
    scale = np.where(features.std(axis=0) > 0, features.std(axis=0), 1)
    reference = LogisticRegression(
        C=model.regularisation[0], max_iter=10_000, tol=1e-8, class_weight="balanced" if balanced else None
    ).fit((features - features.mean(axis=0)) / scale, targets)
    expected = reference.decision_function((features - features.mean(axis=0)) / scale)
    logits = model.logits(codes)
    assert logits.dtype == np.float64
    np.testing.assert_allclose(logits, expected, atol=1e-3 + 2e-2 * np.abs(expected).max())
    assert roc_auc_score(targets, logits) > 0.75


def test_regularisation_is_the_best_on_held_out_groups():
    geometry = Geometry.plain(40)
    codes, targets = signal(160, geometry)
    groups = np.repeat(["a", "b", "c", "d"], 40)
    model = build("kmer-logistic", geometry, k=2, bin=20)
    model.fit(codes, targets, groups=groups)
    features = model.features(codes).astype(np.float64)
    means = []
    for regularisation in REGULARISATIONS:
        scores = []
        for group in "abcd":
            fitted = groups != group
            mean, scale = features[fitted].mean(axis=0), features[fitted].std(axis=0)
            inner = (features - mean) / np.where(scale > 0, scale, 1)
            regression = LogisticRegression(C=regularisation, max_iter=10_000, tol=1e-8)
            regression.fit(inner[fitted], targets[fitted])
            scores.append(roc_auc_score(targets[~fitted], regression.decision_function(inner[~fitted])))
        means.append(np.mean(scores))
    chosen = REGULARISATIONS.index(model.regularisation[0])
    assert means[chosen] == pytest.approx(max(means), abs=2e-3)


@pytest.mark.parametrize("name", ["gc", "kmer-logistic"])
def test_training_is_deterministic_and_arrays_restore_the_model(name):
    geometry = Geometry.plain(40)
    codes, targets = signal(80, geometry)
    first, second, loaded = (build(name, geometry) for _ in range(3))
    first.fit(codes, targets, seed=3)
    second.fit(codes, targets, seed=3)
    arrays = first.arrays()
    assert {key: value.tobytes() for key, value in second.arrays().items()} == {
        key: value.tobytes() for key, value in arrays.items()
    }
    loaded.load_arrays(arrays)
    np.testing.assert_array_equal(loaded.logits(codes), first.logits(codes))
    np.testing.assert_array_equal(first.logits(codes[:1]), first.logits(codes)[:1])


def test_arrays_of_another_shape_are_refused():
    arrays = build("kmer-logistic", Geometry.plain(40)).arrays()
    wider = build("kmer-logistic", Geometry.plain(2000))
    with pytest.raises(ValueError, match="1,024 features"):
        wider.load_arrays(arrays)


def test_too_few_sequences_take_the_default_regularisation():
    codes, _ = signal(3, Geometry.plain(40))
    model = build("gc", Geometry.plain(40))
    model.fit(codes, np.array([0, 1, 0]))
    assert model.regularisation[0] == UNTUNED


def test_inner_folds_with_one_class_only_are_skipped():
    codes, _ = signal(40, Geometry.plain(40))
    targets = np.repeat([0, 1], 20)
    model = build("gc", Geometry.plain(40))
    model.fit(codes, targets, groups=targets)
    assert model.regularisation[0] == UNTUNED


def test_one_class_is_an_error():
    codes, _ = signal(10, Geometry.plain(40))
    with pytest.raises(OneClass, match="same label"):
        build("gc", Geometry.plain(40)).fit(codes, np.ones(10))


def test_an_unfitted_model_has_logits_of_zero():
    codes, _ = signal(4, Geometry.plain(40))
    assert build("gc", Geometry.plain(40)).logits(codes).tolist() == [0, 0, 0, 0]


def test_log_loss_chooses_the_scale_if_all_strengths_rank_the_same():
    random = np.random.default_rng(0)
    targets = np.arange(200) % 2
    # One feature that separates the classes widely: any C ranks them perfectly, but few are confident enough.
    features = (targets * 4.0 + random.normal(size=200) * 0.1)[:, None].astype(np.float32)
    assert choose_regularisation(features, targets, None) == (REGULARISATIONS[0], 1.0)
    chosen, score = choose_regularisation(features, targets, None, measure="log-loss")
    assert chosen == REGULARISATIONS[-1]
    assert -0.1 < score < 0
    # Features of noise: a model can only learn noise, so that small C have the lowest loss.
    noise = random.normal(size=(200, 30)).astype(np.float32)
    chosen, score = choose_regularisation(noise, targets, None, measure="log-loss")
    assert chosen <= 1e-3
    assert score == pytest.approx(-np.log(2), abs=0.02)


@pytest.mark.parametrize("measure", ["auroc", "log-loss"])
def test_inner_folds_standardise_by_the_rows_that_they_fit(measure):
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(5), 12)
    targets = np.tile([0, 1], 30)
    features = random.normal(size=(60, 3)) + 0.5 * targets[:, None]
    # One group's feature has far larger values: moments with them would flatten the feature for all other groups.
    features[groups == 2, 0] *= 300
    scoring = {"auroc": "roc_auc", "log-loss": "neg_log_loss"}[measure]
    expected = [
        cross_val_score(
            make_pipeline(StandardScaler(), LogisticRegression(C=regularisation, max_iter=2000)),
            features, targets, groups=groups, cv=GroupKFold(5), scoring=scoring,
        ).mean()
        for regularisation in REGULARISATIONS
    ]  # fmt: skip
    chosen, score = choose_regularisation(features, targets, groups, measure=measure)
    assert chosen == REGULARISATIONS[int(np.argmax(np.round(expected, 6)))]
    assert score == pytest.approx(max(expected), abs=1e-3)
