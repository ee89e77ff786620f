import numpy as np
import pytest
import torch

from kanseq.attribution.gradients import gradient_times_difference
from kanseq.attribution.methods import find_method, methods
from kanseq.data.shuffles import dinucleotide_shuffles
from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.network import SequenceNetwork
from kanseq.training.checkpoints import TrainedModel
from kanseq.training.tasks import Task
from tests.attribution.conftest import build_model

GEOMETRY = Geometry(upstream=6, downstream=5, pad=2)


class Linear(SequenceNetwork):
    """Two outputs, each a weighted sum of the one-hot columns."""

    def __init__(self, geometry):
        super().__init__(geometry)
        self.weight = torch.nn.Parameter(torch.randn(2, 4, geometry.columns))

    def forward_encoded(self, x):
        return torch.einsum("nbc,obc->no", x, self.weight)


@pytest.fixture
def codes():
    codes = np.random.default_rng(0).integers(0, 4, (3, GEOMETRY.columns)).astype(np.uint8)
    for start, end in (*GEOMETRY.masked, (11, 13)):
        codes[:, start:end] = 4
    return codes


def test_of_a_linear_model_the_attributions_are_its_weights_and_add_up(codes):
    torch.manual_seed(0)
    network = Linear(GEOMETRY)
    references = dinucleotide_shuffles(codes, ["a", "b", "c"], 3)
    found = gradient_times_difference(TrainedModel("linear", None, GEOMETRY, Task(), network), codes, references)
    weight = (network.weight[1] - network.weight[0]).detach().numpy()
    for row in range(3):
        for column in range(GEOMETRY.columns):
            if codes[row, column] == 4:
                assert found.values[row, column] == 0
                continue
            mean = np.mean([weight[base, column] for base in references[row, :, column]])
            assert found.values[row, column] == pytest.approx(weight[codes[row, column], column] - mean, abs=1e-5)
    np.testing.assert_allclose(found.values.sum(axis=1), found.logit - found.reference_logit, atol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "kan-mixer"])
def test_gradients_agree_with_finite_differences(name):
    geometry = Geometry(upstream=12, downstream=8, pad=0)
    model = build_model(name, geometry, {})
    network = model.network.double()
    codes = np.random.default_rng(1).integers(0, 4, (2, geometry.columns)).astype(np.uint8)
    for start, end in geometry.masked:
        codes[:, start:end] = 4
    references = dinucleotide_shuffles(codes, ["a", "b"], 2)
    found = gradient_times_difference(model, codes, references)
    x = network.encode(torch.from_numpy(codes))
    difference = x - network.encode(torch.from_numpy(references.reshape(4, -1))).reshape(2, 2, *x.shape[1:]).mean(dim=1)
    for column in (0, 5, 19, 30):
        step = torch.zeros_like(x)
        step[:, :, column] = 1e-4 * difference[:, :, column]
        with torch.no_grad():
            up, down = (model.task.logit(network.forward_encoded(x + sign * step)) for sign in (1, -1))
        np.testing.assert_allclose(found.values[:, column], ((up - down) / 2e-4).numpy(), rtol=1e-3, atol=1e-6)


def test_the_reference_logit_is_the_mean_over_the_shuffles(codes):
    model = build_model("mlp", GEOMETRY, {})
    references = dinucleotide_shuffles(codes, ["a", "b", "c"], 4)
    found = gradient_times_difference(model, codes, references)
    np.testing.assert_allclose(found.logit, model.logits(codes), rtol=1e-5)
    each = model.logits(references.reshape(12, -1)).reshape(3, 4)
    np.testing.assert_allclose(found.reference_logit, each.mean(axis=1), rtol=1e-4, atol=1e-6)


def test_a_plain_model_is_refused_by_name(codes):
    model = build_model("gc", GEOMETRY, {})
    with pytest.raises(BadOption, match=r"'gc' has no gradient.*kan-mixer"):
        gradient_times_difference(model, codes, codes[:, None])


def test_methods_are_found_by_name():
    assert find_method("gradient") is not None
    assert all(name == method.name and "\n" not in method.summary for name, method in methods().items())
    with pytest.raises(BadOption, match=r"no method 'magic'; choose gradient"):
        find_method("magic")
