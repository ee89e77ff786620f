"""Every model can be fitted to strings and arrays, without files."""

import inspect
from pathlib import Path

import numpy as np
import pytest

import kanseq
from kanseq.errors import BadOption, BadTable, OneClass
from kanseq.geometry import Geometry
from kanseq.models.registry import architectures
from kanseq.sequences.sequence_set import SequenceSet

COLUMNS = 32
SMALL = {
    "kan-mixer": {"channels": 4},
    "kan": {"hidden": 4},
    "mlp": {"hidden": 4},
    "legnet": {"widths": "8,8"},
    "legnet-lkan": {"widths": "8,8"},
    "legnet-ckan": {"widths": "8,8"},
    "kmer-logistic": {"k": 2},
    "kmer-sgd": {"k": 2},
    "kmer-ridge": {"k": 2},
    "boosting": {"k": 1, "iterations": 10},
}


def sequences(count: int, seed: int = 0, columns: int = COLUMNS) -> list[str]:
    random = np.random.default_rng(seed)
    return ["".join(random.choice(list("ACGT"), columns, p=p)) for p in _shares(count)]


def _shares(count: int) -> list[list[float]]:
    return [[0.4, 0.1, 0.1, 0.4] if at % 2 else [0.1, 0.4, 0.4, 0.1] for at in range(count)]


@pytest.mark.parametrize("name", sorted(architectures()))
def test_every_model_can_be_fitted_and_predicts(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kind, new = architectures()[name], sequences(6, 1)
    is_regression = "binary" not in kind.tasks
    targets = [0.0 + at % 2 for at in range(40)] if is_regression else ["AT" if at % 2 else "GC" for at in range(40)]
    more = {"epochs": 1} if kind.takes is None else {}
    geometry = Geometry(8, 8, 0) if name in ("kan-words", "deepcre") else None
    model = kanseq.fit(name, sequences(40), targets, options=SMALL.get(name), geometry=geometry, seed=3, **more)
    assert model.logits(new).shape == (6,)
    assert is_regression or set(model.predict(new)) <= {"AT", "GC"}
    assert np.isnan(model.probabilities(new)).all() == is_regression
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["mlp", "kmer-logistic"])
def test_the_same_seed_yields_the_same_model(name: str) -> None:
    made = [kanseq.fit(name, sequences(20), [0, 1] * 10, options=SMALL[name], seed=seed) for seed in (3, 3, 4)]
    logits = [model.logits(sequences(6, 1)).tolist() for model in made]
    assert logits[0] == logits[1]
    assert (logits[0] == logits[2]) == (name == "kmer-logistic")


def test_composition_is_learned() -> None:
    targets = np.arange(80) % 2
    model = kanseq.fit("gc", sequences(80), targets)
    assert model.classes == ("0", "1")
    assert (model.predict(sequences(40, 5)) == (np.arange(40) % 2).astype(str)).mean() > 0.9


def test_three_classes_and_numeric_targets_are_accepted() -> None:
    three = kanseq.fit("mlp", sequences(30), list("abc") * 10, options={"hidden": 2}, epochs=1)
    assert (three.task.name, three.classes) == ("multiclass", ("a", "b", "c"))
    assert three.probabilities(sequences(4)).sum(axis=1) == pytest.approx(1)
    numbers = kanseq.fit("mlp", sequences(30), np.linspace(100, 101, 30), options={"hidden": 2}, epochs=1)
    assert numbers.task.name == "regression"
    assert abs(numbers.predict(sequences(4)) - 100.5).max() < 5


def test_tuning_sequences_are_used_for_early_stopping_only() -> None:
    train, targets = sequences(40), np.arange(40) % 2
    how = {"options": {"hidden": 4}, "epochs": 3, "precision": "float32", "weight_decay": 0.0}
    one = kanseq.fit("mlp", train, targets, tune_on=(sequences(20, 8, 20), np.arange(20) % 2), **how)
    assert one.geometry.columns == COLUMNS
    last = kanseq.fit("mlp", train, targets, **how)
    flipped = kanseq.fit("mlp", train, targets, tune_on=(sequences(20, 8, 20), (np.arange(20) + 1) % 2), **how)
    assert one.logits(train).tolist() == last.logits(train).tolist()
    assert flipped.logits(train).tolist() != last.logits(train).tolist()


def test_labels_of_a_set_are_the_default_targets() -> None:
    genes = SequenceSet.from_strings(sequences(30), labels=["high" if at % 2 else "low" for at in range(30)])
    model = kanseq.fit("kmer-logistic", genes, options={"k": 1})
    assert model.classes == ("low", "high")
    assert model.logits(genes).shape == (30,)


def test_invalid_arguments_are_refused() -> None:
    with pytest.raises(BadTable, match="3 targets for 4 sequences"):
        kanseq.fit("gc", sequences(4), [0, 1, 0])
    with pytest.raises(BadTable, match="specify targets"):
        kanseq.fit("gc", sequences(4))
    with pytest.raises(OneClass, match="all 4 training sequences have the same target"):
        kanseq.fit("gc", sequences(4), ["low"] * 4)
    with pytest.raises(BadOption, match="no model is called 'mpl'"):
        kanseq.fit("mpl", sequences(4), [0, 1, 0, 1])
    with pytest.raises(TypeError, match="learning_rat"):
        kanseq.fit("mlp", sequences(4), [0, 1, 0, 1], learning_rat=1.0)
    with pytest.raises(BadOption, match="learning_rate is -1"):
        kanseq.fit("mlp", sequences(4), [0, 1, 0, 1], learning_rate=-1.0)


def test_settings_are_keywords() -> None:
    known = inspect.signature(kanseq.fit).parameters
    assert {"model", "sequences", "targets", "learning_rate", "l1", "seed"} <= set(known)
    assert "learning_rate: learning rate of Adam" in (inspect.getdoc(kanseq.fit) or "")


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_missing_target_is_not_a_class(missing: float | None) -> None:
    targets = ["low", "high", missing] * 6
    model = kanseq.fit("gc", sequences(18), targets)
    assert model.classes == ("low", "high")
    assert kanseq.fit("gc", sequences(4), np.array([b"a", b"b"] * 2)).classes == ("a", "b")
