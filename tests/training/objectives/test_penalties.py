"""Penalties on curves, compared with values computed by hand."""

from math import log

import pytest
import torch
from torch import nn

from kanseq.errors import BadOption
from kanseq.nn import BSplineLinear, BSplines, Chebyshev, KANConv1d, KANLinear, RBFLinear
from kanseq.nn.positional import PlacedCurves, Stretch
from kanseq.training.objectives.penalties import Penalties


def filled(layer: nn.Module, values: list[list[float]]) -> nn.Module:
    """Set a layer's coefficients, one row per edge."""
    weight = layer.weight if isinstance(layer, PlacedCurves) else layer.spline_weight
    with torch.no_grad():
        weight.copy_(torch.tensor(values).reshape(weight.shape))
    return layer


TWO_EDGES = [[1.0, -1.0, 1.0, 1.0], [2.0, 4.0, 6.0, -8.0]]
"""Mean sizes are 1 and 5; second differences are 4, -2 and 0, -16."""

LAYERS = {
    "bspline": lambda: BSplineLinear(2, 1, intervals=1, order=3, base=False),
    "rbf": lambda: RBFLinear(2, 1, centres=4),
    "convolution": lambda: KANConv1d(1, 1, 2, BSplines(3, 1)),
    "linear": lambda: KANLinear(1, 2, BSplines(2, 2)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_all_kinds_are_penalised_by_their_coefficients(name):
    layer = filled(LAYERS[name](), TWO_EDGES)
    assert Penalties(l1=1.0).sum(layer).item() == pytest.approx(6.0)
    shares = 1 / 6, 5 / 6
    entropy = -sum(share * log(share) for share in shares)
    assert Penalties(entropy=1.0).sum(layer).item() == pytest.approx(entropy)
    assert Penalties(smoothness=1.0).sum(layer).item() == pytest.approx(16 + 4 + 256)
    assert Penalties(0.5, 2.0, 0.1).sum(layer).item() == pytest.approx(3 + 2 * entropy + 27.6)


def test_penalties_of_layers_are_summed_and_entropy_is_computed_per_layer():
    layers = nn.Sequential(filled(LAYERS["bspline"](), TWO_EDGES), filled(LAYERS["rbf"](), [[1.0] * 4, [1.0] * 4]))
    assert Penalties(l1=1.0).sum(layers).item() == pytest.approx(6 + 2)
    first = -(1 / 6 * log(1 / 6) + 5 / 6 * log(5 / 6))
    assert Penalties(entropy=1.0).sum(layers).item() == pytest.approx(first + log(2))


def test_each_stretch_of_a_curve_of_positions_is_an_edge():
    stretches = [Stretch(0, 2, (0.0, 1.0), (0.0, 2.0)), Stretch(2, 4, (0.0, 1.0), (0.0, 1.0, 2.0))]
    layer = PlacedCurves(1, 1, 4, stretches, order=1)
    # Two functions on the first stretch, and three on the second.
    filled(layer, [[1.0, 3.0, 2.0, 0.0, -4.0]])
    assert Penalties(l1=1.0).sum(layer).item() == pytest.approx(2 + 2)
    assert Penalties(entropy=1.0).sum(layer).item() == pytest.approx(log(2))
    assert Penalties(smoothness=1.0).sum(layer).item() == pytest.approx((2 - 0 - 4) ** 2)


def test_smoothness_is_not_defined_for_polynomials():
    layer = KANLinear(1, 1, Chebyshev(3))
    assert Penalties(smoothness=1.0).sum(layer).item() == 0
    with pytest.raises(BadOption, match=r"--smoothness 1: the model 'chebyshev' has no splines or Gaussians; leave"):
        Penalties(smoothness=1.0).check(layer, "chebyshev")
    Penalties(l1=1.0).check(layer, "chebyshev")


def test_curves_of_zero_have_zero_entropy_and_finite_gradients():
    layer = filled(LAYERS["bspline"](), [[0.0] * 4, [0.0] * 4])
    found = Penalties(1.0, 1.0, 1.0).sum(layer)
    found.backward()
    assert found.item() == 0
    assert torch.isfinite(layer.spline_weight.grad).all()


@pytest.mark.parametrize("option", ["l1", "entropy", "smoothness"])
def test_models_without_kan_layers_are_refused_in_one_line(option):
    for network in (nn.Linear(2, 2), None):
        Penalties().check(network, "mlp")
        with pytest.raises(BadOption) as caught:
            Penalties(**{option: 0.1}).check(network, "mlp")
        assert str(caught.value) == f"--{option} 0.1: the model 'mlp' has no KAN layers; leave it out"
