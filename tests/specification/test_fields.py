"""Options of specifications: keywords, JSON, types and ranges."""

import inspect
import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kanseq
from kanseq.errors import BadOption, BadTable
from kanseq.nn.precision import PRECISIONS as PRODUCTS
from kanseq.specification.fields import from_json, gather, keywords_of, option, options_of, to_json
from kanseq.specification.optimisation import PRECISIONS, Settings, searchable
from kanseq.specification.option_checks import check
from kanseq.specification.training import FitSpec, TrainSpec, TuneSpec

GIVEN = {
    "genes": ["a.parquet", "b.parquet"],
    "splits": "splits.tsv",
    "output": "run",
    "options": {"hidden": 8, "base": False},
    "condition": ["leaf", "root"],
    "learning_rate": 0.01,
    "tune": True,
    "seed": [1, 2],
    "baseline": False,
}


def test_a_specification_is_unchanged_by_json():
    spec = gather(TrainSpec, GIVEN)
    assert spec.settings == {"learning_rate": 0.01, "tune": True}
    assert spec.learning.condition == ["leaf", "root"]
    assert keywords_of(spec) == GIVEN
    written = to_json(spec)
    assert written == {"format": 1, "kind": "TrainSpec", "options": GIVEN}
    assert from_json(TrainSpec, json.loads(json.dumps(written))) == spec


def test_paths_are_strings_in_json_and_tables_in_memory_are_refused():
    spec = gather(TrainSpec, {**GIVEN, "genes": Path("a.parquet")})
    assert to_json(spec)["options"]["genes"] == "a.parquet"
    spec = gather(TrainSpec, {**GIVEN, "labels": pd.DataFrame({"id": ["a"]})})
    with pytest.raises(BadOption, match="a DataFrame in memory cannot be passed to another process; provide files"):
        to_json(spec)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "this is not a TrainSpec"),
        ({"format": 1, "kind": "TuneSpec", "options": {}}, "this is not a TrainSpec"),
        ({"format": 2, "kind": "TrainSpec", "options": {}}, "its format 2 is not supported"),
        ({"format": 1, "kind": "TrainSpec", "options": {**GIVEN, "wings": 2}}, "TrainSpec has no option 'wings'"),
    ],
)
def test_other_json_is_refused(content, message):
    with pytest.raises(BadTable, match=message):
        from_json(TrainSpec, content)


@dataclass(frozen=True)
class Bounded:
    least: int = option(3, "at least 2", least=2)
    above: float = option(0.5, "above 0, at most 1", above=0, most=1)
    word: str | None = option("a", "a or b", choices=("a", "b"))

    def __post_init__(self) -> None:
        check(self, fields(self))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"least": 1}, "least is 1; it must be at least 2"),
        ({"above": 0.0}, "above is 0.0; it must be above 0 and at most 1"),
        ({"above": float("nan")}, "above is nan"),
        ({"word": "c"}, "word 'c' is unknown; choose a, b"),
    ],
)
def test_values_out_of_range_are_refused_by_name(wrong, message):
    Bounded(least=2, above=1, word=None)
    with pytest.raises(BadOption, match=message):
        Bounded(**wrong)


PLACES = {"genes": "g", "splits": "s", "output": "o"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"threads": -1}, "threads is -1; it must be at least 0"),
        ({"devices": 0}, "devices is 0; it must be at least 1"),
        ({"nodes": 0}, "nodes is 0; it must be at least 1"),
        ({"seeds": 0}, "seeds is 0; it must be at least 1"),
        ({"seed": [3, -1]}, "seed is -1; it must be at least 0"),
        ({"seed": "3"}, "seed is '3'; it must be a whole number"),
        ({"seed": [1, 2.5]}, "seed is 2.5; it must be a whole number"),
        ({"epochs": 2.5}, "epochs is 2.5; it must be a whole number"),
        ({"epochs": "2"}, "epochs is '2'; it must be a whole number"),
        ({"epochs": True}, "epochs is True; it must be a whole number"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'; it must be a number"),
        ({"learning_rate": 0}, "learning_rate is 0; it must be above 0"),
        ({"tune": 1}, "tune is 1; it must be true or false"),
        ({"schedule": "steps"}, "schedule 'steps' is unknown; choose constant, cosine, one-cycle"),
        ({"visible": None}, "visible is None; it must be text"),
        ({"checkpoint_minutes": -1}, "checkpoint_minutes is -1; it must be at least 0"),
        ({"options": ["hidden=3"]}, r"options is \['hidden=3'\]; it must be a dictionary of names and values"),
    ],
)
def test_a_training_is_checked_when_it_is_specified(wrong, message):
    with pytest.raises(BadOption, match=message):
        gather(TrainSpec, {**PLACES, **wrong})
    with pytest.raises(BadOption, match=message):
        from_json(TrainSpec, {"format": 1, "kind": "TrainSpec", "options": {**PLACES, **wrong}})


def test_searches_and_fits_are_checked_when_they_are_specified():
    search = {**PLACES, "holdout": "1", "search": ["hidden=1..2"]}
    with pytest.raises(BadOption, match="trials is 0; it must be at least 1"):
        gather(TuneSpec, {**search, "trials": 0})
    with pytest.raises(BadOption, match="it must be a list"):
        gather(TuneSpec, {**search, "search": "hidden=1..2"})
    with pytest.raises(BadOption, match="batch_size is 0; it must be at least 1"):
        gather(FitSpec, {"batch_size": 0})


@pytest.mark.parametrize(
    ("specification", "given", "name"),
    [
        (TrainSpec, PLACES, "lerning_rate"),
        (TuneSpec, {**PLACES, "holdout": "1", "search": ["l1=0..1"]}, "compile"),
        (FitSpec, {}, "tune"),
    ],
)
def test_unknown_settings_are_refused(specification, given, name):
    with pytest.raises(BadOption, match=f"there is no setting '{name}'; choose epochs, batch_size"):
        specification(**given, settings={name: 3})


@pytest.mark.parametrize(
    ("seed", "recorded"),
    [
        (np.array([1, 2]), [1, 2]),
        (pd.Series([1, 2]), [1, 2]),
        (range(2), [0, 1]),
        ((4, np.int64(5)), [4, 5]),
        (np.uint8(7), 7),
    ],
)
def test_seeds_are_any_sequence_of_whole_numbers(seed, recorded):
    written = to_json(gather(TrainSpec, {**PLACES, "seed": seed, "devices": 2}))["options"]
    assert written == {**PLACES, "seed": recorded, "devices": 2}
    assert json.loads(json.dumps(written)) == written


def test_numpy_numbers_become_python_numbers():
    spec = gather(TrainSpec, {**PLACES, "learning_rate": np.float32(0.5), "tune": np.True_, "threads": np.int16(2)})
    assert repr((spec.settings, spec.threads)) == "({'learning_rate': 0.5, 'tune': True}, 2)"
    assert repr(Settings(epochs=np.int64(3)).epochs) == "3"
    spec = gather(FitSpec, {"options": {"hidden": np.int64(8), "base": np.False_}})
    assert repr(spec.options) == "{'hidden': 8, 'base': False}"


def test_later_settings_are_left_out_of_files_if_they_have_their_default():
    names = set(Settings().to_json())
    assert {"epochs", "compile"} <= names
    assert not {"l1", "entropy", "smoothness"} & names
    assert Settings(l1=0.5).to_json()["l1"] == 0.5


def test_precisions_match_those_of_the_layers():
    assert ("auto", *PRODUCTS) == PRECISIONS


@pytest.mark.parametrize(("verb", "specification"), [("train", TrainSpec), ("tune", TuneSpec)])
def test_a_function_shows_all_its_keywords_and_explains_them(verb, specification):
    function = getattr(kanseq, verb)
    parameters = inspect.signature(function).parameters
    assert set(parameters) == {each.name for each in options_of(specification)}
    assert parameters["learning_rate"].default is None
    assert parameters["balance"].default == "none"
    assert parameters["genes"].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    documentation = inspect.getdoc(function)
    for name in searchable():
        assert f"\n    {name}: " in documentation
    required = {each.name: "x" for each in parameters.values() if each.default is each.empty}
    with pytest.raises(TypeError, match=rf"{verb}\(\) got an unexpected keyword argument 'lerning_rate'"):
        function(**required, lerning_rate=0.1)


def test_only_options_without_a_default_are_required():
    required = {each.name for each in inspect.signature(kanseq.train).parameters.values() if each.default is each.empty}
    assert required == {"genes", "splits", "output"}
    with pytest.raises(TypeError, match=r"train\(\) missing a required .*'splits'"):
        kanseq.train("genes.parquet", output="run")
