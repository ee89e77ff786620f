"""The output of ``kanseq models``."""

import pytest

from kanseq.errors import BadOption
from kanseq.verbs.modelling.list_models import list_models


def test_built_in_models_are_listed_with_counts_and_options():
    models = {model["name"]: model for model in list_models().models}
    assert list(models) == [
        "kan-words", "kan-mixer", "kan", "mlp", "deepcre", "legnet", "legnet-lkan", "legnet-ckan", "gc",
        "kmer-logistic", "kmer-sgd", "boosting", "kmer-ridge",
    ]  # fmt: skip
    assert models["kan-mixer"]["parameters"] == 1_439_412
    assert models["kan-mixer"]["options"]["token_hidden"]["type"] == "int or none"
    assert models["deepcre"]["options"]["outputs"]["default"] == 1
    assert models["kmer-logistic"]["options"]["k"] == {
        "type": "int",
        "default": 3,
        "help": "length of the k-mers that are counted",
    }
    assert all(option["help"] for model in models.values() for option in model["options"].values())
    assert models["kan-words"]["recipe"]["mid"] == "rank"
    assert models["kan-mixer"]["recipe"] == {}
    assert all(model["summary"] and model["source"] for model in models.values())


def test_counts_follow_the_geometry():
    (model,) = list_models("mlp", upstream=10, downstream=5, pad=2).models
    # 32 columns of 4 bases: 128·128 + 128 + 128·2 + 2.
    assert model["parameters"] == 16_770


def test_an_impossible_geometry_is_an_option_error():
    with pytest.raises(BadOption, match="not be negative"):
        list_models(upstream=-1)


def test_networks_of_one_size_are_listed_with_the_options_for_it():
    models = {model["name"]: model for model in list_models(length=101, match=100_000).models}
    assert list(models) == ["kan-mixer", "kan", "mlp", "legnet", "legnet-lkan", "legnet-ckan"]
    assert all(abs(model["parameters"] - 100_000) < 3_000 for model in models.values())
    # 404 inputs, a bias, and two outputs: 246 units have 100,124 weights.
    assert (models["mlp"]["set"], models["mlp"]["parameters"]) == ({"hidden": 246}, 100_124)
    assert models["mlp"]["options"]["hidden"]["default"] == 128


def test_a_model_that_cannot_have_a_size_is_omitted_from_the_list_and_refused_by_name():
    assert "kan-mixer" not in {model["name"] for model in list_models(match=500_000).models}
    with pytest.raises(BadOption, match=r"the model 'kan-mixer' cannot have 500,000 parameters"):
        list_models("kan-mixer", match=500_000)
    with pytest.raises(BadOption, match="length is 0"):
        list_models(length=0)


def test_counts_follow_the_options_of_one_model():
    (model,) = list_models("mlp", length=2, options={"hidden": "3"}).models
    # 8 inputs, 3 units, 2 outputs.
    assert (model["parameters"], model["set"]) == (8 * 3 + 3 + 3 * 2 + 2, {"hidden": 3})
    assert model["options"]["hidden"]["default"] == 128
    (model,) = list_models("kan", length=101, match=100_000, options={"centres": 4}).models
    assert model["set"]["centres"] == 4
    assert abs(model["parameters"] - 100_000) < 3_000


def test_options_without_a_model_and_unknown_ones_are_refused():
    with pytest.raises(BadOption, match="options belong to one model; specify the model"):
        list_models(options={"hidden": 3})
    with pytest.raises(BadOption, match="the model 'kan' has no option 'hiden'; it has hidden"):
        list_models("kan", options={"hiden": 3})
