"""Compare the convolution with a loop over positions and taps."""

import math
import pickle

import pytest
import torch
from torch import Tensor, nn

from kanseq.nn.bases.basis import Gaussians
from kanseq.nn.bases.bsplines import BSplines
from kanseq.nn.bases.chebyshev import Chebyshev
from kanseq.nn.bases.fourier import Fourier
from kanseq.nn.bases.wavelets import MexicanHats
from kanseq.nn.conv import KANConv1d
from kanseq.nn.linear import KANLinear
from kanseq.nn.precision import set_precision
from kanseq.nn.rbf import RBFLinear
from tests.nn.conv_layers import outcomes, shaken


def curves(layer: KANConv1d, z: Tensor) -> Tensor:
    """Return the basis at normalised inputs, with Gaussians and splines over the layer's range, others unscaled."""
    if isinstance(layer.basis, Gaussians):
        centres = torch.linspace(layer.low, layer.high, layer.basis.centres, dtype=z.dtype)
        return torch.exp(-(((z[..., None] - centres) / (centres[1] - centres[0])) ** 2))
    if isinstance(layer.basis, BSplines):
        return layer.basis.values((z - layer.low) / (layer.high - layer.low) * layer.basis.intervals)
    return layer.basis.values(z)


def loop(layer: KANConv1d, x: Tensor, left: int, right: int) -> Tensor:
    """Compute each output position separately, from the existing input positions under its taps."""
    n, _, length = x.shape
    reach = layer.dilation * (layer.kernel_size - 1)
    wide, tall = layer.in_channels // layer.groups, layer.out_channels // layer.groups
    columns = []
    for start in range(-left, length + right - reach, layer.stride):
        y = x.new_zeros(n, layer.out_channels)
        for tap in range(layer.kernel_size):
            position = start + layer.dilation * tap
            if not 0 <= position < length:
                continue
            here = x[:, :, position]
            z = here if layer.norm is None else layer.norm(here)
            basis, base = curves(layer, z), here * torch.sigmoid(here)
            for j in range(layer.out_channels):
                inputs = slice(j // tall * wide, (j // tall + 1) * wide)
                part = (basis[:, inputs] * layer.spline_weight[j, :, tap]).sum((1, 2))
                if layer.base_weight is not None:
                    part = part + (base[:, inputs] * layer.base_weight[j, :, tap]).sum(1)
                y = y + torch.stack([part if k == j else torch.zeros_like(part) for k in range(len(y[0]))], dim=1)
        columns.append(y if layer.base_bias is None else y + layer.base_bias)
    return torch.stack(columns, dim=-1)


@pytest.mark.parametrize(
    ("basis", "kernel", "options"),
    [
        (Gaussians(8), 3, {}),
        (Gaussians(5), 3, {"padding": 1, "layer_norm": True, "low": -1.0, "high": 3.0}),
        (Gaussians(4), 4, {"stride": 2, "padding": 3, "base": False}),
        (Gaussians(3), 3, {"dilation": 2, "padding": 4, "stride": 3, "groups": 2}),
        (Gaussians(3), 1, {"groups": 2, "layer_norm": True}),
        (Gaussians(2), 8, {"stride": 8, "padding": 2}),
        (BSplines(3, 4), 3, {"padding": 1, "low": -1.0, "high": 1.5}),
        (BSplines(2, 3), 2, {"groups": 2, "layer_norm": True}),
        (Chebyshev(3), 3, {"padding": 1, "stride": 2}),
        (Fourier(2), 2, {"dilation": 3, "layer_norm": True}),
        (MexicanHats(2), 5, {"padding": 2, "groups": 2}),
    ],
    ids=repr,
)
def test_values_and_all_gradients_match_the_loop(basis, kernel, options):
    layer = shaken(4, 6, kernel, basis, **options)
    x = torch.randn(3, 4, 11, dtype=torch.float64, requires_grad=True)
    padding = options.get("padding", 0)
    y, expected = layer(x), loop(layer, x, padding, padding)
    assert y.shape == nn.Conv1d(4, 6, kernel, layer.stride, padding, layer.dilation)(x.float()).shape
    for actual, of_loop in zip(outcomes(layer, y, x), outcomes(layer, expected, x), strict=True):
        torch.testing.assert_close(actual, of_loop, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("kernel", "dilation", "left", "right"), [(3, 1, 1, 1), (4, 1, 1, 2), (2, 3, 1, 2), (1, 1, 0, 0)]
)
def test_same_padding_keeps_the_length_with_the_odd_position_on_the_right(kernel, dilation, left, right):
    layer = shaken(2, 3, kernel, padding="same", dilation=dilation)
    x = torch.randn(2, 2, 9, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    assert y.shape == (2, 3, 9)
    expected = loop(layer, x, left, right)
    for actual, of_loop in zip(outcomes(layer, y, x), outcomes(layer, expected, x), strict=True):
        torch.testing.assert_close(actual, of_loop, rtol=1e-11, atol=1e-11)


def test_a_kernel_of_one_tap_is_the_linear_layer_at_every_position():
    conv, linear = shaken(5, 3, 1, layer_norm=True), RBFLinear(5, 3).double()
    linear.load_state_dict(
        {name: t[:, :, 0] if t.ndim > 2 or name == "base_weight" else t for name, t in conv.state_dict().items()}
    )
    x = torch.randn(2, 5, 7, dtype=torch.float64)
    torch.testing.assert_close(conv(x), linear(x.transpose(1, 2)).transpose(1, 2), rtol=1e-12, atol=1e-12)


def test_a_patch_of_the_sequence_is_one_row_of_a_linear_layer():
    conv, linear = shaken(2, 3, 4, Chebyshev(2), stride=4), KANLinear(8, 3, Chebyshev(2)).double()
    weights = {name: t.flatten(1, 2) if t.ndim > 1 else t for name, t in conv.state_dict().items()}
    linear.load_state_dict(weights)
    x = torch.randn(5, 2, 12, dtype=torch.float64)
    patches = torch.stack([x[:, :, k : k + 4].flatten(1) for k in (0, 4, 8)], dim=1)
    torch.testing.assert_close(conv(x), linear(patches).transpose(1, 2), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("options", [{"padding": 1}, {"groups": 2, "layer_norm": True}])
def test_gradients_match_finite_differences(options):
    layer = shaken(2, 2, 3, Gaussians(3), **options)
    x = torch.randn(2, 2, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)


def test_one_sequence_without_a_batch_axis_yields_one_sequence():
    layer = shaken(4, 3, 3)
    x = torch.randn(4, 10, dtype=torch.float64)
    y = layer(x)
    assert y.shape == (3, 8)
    torch.testing.assert_close(y, layer(x[None])[0], rtol=0, atol=0)


def test_empty_batches_have_empty_outputs_and_gradients_of_zero():
    layer = shaken(4, 3, 3, layer_norm=True)
    y = layer(torch.zeros(0, 4, 10, dtype=torch.float64))
    assert y.shape == (0, 3, 8)
    y.sum().backward()
    assert all(not parameter.grad.any() for parameter in layer.parameters())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_nan_input_affects_only_positions_that_depend_on_it(precision):
    layer = shaken(2, 3, 3).float()
    set_precision(layer, precision)
    x = torch.zeros(2, 2, 8)
    x[1, 0, 4] = math.nan
    seen = torch.isnan(layer(x))
    assert not seen[0].any()
    assert seen[1].tolist() == [[False, False, True, True, True, False]] * 3


def test_values_far_outside_the_range_stay_finite():
    layer = shaken(2, 3, 3).float()
    x = torch.tensor([[[1e4, -1e4, 300.0], [0.0, 50.0, -3.0]]], requires_grad=True)
    layer(x).sum().backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("groups", [1, 2])
def test_edges_add_up_to_the_outputs(groups):
    layer = shaken(4, 2, 3, groups=groups, padding=1)
    x = torch.randn(4, 5, dtype=torch.float64)
    y = layer(x)
    # The middle one of five outputs depends on positions 1, 2 and 3.
    for j in range(2):
        inputs = range(4) if groups == 1 else range(2 * j, 2 * j + 2)
        edges = [layer.edge_functions(i, j, tap, x[i, 1 + tap : 2 + tap]) for i in inputs for tap in range(3)]
        torch.testing.assert_close(sum(curve + base for curve, base in edges)[0], y[j, 2] - layer.base_bias[j])


def test_many_edges_are_evaluated_at_once():
    layer = shaken(4, 2, 3, base=False)
    points = torch.linspace(-2, 2, 9, dtype=torch.float64)
    curve, base = layer.edge_functions(torch.arange(4)[:, None], 1, torch.arange(3), points)
    assert curve.shape == base.shape == (9, 4, 3)
    torch.testing.assert_close(curve[:, 2, 1], layer.edge_functions(2, 1, 1, points).curve)
    assert not base.any()


def test_variance_is_kept_through_eight_layers():
    torch.manual_seed(4)
    for basis in (Gaussians(8), BSplines(), Chebyshev(4)):
        x = torch.randn(4, 128, 48)
        for _ in range(8):
            x = KANConv1d(128, 128, 5, basis)(x).detach()
            assert 0.8 < x.var() < 1.25
        # Samples and positions differ by the variance within a channel.
        assert x.var(dim=(0, 2)).mean() > 0.3


def test_state_dict_names_and_shapes_are_stable():
    shapes = {
        name: tuple(t.shape)
        for name, t in KANConv1d(6, 4, 3, Gaussians(5), groups=2, layer_norm=True).state_dict().items()
    }
    assert shapes == {
        "spline_weight": (4, 3, 3, 5),
        "base_weight": (4, 3, 3),
        "base_bias": (4,),
        "norm.weight": (6,),
        "norm.bias": (6,),
    }
    assert list(KANConv1d(6, 4, 3, base=False).state_dict()) == ["spline_weight"]


def test_a_pickled_layer_is_the_same_layer():
    layer = shaken(4, 3, 3, MexicanHats(2), stride=2)
    x = torch.randn(2, 4, 9, dtype=torch.float64)
    torch.testing.assert_close(pickle.loads(pickle.dumps(layer))(x), layer(x), rtol=0, atol=0)


@pytest.mark.parametrize("options", [{"padding": "same"}, {"groups": 2, "stride": 2, "layer_norm": True}])
def test_an_exported_layer_takes_any_number_of_samples(options):
    layer = shaken(4, 2, 4, **options)
    samples = torch.export.Dim("samples", min=2)
    program = torch.export.export(layer, (torch.randn(3, 4, 9).double(),), dynamic_shapes={"x": {0: samples}})
    x = torch.randn(7, 4, 9, dtype=torch.float64)
    torch.testing.assert_close(program.module()(x), layer(x), rtol=1e-12, atol=1e-12)


def test_inside_autocast_results_have_the_dtype_of_autocast():
    layer = shaken(4, 3, 3).float()
    x = torch.randn(2, 4, 9)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    assert (y - layer(x)).abs().max() < 0.02 * layer(x).abs().max()
