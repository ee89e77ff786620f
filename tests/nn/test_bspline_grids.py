"""Grids of B-spline layers: they are fitted to samples, refined and stored, and the curves stay."""

import copy
import pickle

import pytest
import torch
from torch import nn

from kanseq.nn.bspline import BSplineLinear
from tests.nn.bspline_layers import formula, shaken


def test_the_initial_grid_is_extended_by_intervals_of_equal_length():
    layer = BSplineLinear(2, 1, intervals=4, order=2, low=0.0, high=2.0)
    assert layer.grid.tolist() == [[-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]] * 2


def test_an_updated_grid_mixes_quantiles_with_equal_steps():
    layer = BSplineLinear(1, 1, intervals=2, order=1).double()
    layer.update_grid(torch.tensor([[3.0], [0.0], [1.0], [0.5], [2.0]], dtype=torch.float64), 0.5, 0.5)
    # Quantiles 0, 1, 3; equal steps of 2 from −0.5 to 3.5.
    expected = [[-2.25, -0.25, 1.25, 3.25, 5.25]]
    torch.testing.assert_close(layer.grid.tolist(), expected)


@pytest.mark.parametrize("options", [{}, {"edge_scale": True}, {"layer_norm": True}])
def test_updating_the_grid_keeps_curves_that_the_new_grid_can_follow(options):
    layer = shaken(4, 3, **options)
    # On any knots, cubic splines can form cubic polynomials; the weights of a straight line are averages of knots.
    with torch.no_grad():
        averages = layer.grid.unfold(1, 3, 1)[:, 1:-1].mean(-1)
        layer.spline_weight.copy_(torch.randn(3, 4, 1, dtype=torch.float64) * averages + 0.3)
    x = torch.rand(500, 4, dtype=torch.float64) ** 2 * 1.6 - 0.8
    if layer.norm is not None:
        nn.init.constant_(layer.norm.weight, 0.4)
        nn.init.constant_(layer.norm.bias, 0.1)
    before, knots = layer(x), layer.grid.clone()
    layer.update_grid(x)
    assert (layer.grid - knots).abs().amax(1).min() > 0.05
    torch.testing.assert_close(layer(x), before, rtol=0, atol=1e-9)


def test_an_input_without_variance_keeps_its_grid_and_curves():
    layer = shaken(2, 3)
    knots, weight = layer.grid.clone(), layer.spline_weight.detach().clone()
    x = torch.stack([torch.full((50,), 0.3), torch.linspace(-2, 2, 50)], dim=1).double()
    layer.update_grid(x)
    torch.testing.assert_close(layer.grid[0], knots[0], rtol=0, atol=0)
    torch.testing.assert_close(layer.spline_weight[:, 0], weight[:, 0], rtol=0, atol=0)
    assert (layer.grid[1] - knots[1]).abs().max() > 0.1
    torch.testing.assert_close(layer(x), formula(layer, x))


def test_samples_with_few_distinct_values_yield_finite_numbers():
    layer = shaken(2, 3)
    x = torch.randint(0, 2, (50, 2)).double()
    for share in (0.02, 0.0):
        layer.update_grid(x, uniform_share=share)
        assert layer(x).isfinite().all()
        assert layer.spline_weight.isfinite().all()


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (torch.zeros(0, 2), {}, "0 samples"),
        (torch.tensor([[1.0, float("nan")]]), {}, "finite"),
        (torch.zeros(3, 2), {"margin": -1.0}, "margin=-1.0"),
        (torch.zeros(3, 2), {"uniform_share": 1.5}, "uniform_share=1.5"),
    ],
)
def test_invalid_samples_are_refused(x, options, message):
    with pytest.raises(ValueError, match=message):
        BSplineLinear(2, 1).update_grid(x, **options)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (torch.zeros(2, 11), "the grid must have the shape"),
        (torch.zeros(3, 12), "the grid must have the shape"),
        (torch.zeros(2, 12), "must not all be equal"),
        (torch.arange(12.0).flip(0), "must not decrease"),
        (torch.full((12,), float("nan")), "finite"),
    ],
)
def test_an_invalid_grid_is_refused(grid, message):
    with pytest.raises(ValueError, match=message):
        BSplineLinear(2, 1).set_grid(grid)


@pytest.mark.parametrize("order", [0, 1, 3, 4])
@pytest.mark.parametrize("uneven", [True, False])
def test_refining_into_subdivided_intervals_keeps_the_curves(order, uneven):
    layer = shaken(3, 4, order=order, uneven=uneven, edge_scale=True, dtype=torch.float32)
    low, high = layer.grid[:, order], layer.grid[:, -1 - order]
    x = low + (high - low) * (torch.linspace(0, 0.999, 401) + 0.0003)[:, None]
    before = layer(x)
    layer.refine(15)
    assert layer.spline_weight.shape == (4, 3, 15 + order)
    assert layer.grid.shape == (3, 16 + 2 * order)
    assert next(iter(layer.parameters())) is layer.spline_weight
    torch.testing.assert_close(layer(x), before, rtol=0, atol=1e-5)


def test_refining_into_other_intervals_approximates_the_curves():
    layer = shaken(3, 4)
    x = torch.linspace(-1, 0.999, 401, dtype=torch.float64)[:, None].expand(401, 3)
    before = layer(x)
    layer.refine(24)
    assert 1e-6 < (layer(x) - before).abs().max() < 0.02 * before.abs().max()
    with pytest.raises(ValueError, match="at least 24"):
        layer.refine(23)


def test_refined_knots_are_interpolated_between_uneven_ones():
    layer = BSplineLinear(1, 1, intervals=2, order=1).double()
    layer.set_grid(torch.tensor([-2.0, 0.0, 1.0, 4.0, 5.0]))
    layer.refine(4)
    assert layer.grid.tolist() == [[-1.0, 0.0, 0.5, 1.0, 2.5, 4.0, 5.0]]


@pytest.mark.parametrize("uneven", [True, False])
def test_weights_and_knots_are_restored_from_the_state(uneven):
    layer, other = shaken(6, 4, uneven=uneven, edge_scale=True), shaken(6, 4, uneven=not uneven, edge_scale=True)
    x = torch.randn(50, 6, dtype=torch.float64)
    if uneven:
        layer.update_grid(x)
    other.load_state_dict(layer.state_dict())
    for copied in (other, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert isinstance(copied.placed_basis().knots, torch.Tensor) == uneven
        torch.testing.assert_close(copied.grid, layer.grid, rtol=0, atol=0)
        torch.testing.assert_close(copied(x), layer(x), rtol=0, atol=0)
    outer = nn.Sequential(shaken(6, 4, uneven=not uneven, edge_scale=True))
    outer.load_state_dict(nn.Sequential(layer).state_dict(), assign=True)
    torch.testing.assert_close(outer(x), layer(x), rtol=0, atol=0)


def test_equal_steps_stay_equal_in_every_dtype():
    layer = BSplineLinear(3, 2, low=-0.7, high=1.6)
    double = copy.deepcopy(layer).double()
    steps = double.grid.diff(dim=1)
    assert (steps - steps.mean()).abs().max() < 1e-15
    loaded = BSplineLinear(3, 2).double()
    loaded.load_state_dict(layer.state_dict())
    torch.testing.assert_close(loaded.grid, double.grid, rtol=0, atol=0)
    for kind in (torch.bfloat16, torch.float16):
        rough = copy.deepcopy(layer).to(kind)
        assert rough.placed_basis().knots is None
        assert rough(torch.randn(5, 3, dtype=kind)).dtype == kind


def test_reset_parameters_resets_grid_and_factors():
    layer = shaken(3, 2, uneven=True, edge_scale=True)
    layer.reset_parameters()
    fresh = BSplineLinear(3, 2).double()
    torch.testing.assert_close(layer.grid, fresh.grid, rtol=0, atol=1e-7)
    assert (layer.spline_scale == 1).all()
    assert layer.placed_basis().knots is None
