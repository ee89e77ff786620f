"""Compare trees stored as arrays with scikit-learn's, and refuse invalid arrays."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from kanseq.errors import BadOption, OneClass
from kanseq.geometry import Geometry
from kanseq.models.classical.boosting import NO_TREES, Trees
from kanseq.models.registry import architecture, make_config

GEOMETRY = Geometry.plain(60)


def build(geometry=GEOMETRY, **options):
    return architecture("boosting").build(make_config("boosting", geometry, {"k": 2, "bin": 30, **options}))


def examples(rows=240, seed=0):
    """Class 1 holds more T in both halves, or in neither, which no linear model can separate."""
    random = np.random.default_rng(seed)
    first, second = random.integers(0, 2, (2, rows))
    codes = random.integers(0, 4, (rows, 60), dtype=np.uint8)
    for half, more in ((slice(0, 30), first), (slice(30, 60), second)):
        codes[:, half][(random.random((rows, 30)) < 0.3) & (more == 1)[:, None]] = 3
    return codes, (first == second).astype(np.int64)


@pytest.mark.parametrize("balanced", [False, True])
def test_logits_match_scikit_learn(balanced):
    codes, targets = examples()
    targets[:60] = 1
    model = build(iterations=20, leaves=5, learning_rate=0.3)
    model.fit(codes, targets, seed=3, balanced=balanced)
    weights = 120 / np.bincount(targets)[targets] if balanced else None
    reference = GradientBoostingClassifier(
        n_estimators=20, learning_rate=0.3, max_leaf_nodes=5, max_depth=None, max_features="sqrt", subsample=0.5
    )
    reference.set_params(random_state=3).fit(model.features(codes), targets, weights)
    others = np.random.default_rng(5).integers(0, 5, (700, 60), dtype=np.uint8)
    expected = reference.decision_function(model.features(others))
    np.testing.assert_allclose(model.logits(others), expected, rtol=1e-6, atol=1e-6)
    assert model.parameters == sum(tree.get_n_leaves() for tree in reference.estimators_[:, 0])


def test_logits_of_trees_written_by_hand():
    # One tree tests count 1 and, if it is more than 2.5, count 0; the other one is a single leaf.
    trees = Trees(
        prior=np.array([0.5]),
        root=np.array([0, 5]),
        left=np.array([1, 1, 3, 3, 4, 5]),
        right=np.array([2, 1, 4, 3, 4, 5]),
        feature=np.array([1, 0, 0, 0, 0, 0]),
        threshold=np.array([2.5, 0, 7.5, 0, 0, 0]),
        value=np.array([0, 1.0, 0, 10.0, 100.0, 1000.0]),
    )
    assert trees.is_leaf.tolist() == [False, True, False, True, True, True]
    assert trees.logits(np.array([[9, 2], [7, 3], [8, 3]])).tolist() == [1001.5, 1010.5, 1100.5]


def test_it_learns_interactions_between_two_positions():
    codes, targets = examples(600)
    scores = {}
    for name, options in (("boosting", {"iterations": 100}), ("kmer-logistic", {})):
        model = architecture(name).build(make_config(name, GEOMETRY, {"k": 1, "bin": 30, **options}))
        model.fit(codes[:400], targets[:400])
        scores[name] = roc_auc_score(targets[400:], model.logits(codes[400:]))
    assert scores["boosting"] > 0.75
    assert scores["kmer-logistic"] < 0.65


def test_training_is_deterministic_and_arrays_restore_the_model():
    codes, targets = examples()
    first, second, other, loaded = (build(iterations=10) for _ in range(4))
    first.fit(codes, targets, seed=1)
    second.fit(codes, targets, seed=1, groups=np.arange(240) // 60)
    other.fit(codes, targets, seed=2)
    arrays = first.arrays()
    assert {name: array.tobytes() for name, array in second.arrays().items()} == {
        name: array.tobytes() for name, array in arrays.items()
    }
    assert other.logits(codes).tolist() != first.logits(codes).tolist()
    loaded.load_arrays(arrays)
    assert loaded.logits(codes).tolist() == first.logits(codes).tolist()
    assert first.logits(codes[:1]).tolist() == first.logits(codes)[:1].tolist()
    assert loaded.parameters == first.parameters > 10


def test_an_unfitted_model_has_logits_of_zero_and_can_be_stored():
    codes, _ = examples(4)
    model = build()
    assert model.logits(codes).tolist() == [0, 0, 0, 0]
    assert model.parameters == 0
    model.load_arrays(NO_TREES._asdict())
    assert model.logits(codes).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("root", lambda array: array + 100_000),
        ("left", np.zeros_like),
        ("right", lambda array: np.roll(array, 1)),
        ("feature", lambda array: array + 32),
        ("threshold", lambda array: array[:-1]),
        ("left", lambda array: array.astype(np.float64)),
        ("prior", lambda array: np.zeros(2)),
    ],
)
def test_invalid_trees_are_refused(name, change):
    codes, targets = examples()
    model = build(iterations=3)
    model.fit(codes, targets)
    arrays = model.arrays()
    with pytest.raises(ValueError, match="trees on 32 features are required"):
        build().load_arrays({**arrays, name: change(arrays[name])})
    with pytest.raises(ValueError, match="'root'"):
        build().load_arrays({key: array for key, array in arrays.items() if key != name})


def test_one_class_and_options_out_of_range_are_errors():
    codes, _ = examples(10)
    with pytest.raises(OneClass, match="same label"):
        build().fit(codes, np.ones(10))
    for option, value in (("iterations", 0), ("learning_rate", 0), ("leaves", 1), ("subsample", 1.5)):
        with pytest.raises(BadOption, match=option):
            build(**{option: value})
