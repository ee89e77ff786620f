"""The B-spline layer: values, gradients and edges match the formula, and its parameters are stable."""

import copy

import pytest
import torch
from torch import nn

from kanseq.nn.bspline import BSplineLinear
from kanseq.nn.kernels import chunks
from kanseq.nn.precision import set_precision
from tests.nn.bspline_layers import formula, shaken


def gradients(y: torch.Tensor, layer: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the gradients of a fixed weighting of the outputs, by name."""
    weights = torch.rand(y.shape, generator=torch.Generator().manual_seed(2)).to(y.dtype)
    named = dict(layer.named_parameters())
    found = torch.autograd.grad((y * weights).sum(), [x, *named.values()])
    return dict(zip(["x", *named], found, strict=True))


@pytest.mark.parametrize(
    ("order", "options"),
    [
        (3, {}),
        (3, {"layer_norm": True, "edge_scale": True}),
        (3, {"uneven": True, "edge_scale": True}),
        (2, {"uneven": True, "layer_norm": True, "base": False}),
        (5, {"low": -2.0, "high": 3.0, "base": False}),
        (1, {}),
        (7, {}),
    ],
)
def test_values_and_all_gradients_match_the_formula(order, options, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 2**12)
    monkeypatch.setattr(chunks, "LEAST", 1)
    layer = shaken(7, 5, order=order, **options)
    x = torch.randn(3, 40, 7, dtype=torch.float64, requires_grad=True)
    y, expected = layer(x), formula(layer, x)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    actual, exact_gradients = gradients(y, layer, x), gradients(expected, layer, x)
    for name, gradient in exact_gradients.items():
        torch.testing.assert_close(actual[name], gradient, rtol=1e-11, atol=1e-11, msg=name)


@pytest.mark.parametrize("uneven", [True, False])
@pytest.mark.parametrize(("precision", "error"), [("float32", 2e-6), ("bfloat16", 5e-3)])
def test_rounding_stays_small_over_several_chunks(precision, error, uneven):
    exact = shaken(32, 16, uneven=uneven)
    layer = copy.deepcopy(exact).float()
    exact = copy.deepcopy(layer).double()
    set_precision(layer, precision)
    rough_x = torch.randn(9000, 32, requires_grad=True)
    x = rough_x.detach().double().requires_grad_()
    y, expected = layer(rough_x), formula(exact, x)
    assert (y - expected).abs().max() <= error * expected.abs().max()
    actual, exact_gradients = gradients(y, layer, rough_x), gradients(expected, exact, x)
    for name, gradient in exact_gradients.items():
        assert actual[name].dtype == torch.float32
        assert (actual[name] - gradient).abs().max() <= error * gradient.abs().max(), name


@pytest.mark.parametrize("uneven", [True, False])
def test_first_and_second_derivatives_match_finite_differences(uneven):
    layer = shaken(3, 2, uneven=uneven, edge_scale=True)
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)


@pytest.mark.parametrize("uneven", [True, False])
@pytest.mark.parametrize("shape", [(0, 6), (2, 0, 6)])
def test_empty_inputs_have_empty_outputs_and_gradients_of_zero(shape, uneven):
    layer = shaken(6, 4, uneven=uneven)
    y = layer(torch.zeros(shape, dtype=torch.float64))
    assert y.shape == (*shape[:-1], 4)
    y.sum().backward()
    assert all(not parameter.grad.any() for parameter in layer.parameters())


@pytest.mark.parametrize("uneven", [True, False])
def test_far_outside_the_grid_only_the_base_contributes(uneven):
    layer = shaken(3, 2, uneven=uneven, dtype=torch.float32)
    x = torch.tensor([[1e30, -1e30, 500.0]], requires_grad=True)
    y = layer(x)
    torch.testing.assert_close(y, torch.tensor([[1e30, 0.0, 500.0]]) @ layer.base_weight.t() + layer.base_bias)
    y.sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("uneven", [True, False])
def test_a_nan_input_has_nan_outputs(uneven):
    layer = shaken(3, 2, uneven=uneven, base=False)
    y = layer(torch.tensor([[float("nan"), 0, 0], [0, 0, 0]], dtype=torch.float64))
    assert y.isnan().tolist() == [[True, True], [False, False]]


@pytest.mark.parametrize("uneven", [True, False])
def test_edge_functions_add_up_to_the_layer(uneven):
    layer = shaken(5, 4, uneven=uneven, edge_scale=True)
    x = torch.randn(6, dtype=torch.float64)
    curve, base = layer.edge_functions(torch.arange(5)[:, None], torch.arange(4), x)
    assert curve.shape == (6, 5, 4)
    torch.testing.assert_close((curve + base).sum(1) + layer.base_bias, layer(x[:, None].expand(6, 5)))


def test_state_dict_names_and_shapes_are_stable():
    layer = BSplineLinear(6, 4, layer_norm=True, edge_scale=True)
    shapes = {name: tuple(tensor.shape) for name, tensor in layer.state_dict().items()}
    assert shapes == {
        "spline_weight": (4, 6, 8),
        "base_weight": (4, 6),
        "base_bias": (4,),
        "spline_scale": (4, 6),
        "norm.weight": (6,),
        "norm.bias": (6,),
        "grid": (6, 12),
    }
    assert list(BSplineLinear(6, 4, base=False).state_dict()) == ["spline_weight", "grid"]


@pytest.mark.parametrize("base", [True, False])
def test_the_variance_of_standard_normal_inputs_is_kept(base):
    torch.manual_seed(0)
    layers = nn.Sequential(*(BSplineLinear(256, 256, base=base) for _ in range(3)))
    x = torch.randn(1000, 256)
    for layer in layers:
        x = layer(x)
        assert 0.8 < x.var() < 1.25
        x = (x - x.mean(0)) / x.std(0)


def test_a_grid_far_from_the_inputs_does_not_cause_enormous_weights():
    assert BSplineLinear(100, 100, low=50.0, high=51.0).spline_weight.abs().max() < 2


@pytest.mark.parametrize("arguments", [{"intervals": 0}, {"order": -1}, {"low": 1.0, "high": 1.0}])
def test_invalid_arguments_of_a_layer_are_refused(arguments):
    with pytest.raises(ValueError, match=r"required|must be below"):
        BSplineLinear(2, 1, **arguments)


@pytest.mark.parametrize("edge_scale", [True, False])
def test_regularisation_matches_efficient_kan(edge_scale):
    layer = BSplineLinear(2, 1, intervals=1, order=1, edge_scale=edge_scale).double()
    with torch.no_grad():
        layer.spline_weight.copy_(torch.tensor([[[1.0, -3.0], [6.0, 6.0]]]))
    # Means of 2 and 6, hence shares of a quarter and three quarters.
    assert layer.regularization(1.0, 0.0).item() == pytest.approx(8.0)
    assert layer.regularization(0.0, 1.0).item() == pytest.approx(0.5623351446)
    assert layer.regularization(0.5, 2.0).item() == pytest.approx(4 + 2 * 0.5623351446)


@pytest.mark.parametrize("pruned", [slice(0, 1), slice(None)])
def test_regularisation_and_its_gradients_are_finite_without_edges(pruned):
    layer = BSplineLinear(2, 2)
    with torch.no_grad():
        layer.spline_weight[:, pruned] = 0
    layer.regularization().backward()
    assert layer.spline_weight.grad.isfinite().all()
    assert not layer.spline_weight.grad[:, pruned].any()


@pytest.mark.parametrize("uneven", [True, False])
def test_edge_norms_are_means_of_absolute_edge_outputs(uneven, monkeypatch):
    monkeypatch.setattr("kanseq.nn.bspline.EDGES", 30)
    layer = shaken(3, 4, uneven=uneven, edge_scale=True)
    x = torch.randn(20, 3, dtype=torch.float64)
    expected = torch.zeros(4, 3, dtype=torch.float64)
    for i in range(3):
        for j in range(4):
            expected[j, i] = sum(layer.edge_functions(i, j, x[:, i])).abs().mean()
    norms = layer.edge_norms(x)
    torch.testing.assert_close(norms, expected)
    shares = expected / expected.sum()
    loss = 0.5 * expected.sum() - 2 * (shares * shares.log()).sum()
    torch.testing.assert_close(layer.sample_regularization(x, 0.5, 2.0), loss)
    (actual,) = torch.autograd.grad(norms.sum(), layer.spline_weight)
    (exact_gradient,) = torch.autograd.grad(expected.sum(), layer.spline_weight)
    torch.testing.assert_close(actual, exact_gradient)
    with pytest.raises(ValueError, match="0 samples"):
        layer.edge_norms(x[:0])


@pytest.mark.parametrize("uneven", [True, False])
def test_a_network_with_the_layer_can_be_exported(uneven):
    network = nn.Sequential(shaken(6, 4, uneven=uneven), nn.Linear(4, 2).double())
    x = torch.randn(5, 6, dtype=torch.float64)
    rows = torch.export.Dim("rows", min=2)
    program = torch.export.export(network, (x,), dynamic_shapes=({0: rows},)).module()
    for batch in (x, torch.randn(9, 6, dtype=torch.float64)):
        torch.testing.assert_close(program(batch), network(batch))
