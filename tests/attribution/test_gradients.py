import numpy as np
import pytest
import torch

from kanseq.attribution.gradients import gradient_times_difference, integrated_gradients
from kanseq.attribution.methods import find_method, methods
from kanseq.attribution.references import References
from kanseq.attribution.shares import MethodOptions
from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.network import SequenceNetwork
from kanseq.runs.predictors import NetworkPredictor
from kanseq.runs.trained_model import TrainedModel
from kanseq.sequences.shuffles import dinucleotide_shuffles
from kanseq.tasks.task import Task
from tests.attribution.conftest import build_model

GEOMETRY = Geometry(upstream=6, downstream=5, pad=2)


def fixed(sequences):
    """Build references from codes ``(n, references, columns)`` for the genes a, b, c."""
    n, count, columns = sequences.shape
    owners = {name: list(range(row * count, (row + 1) * count)) for row, name in enumerate("abc"[:n])}
    return References("given", count, 0, sequences.reshape(-1, columns), owners)


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


def test_attributions_of_a_linear_model_are_its_weights_and_add_up(codes):
    torch.manual_seed(0)
    network = Linear(GEOMETRY)
    references = dinucleotide_shuffles(codes, ["a", "b", "c"], 3)
    found = gradient_times_difference(
        TrainedModel("linear", None, GEOMETRY, Task(), NetworkPredictor(network)),
        codes,
        "abc",
        fixed(references),
        MethodOptions(),
    )
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
    found = gradient_times_difference(model, codes, "abc"[: len(codes)], fixed(references), MethodOptions())
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
    found = gradient_times_difference(model, codes, "abc"[: len(codes)], fixed(references), MethodOptions())
    np.testing.assert_allclose(found.logit, model.logits(codes), rtol=1e-5)
    each = model.logits(references.reshape(12, -1)).reshape(3, 4)
    np.testing.assert_allclose(found.reference_logit, each.mean(axis=1), rtol=1e-4, atol=1e-6)


def test_a_baseline_without_gradient_is_refused_by_name(codes):
    model = build_model("gc", GEOMETRY, {})
    for method in (gradient_times_difference, integrated_gradients):
        with pytest.raises(BadOption, match=r"'gc' is not a network and has no gradient; .*occlusion or ism"):
            method(model, codes, "abc", fixed(codes[:, None]), MethodOptions())


def test_integrated_gradients_of_a_cubic_equal_its_integral(codes):
    class Cubic(Linear):
        def forward_encoded(self, x):
            return super().forward_encoded(x) ** 3

    torch.manual_seed(0)
    network = Cubic(GEOMETRY).double()
    references = dinucleotide_shuffles(codes, ["a", "b", "c"], 2)
    model = TrainedModel("cubic", None, GEOMETRY, Task(), NetworkPredictor(network))
    found = integrated_gradients(model, codes, "abc", fixed(references), MethodOptions(steps=200))
    assert found.errors.max() < 1e-4
    # Along a straight line s is linear from s_r to s_x, and the mean of 3 s^2 is s_x^2 + s_x s_r + s_r^2.
    with torch.no_grad():
        x = network.encode(torch.from_numpy(codes))
        r = network.encode(torch.from_numpy(references[:, 0]))
        expected = 0
        for output, sign in ((1, 1), (0, -1)):
            at_x, at_r = (Linear.forward_encoded(network, one)[:, output] for one in (x, r))
            mean = at_x**2 + at_x * at_r + at_r**2
            expected = expected + sign * mean[:, None] * (network.weight[output] * (x - r)).sum(1)
    one = integrated_gradients(model, codes, "abc", fixed(references[:, :1]), MethodOptions(steps=200))
    np.testing.assert_allclose(one.values, expected.numpy(), rtol=1e-3, atol=1e-3)


def test_hypothetical_contributions_of_the_actual_bases_are_the_attributions(codes):
    model = build_model("mlp", GEOMETRY, {})
    references = fixed(dinucleotide_shuffles(codes, ["a", "b", "c"], 3))
    for method in (gradient_times_difference, integrated_gradients):
        found = method(model, codes, "abc", references, MethodOptions(hypothetical=True, steps=3))
        there = np.take_along_axis(found.hypothetical, np.minimum(codes, 3)[:, None].astype(int), axis=1)[:, 0]
        np.testing.assert_allclose(np.where(codes == 4, 0, there), found.values, atol=1e-6)


def test_methods_are_found_by_name():
    assert find_method("gradient") is not None
    assert all(name == method.name and "\n" not in method.summary for name, method in methods().items())
    with pytest.raises(BadOption, match=r"no method 'magic'; choose paths, gradient, integrated, occlusion, ism"):
        find_method("magic")
