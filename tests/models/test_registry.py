"""Names, options and plugins."""

import json
import logging
from importlib.metadata import EntryPoint

import pytest
import torch

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models import registry
from kanseq.models.architecture import Architecture, generator, predictor, tabular
from kanseq.models.config import TabularConfig
from kanseq.models.networks.mlp import MLP, MLPConfig
from kanseq.models.registry import (
    architecture,
    architectures,
    config_from_json,
    config_to_json,
    make_config,
)
from kanseq.specification.optimisation import Settings
from kanseq.tasks.learning_goal import LearningGoal
from kanseq.verbs.modelling.list_models import list_models

PLUGIN = Architecture(name="wide-mlp", summary="a plugin's", source="elsewhere", config=MLPConfig, build=MLP)

PREDICTOR = predictor("new-mlp", summary="a plugin's", source="elsewhere", config=MLPConfig, build=MLP)
GENERATOR = generator(
    "dreamer", summary="makes it up", source="elsewhere", config=MLPConfig, build=MLP, objective="stranger:Adversarial"
)
TABULAR = tabular(
    "rows",
    summary="reads vectors",
    source="elsewhere",
    config=TabularConfig,
    build=lambda config: torch.nn.Linear(config.inputs, config.outputs),
)


@pytest.fixture
def plugins(monkeypatch):
    """Install entry points for the duration of a test."""

    def install(*targets: str) -> None:
        points = [EntryPoint(f"p{number}", target, "kanseq.models") for number, target in enumerate(targets)]
        monkeypatch.setattr(registry, "entry_points", lambda group: points)
        architectures.cache_clear()

    yield install
    architectures.cache_clear()


def test_networks_learn_every_task_and_estimators_classes_or_numbers():
    tasks = {each.name: each.tasks for each in registry.OWN}
    networks = ("kan-words", "kan-mixer", "kan", "mlp", "deepcre", "kmer-sgd")
    assert {tasks[name] for name in networks} == {("binary", "multiclass", "regression")}
    assert {tasks[name] for name in ("gc", "kmer-logistic", "boosting")} == {("binary", "multiclass")}
    assert tasks["kmer-ridge"] == ("regression",)


def test_an_unknown_model_shows_the_closest_names():
    with pytest.raises(BadOption, match=r"no model is called 'kan-mixr'; choose kan-mixer"):
        architecture("kan-mixr")


def test_options_are_converted_to_the_type_of_their_field():
    config = make_config(
        "kan-mixer", Geometry(), {"token-hidden": "189", "low": "-1", "base": "no", "channels": 64}, outputs=1
    )
    assert (config.token_hidden, config.low, config.base, config.channels, config.outputs) == (189, -1.0, False, 64, 1)
    assert isinstance(config.low, float)
    assert make_config("kan-mixer", Geometry(), {"token_hidden": "none"}).token_hidden is None


def test_estimators_ignore_the_number_of_outputs():
    assert not hasattr(make_config("gc", Geometry(), outputs=2), "outputs")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("kan", {"hiden": 3}, "the model 'kan' has no option 'hiden'; it has hidden"),
        ("gc", {"k": 3}, "the model 'gc' has no option 'k'; it has no options"),
        ("kan", {"hidden": "many"}, "option 'hidden' is 'many'; int is required"),
        ("kan", {"hidden": "1.5"}, "option 'hidden' is '1.5'; int is required"),
        ("kan", {"hidden": 1.5}, "option 'hidden' is '1.5'; int is required"),
        ("kan", {"base": "maybe"}, "option 'base' is 'maybe'; bool is required"),
        ("kan", {"hidden": 0}, "hidden is 0; it must be at least 1"),
        ("kan", {"low": "nan"}, "low is nan; it must be a finite number"),
        ("kan", {"low": 3}, "low is 3.0 and high 2.0; low must be below high"),
        ("deepcre", {"dropout": 1.5}, "dropout is 1.5; it must be at least 0 and at most 1"),
        ("kmer-logistic", {"k": 8, "bin": 1}, "k = 8 in bins of 1 yields 196,608,000 features; use wider bins"),
    ],
)
def test_invalid_options_are_refused_in_one_line(name, options, message):
    with pytest.raises(BadOption) as caught:
        make_config(name, Geometry(), options)
    assert str(caught.value) == message


@pytest.mark.parametrize("visible", ["all", "flanks"])
@pytest.mark.parametrize("name", [model.name for model in registry.OWN])
def test_configurations_round_trip_through_json(name, visible):
    config = make_config(name, Geometry(upstream=30, downstream=2, pad=0, mask=False, visible=visible))
    assert config_from_json(name, json.loads(json.dumps(config_to_json(config)))) == config


def test_a_plugin_model_is_listed_and_built(plugins, monkeypatch):
    monkeypatch.setattr("kanseq.models.networks.mlp.PLUGIN", PLUGIN, raising=False)
    plugins("kanseq.models.networks.mlp:PLUGIN")
    (model,) = list_models("wide-mlp").models
    assert (model["summary"], model["parameters"]) == ("a plugin's", 1_546_626)


def test_plugins_that_do_not_work_are_skipped_with_a_warning(plugins, caplog):
    plugins("no.such.module:THING", "kanseq.geometry:TOKEN", "kanseq.models.networks.mlp:ARCHITECTURE")
    with caplog.at_level(logging.WARNING, "kanseq"):
        assert len(architectures()) == 13
    texts = [record.getMessage() for record in caplog.records]
    assert "no.such.module:THING' cannot be loaded" in texts[0]
    assert "is not a kanseq Architecture" in texts[1]
    assert "has the name 'mlp', which is already used" in texts[2]


def test_plugins_of_every_kind_are_listed_with_their_counts(plugins):
    plugins(*(f"{__name__}:{name}" for name in ("PREDICTOR", "GENERATOR", "TABULAR")))
    assert [architecture(name).kind for name in ("new-mlp", "dreamer", "rows")] == ["predictor", "generator", "tabular"]
    assert architecture("dreamer").tasks == ()
    listed = {model["name"]: model for model in list_models(length=2).models}
    assert listed["new-mlp"]["parameters"] == listed["dreamer"]["parameters"] == 8 * 128 + 128 + 128 * 2 + 2
    assert listed["rows"]["parameters"] == 17
    (model,) = list_models("rows", options={"inputs": 3, "outputs": "2"}).models
    assert (model["parameters"], model["set"]) == (8, {"inputs": 3, "outputs": 2})
    config = make_config("rows", Geometry(), {"inputs": 3})
    assert config_from_json("rows", json.loads(json.dumps(config_to_json(config)))) == config


def test_only_predictors_of_sequences_are_trained(plugins):
    plugins(*(f"{__name__}:{name}" for name in ("GENERATOR", "TABULAR")))
    for name, kind in (("dreamer", "generator"), ("rows", "tabular")):
        with pytest.raises(BadOption, match=f"the model '{name}' is of kind '{kind}"):
            LearningGoal().check_model(architecture(name), "none", ())


def test_declarations_that_contradict_themselves_are_refused():
    about = {"summary": "", "source": "", "config": MLPConfig, "build": MLP}
    with pytest.raises(ValueError, match="the model 'm' has kind 'dream', not one of predictor, generator, tabular"):
        Architecture("m", **about, kind="dream")
    with pytest.raises(ValueError, match="the generator 'm' needs an objective"):
        Architecture("m", **about, kind="generator")
    with pytest.raises(ValueError, match="the model 'm' has learner 'slowly', not one of steps, at-once"):
        Architecture("m", **about, learner="slowly")
    with pytest.raises(ValueError, match="the model 'm' uses the setting 'speed', which does not exist"):
        Architecture("m", **about, settings=("balance", "speed"))


def test_an_architecture_declares_the_settings_that_it_uses():
    settings = Settings(balance="weights", epochs=7)
    assert architecture("gc").recorded(settings) == {"balance": "weights"}
    assert architecture("mlp").recorded(settings) == settings.to_json()
    taken = {
        name: [each for each in ("balance", "tune", "mid") if architecture(name).takes(each)] for name in ("mlp", "gc")
    }
    assert taken == {"mlp": ["balance", "tune", "mid"], "gc": ["balance"]}
