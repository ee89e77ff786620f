"""Path attribution of complete networks: completeness, independence of the batch, and known results."""

import numpy as np
import pytest
import torch

from kanseq.attribution.paths import attribute_by_paths
from kanseq.attribution.references import References
from kanseq.attribution.shares import MethodOptions
from kanseq.errors import BadOption, NoRule
from kanseq.geometry import Geometry
from kanseq.models.network import SequenceNetwork
from kanseq.models.registry import architecture, make_config
from kanseq.runs.predictors import NetworkPredictor
from kanseq.runs.trained_model import TrainedModel
from kanseq.sequences.shuffles import dinucleotide_shuffles
from kanseq.tasks.task import Task
from tests.attribution.conftest import build_model

GEOMETRY = Geometry(upstream=40, downstream=24, pad=8)
NETWORKS = [
    ("mlp", {}),
    ("kan", {}),
    ("kan-mixer", {"channels": 16}),
    ("kan-mixer", {"channels": 16, "token_hidden": 7}),
    ("deepcre", {}),
    ("kmer-sgd", {"bin": 30}),
    ("kan-words", {"knot": 8}),
    ("kan-words", {"k": 2, "knot": 8, "outputs": 2, "join_gain": 0}),
    ("legnet", {"widths": "8,8,6"}),
    ("legnet-lkan", {"widths": "8,8,6"}),
    ("legnet-lkan", {"widths": "8,8,6", "basis": "rbf", "layer_norm": True}),
    ("legnet-ckan", {"widths": "8,8,6"}),
]


@pytest.fixture(scope="module")
def codes():
    codes = np.random.default_rng(0).integers(0, 4, (5, GEOMETRY.columns)).astype(np.uint8)
    codes[:, 64:72] = 4
    codes[2, 10:30] = 4
    return GEOMETRY.hide(codes)


def shaken(name, options, dtype):
    """Build a model with every parameter changed from its initial value."""
    model = build_model(name, GEOMETRY, {}, **options)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.network.to(dtype)
    return model


@pytest.mark.parametrize(("dtype", "most"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize(("name", "options"), NETWORKS)
def test_attributions_add_up_for_every_gene_and_reference(name, options, codes, dtype, most):
    model = shaken(name, options, dtype)
    found = attribute_by_paths(model, codes, "abcde", References("shuffle:3", 3), MethodOptions())
    assert found.values.shape == codes.shape
    assert found.errors.shape == (5, 3)
    assert found.errors.max() < most
    with torch.no_grad():
        outputs = model.network.forward_encoded(model.network.encode(torch.from_numpy(codes)))
        np.testing.assert_allclose(found.logit, model.task.logit(outputs).double(), atol=1e-5)
    difference = found.logit - found.reference_logit
    np.testing.assert_allclose(found.sums.mean(1), difference, atol=1e-4)
    np.testing.assert_allclose(found.values.sum(1), difference, atol=1e-4)
    assert (found.values[codes == 4] == 0).all()
    assert np.abs(found.values).sum() > 0.01


@pytest.mark.parametrize(
    ("name", "options"),
    [("kan-mixer", {"channels": 16}), ("legnet-lkan", {"widths": "8,6"}), ("legnet-ckan", {"widths": "8,6"})],
)
def test_any_reference_is_supported(name, options, codes):
    model = shaken(name, options, torch.float64)
    others = np.random.default_rng(5).integers(0, 4, (2, GEOMETRY.columns)).astype(np.uint8)
    for references in (References("n", 1), References("file", 2, 0, GEOMETRY.hide(others))):
        found = attribute_by_paths(model, codes, "abcde", references, MethodOptions())
        assert found.errors.max() < 1e-12


def test_attributions_of_a_perceptron_follow_the_rescale_rule(codes):
    # DeepLIFT's rescale rule (Shrikumar et al. 2017), written out for one hidden layer.
    model = shaken("mlp", {"hidden": 9}, torch.float64)
    first, _, second = model.network.layers
    found = attribute_by_paths(model, codes, "abcde", References("shuffle:1", 1), MethodOptions())
    reference = dinucleotide_shuffles(codes, list("abcde"), 1)[:, 0]
    with torch.no_grad():
        x, r = (model.network.encode(torch.from_numpy(c.copy())).flatten(1) for c in (codes, reference))
        a, b = first(x), first(r)
        slope = (a.relu() - b.relu()) / (a - b)
        up = second.weight[1] - second.weight[0]
        expected = ((up * slope) @ first.weight * (x - r)).view(5, 4, -1).sum(1)
    np.testing.assert_allclose(found.values, expected, rtol=1e-5, atol=1e-7)


def test_attributions_of_an_additive_kan_are_those_of_its_edges(codes):
    model = build_model("kan", GEOMETRY, {}, hidden=6)
    inner, outer = model.network.layers
    inner.norm = outer.norm = None
    # Only sums: the first layer without the second one.
    network = torch.nn.Sequential(inner).double()

    class Additive(SequenceNetwork):
        def __init__(self):
            super().__init__(GEOMETRY)
            self.layer = network[0]

        def forward_encoded(self, x):
            return self.layer(x.flatten(1))[:, :2]

    model.predictor = NetworkPredictor(Additive().double())
    found = attribute_by_paths(model, codes[:1], "a", References("n", 1), MethodOptions())
    with torch.no_grad():
        x = model.network.encode(torch.from_numpy(codes[:1])).flatten()
        zero = torch.zeros(1, dtype=torch.float64)
        for column in (0, 50, 130):
            expected = 0
            for base in range(4):
                i = base * GEOMETRY.columns + column
                for j, sign in ((1, 1), (0, -1)):
                    at_x, at_r = (sum(inner.edge_functions(i, j, at)) for at in (x[i : i + 1], zero))
                    expected += sign * (at_x - at_r).item()
            assert found.values[0, column] == pytest.approx(expected, abs=1e-6)


def test_attributions_do_not_depend_on_the_other_genes(codes, monkeypatch):
    model = shaken("kan-mixer", {"channels": 16}, torch.float64)
    references = References("shuffle:2", 2)
    together = attribute_by_paths(model, codes, "abcde", references, MethodOptions())
    monkeypatch.setattr(SequenceNetwork, "rows", 3)
    for row, name in enumerate("abcde"):
        alone = attribute_by_paths(model, codes[row : row + 1], name, references, MethodOptions())
        np.testing.assert_allclose(alone.values[0], together.values[row], rtol=1e-6, atol=1e-9)
    monkeypatch.setattr(SequenceNetwork, "rows", 1)
    again = attribute_by_paths(model, codes, "abcde", references, MethodOptions())
    np.testing.assert_allclose(again.errors, together.errors, atol=1e-12)
    np.testing.assert_allclose(again.values, together.values, rtol=1e-6, atol=1e-9)


def test_hypothetical_contributions_agree_with_the_attributions(codes):
    model = shaken("mlp", {"hidden": 9}, torch.float64)
    found = attribute_by_paths(model, codes, "abcde", References("shuffle:2", 2), MethodOptions(hypothetical=True))
    there = np.take_along_axis(found.hypothetical, np.minimum(codes, 3)[:, None].astype(int), axis=1)[:, 0]
    np.testing.assert_allclose(np.where(codes == 4, 0, there), found.values, atol=1e-6)
    assert (found.hypothetical.transpose(0, 2, 1)[codes == 4] == 0).all()


def test_several_outputs_are_explained_one_at_a_time(codes):
    network = architecture("mlp").build(make_config("mlp", GEOMETRY, {"outputs": 3})).eval()
    task = Task("regression", 3, ("a", "b", "c"), (0.0, 1.0, 2.0), (1.0, 2.0, 3.0)).only("b")
    model = TrainedModel("mlp", None, GEOMETRY, task, NetworkPredictor(network))
    found = attribute_by_paths(model, codes, "abcde", References("shuffle:2", 2), MethodOptions())
    assert found.errors.max() < 1e-5
    with torch.no_grad():
        outputs = network(torch.from_numpy(codes))
    # Standard deviations from the mean of that condition: 2 and 1.
    np.testing.assert_allclose(found.logit, 2 * outputs[:, 1] + 1, atol=1e-5)


def test_a_layer_without_a_rule_and_a_model_without_layers_are_refused(codes):
    class Sorting(SequenceNetwork):
        def __init__(self):
            super().__init__(GEOMETRY)
            self.head = torch.nn.Linear(4 * GEOMETRY.columns, 2)

        def forward_encoded(self, x):
            return self.head(x.flatten(1).sort(-1).values)

    model = TrainedModel("sorting", None, GEOMETRY, Task(), NetworkPredictor(Sorting()))
    with pytest.raises(NoRule, match="no rule for 'sort' in the layer Sorting"):
        attribute_by_paths(model, codes, "abcde", References("n", 1), MethodOptions())
    with pytest.raises(BadOption, match=r"'gc' is not a network"):
        attribute_by_paths(build_model("gc", GEOMETRY, {}), codes, "abcde", References("n", 1), MethodOptions())
