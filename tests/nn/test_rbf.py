"""Compare the layer with the formula, written out."""

import copy

import pytest
import torch
from torch import nn

from kanseq.nn import Gaussians
from kanseq.nn.kernels import lookup
from kanseq.nn.precision import set_precision
from kanseq.nn.rbf import RBFLinear


def formula(layer: RBFLinear, x: torch.Tensor) -> torch.Tensor:
    """Return the sum over edges by the docstring's formula, sharing only weights with the layer."""
    low, high = layer.grid
    spacing = ((high - low) / (layer.basis.centres - 1))[:, None]
    c = low[:, None] + spacing * torch.arange(layer.basis.centres, dtype=x.dtype)
    z = x
    if layer.norm is not None:
        centred = x - x.mean(-1, keepdim=True)
        z = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * layer.norm.weight + layer.norm.bias
    bases = torch.exp(-(((z[..., None] - c) / spacing) ** 2))
    y = torch.einsum("...ig,jig->...j", bases, layer.spline_weight)
    if layer.base_weight is not None:
        y = y + torch.einsum("...i,ji->...j", x * torch.sigmoid(x), layer.base_weight) + layer.base_bias
    return y


def gradients(y: torch.Tensor, layer: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the gradients of a fixed weighting of the outputs, by name."""
    weights = torch.rand(y.shape, generator=torch.Generator().manual_seed(2)).to(y.dtype)
    named = dict(layer.named_parameters())
    found = torch.autograd.grad((y * weights).sum(), [x, *named.values()])
    return dict(zip(["x", *named], found, strict=True))


def shaken(*arguments: int, dtype: torch.dtype = torch.float64, **options: float | bool) -> RBFLinear:
    """Return a layer whose normalisation is not the identity."""
    torch.manual_seed(1)
    layer = RBFLinear(*arguments, **options)
    if layer.norm is not None:
        nn.init.normal_(layer.norm.weight, 1, 0.3)
        nn.init.normal_(layer.norm.bias, 0, 0.3)
    return layer.to(dtype)


@pytest.mark.parametrize(
    ("centres", "low", "high", "layer_norm", "base"),
    [
        (8, -2.0, 2.0, True, True),
        (8, -2.0, 2.0, False, True),
        (5, -1.0, 3.0, True, False),
        (2, 0.0, 1.0, False, False),
        (19, -2.0, 2.0, True, True),
    ],
)
def test_values_and_all_gradients_match_the_formula(centres, low, high, layer_norm, base):
    layer = shaken(7, 5, centres=centres, low=low, high=high, layer_norm=layer_norm, base=base)
    x = torch.randn(3, 4, 7, dtype=torch.float64, requires_grad=True)
    y, expected = layer(x), formula(layer, x)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    actual, exact_gradients = gradients(y, layer, x), gradients(expected, layer, x)
    for name, gradient in exact_gradients.items():
        torch.testing.assert_close(actual[name], gradient, rtol=1e-11, atol=1e-11, msg=name)


@pytest.mark.parametrize(("precision", "error"), [("float32", 2e-6), ("bfloat16", 5e-3)])
def test_rounding_stays_small_over_several_chunks(precision, error):
    exact = shaken(128, 64)
    layer = copy.deepcopy(exact).float()
    set_precision(layer, precision)
    rough_x = torch.randn(2500, 128)
    rough_x[0], rough_x[1], rough_x[2] = 3.0, rough_x[1] * 1e4, rough_x[2] * 1e-4
    rough_x.requires_grad_()
    x = rough_x.detach().double().requires_grad_()
    y, expected = layer(rough_x), formula(exact, x)
    assert (y - expected).abs().max() <= error * expected.abs().max()
    actual, exact_gradients = gradients(y, layer, rough_x), gradients(expected, exact, x)
    for name, gradient in exact_gradients.items():
        assert actual[name].dtype == torch.float32
        assert (actual[name] - gradient).abs().max() <= error * gradient.abs().max(), name


def test_gradients_match_finite_differences():
    layer = shaken(4, 3)
    x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)


def test_values_far_outside_the_grid_are_finite():
    layer = shaken(3, 2, layer_norm=False, dtype=torch.float32)
    x = torch.tensor([[1e4, -1e4, 300.0], [0.0, 50.0, -3.0]], requires_grad=True)
    y = layer(x)
    torch.testing.assert_close(y, formula(layer, x), rtol=1e-6, atol=1e-6)
    y.sum().backward()
    assert torch.isfinite(x.grad).all()


def test_a_nan_input_has_nan_outputs():
    layer = shaken(3, 2, layer_norm=False)
    assert torch.isnan(layer(torch.tensor([[float("nan"), 0, 0]], dtype=torch.float64))).all()


def test_the_memory_order_of_the_input_does_not_matter():
    layer = shaken(6, 4)
    x = torch.randn(2, 6, 5, dtype=torch.float64)
    torch.testing.assert_close(layer(x.transpose(1, 2)), layer(x.transpose(1, 2).contiguous()), rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(0, 6), (2, 0, 6)])
def test_empty_inputs_have_empty_outputs_and_gradients_of_zero(shape):
    layer = shaken(6, 4)
    y = layer(torch.zeros(shape, dtype=torch.float64))
    assert y.shape == (*shape[:-1], 4)
    y.sum().backward()
    assert all(not parameter.grad.any() for parameter in layer.parameters())


def test_one_vector_without_a_batch_axis_yields_one_vector():
    layer = shaken(6, 4)
    x = torch.randn(6, dtype=torch.float64)
    torch.testing.assert_close(layer(x), formula(layer, x))


def test_frozen_parameters_leave_the_gradient_of_the_input():
    layer = shaken(6, 4).requires_grad_(False)
    x = torch.randn(5, 6, dtype=torch.float64, requires_grad=True)
    (actual,) = torch.autograd.grad(layer(x).sum(), x)
    (expected,) = torch.autograd.grad(formula(layer, x).sum(), x)
    torch.testing.assert_close(actual, expected)


def test_state_dict_names_and_shapes_are_stable():
    shapes = {name: tuple(tensor.shape) for name, tensor in RBFLinear(6, 4, centres=3).state_dict().items()}
    assert shapes == {
        "spline_weight": (4, 6, 3),
        "base_weight": (4, 6),
        "base_bias": (4,),
        "grid": (2, 6),
        "norm.weight": (6,),
        "norm.bias": (6,),
    }
    assert list(RBFLinear(6, 4, layer_norm=False, base=False).state_dict()) == ["spline_weight", "grid"]


def test_weights_without_a_grid_keep_the_grid_of_the_layer():
    state = RBFLinear(6, 4).state_dict()
    del state["grid"]
    layer = RBFLinear(6, 4, low=-1.0, high=3.0)
    layer.load_state_dict(state)
    assert layer.grid[:, 0].tolist() == [-1.0, 3.0]


def test_initial_weights_can_match_fastkan():
    torch.manual_seed(0)
    layer = RBFLinear(100, 50, initial="fastkan")
    assert layer.spline_weight.std().item() == pytest.approx(0.1, rel=0.02)
    # nn.Linear's bound is 1/√100.
    assert layer.base_weight.abs().max().item() == pytest.approx(0.1, rel=0.01)
    assert layer.base_bias.abs().max().item() <= 0.1


def test_second_derivatives_match_finite_differences():
    layer = shaken(4, 3)
    x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(layer, x)


def test_update_grid_moves_the_grid_of_every_input_and_keeps_the_curves():
    torch.manual_seed(3)
    layer = RBFLinear(3, 4, centres=12, layer_norm=False).double()
    x = torch.randn(4000, 3, dtype=torch.float64) * torch.tensor([0.5, 0.8, 0.6]) + torch.tensor([0.0, 0.3, -0.2])
    before = layer(x)
    layer.update_grid(x)
    low, high = layer.grid
    # The 1st and 99th percentile of a normal distribution lie 2.326 standard deviations out.
    torch.testing.assert_close(low, torch.tensor([-1.163, -1.561, -1.596]).double(), atol=0.15, rtol=0)
    torch.testing.assert_close(high, torch.tensor([1.163, 2.161, 1.196]).double(), atol=0.15, rtol=0)
    after = layer(x)
    assert (after - before).square().mean() < 0.02 * before.var()


def test_with_layer_norm_the_grid_is_in_normalised_units():
    layer = shaken(6, 4)
    layer.update_grid(torch.randn(500, 6, dtype=torch.float64) * 100 + 7)
    assert layer.grid.abs().max() < 6


def test_a_constant_input_keeps_its_grid():
    layer = RBFLinear(2, 1, layer_norm=False)
    weights = layer.spline_weight[0, 0].tolist()
    layer.update_grid(torch.stack([torch.full((50,), 7.0), torch.linspace(0, 1, 50)], dim=1))
    assert layer.spline_weight[0, 0].tolist() == weights
    assert layer.grid[:, 0].tolist() == [-2.0, 2.0]
    assert layer.grid[:, 1].tolist() == pytest.approx([0.0, 1.0], abs=0.03)
    assert torch.isfinite(layer(torch.randn(3, 2))).all()


def test_update_grid_without_samples_is_refused():
    with pytest.raises(ValueError, match="0 samples"):
        RBFLinear(2, 1).update_grid(torch.zeros(0, 2))


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_samples_that_are_not_finite_change_nothing(wrong):
    layer, x = RBFLinear(2, 1), torch.randn(30, 2)
    x[3, 1] = wrong
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
    with pytest.raises(ValueError, match="finite"):
        layer.update_grid(x)
    assert all(torch.equal(tensor, before[name]) for name, tensor in layer.state_dict().items())


def test_samples_with_tiny_differences_count_as_equal():
    layer = RBFLinear(2, 1, layer_norm=False)
    layer.update_grid(torch.linspace(0, 1, 50)[:, None] * torch.tensor([1.0, 1e-44]))
    assert layer.grid[:, 1].tolist() == [-2.0, 2.0]
    assert torch.isfinite(layer.spline_weight).all()


def test_a_moved_grid_is_saved_with_the_weights():
    layer, other = shaken(6, 4), RBFLinear(6, 4).double()
    layer.update_grid(torch.randn(100, 6, dtype=torch.float64))
    other.load_state_dict(layer.state_dict())
    x = torch.randn(5, 6, dtype=torch.float64)
    torch.testing.assert_close(other(x), layer(x), rtol=0, atol=0)


@pytest.mark.parametrize("options", [{"centres": 1}, {"low": 2.0, "high": 2.0}, {"high": float("inf")}])
def test_a_grid_without_spacing_is_refused(options):
    with pytest.raises(ValueError, match="at least 2 centres"):
        RBFLinear(3, 2, **options)


def test_an_unknown_initialisation_is_refused():
    with pytest.raises(ValueError, match="'zeros'"):
        RBFLinear(3, 2, initial="zeros")


def test_features_are_never_denormal():
    u = torch.linspace(-30, 40, 7001)
    values, slopes = torch.empty(7001, 8), torch.empty(7001, 8)
    Gaussians(8).fill(u, values, slopes)
    for made in (values, slopes):
        assert ((made == 0) | (made.abs() >= 1e-30)).all()
    torch.testing.assert_close(values, Gaussians(8).values(u), rtol=1e-5, atol=1e-30)


def test_a_basis_too_large_for_a_table_is_computed():
    torch.manual_seed(0)
    layer, x = RBFLinear(3, 2, centres=200, layer_norm=False), torch.randn(50, 3)
    exact = layer(x)
    set_precision(layer, "bfloat16")
    assert not lookup.may_be_looked_up(layer.basis)
    assert (layer(x) - exact).abs().max() < 0.01 * exact.abs().max()


@pytest.mark.parametrize(
    ("tails", "ends"),
    [(0.0, [0.0, 100.0]), (0.01, [1.0, 99.0]), (0.05, [5.0, 95.0]), (0.016, [2.0, 98.0]), (0.49, [49.0, 51.0])],
)
def test_a_share_of_the_samples_lies_beyond_the_first_and_the_last_centre(tails, ends):
    layer = RBFLinear(1, 1, layer_norm=False)
    layer.update_grid(torch.randperm(101)[:, None].float(), tails=tails)
    assert layer.grid[:, 0].tolist() == ends


def test_by_default_one_percent_lies_beyond_the_centres():
    layer = RBFLinear(1, 1, layer_norm=False)
    layer.update_grid(torch.arange(201.0)[:, None])
    assert layer.grid[:, 0].tolist() == [2.0, 198.0]
