"""Compare the convolution with a loop over positions and taps."""

import copy
import itertools
import math
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.backends.common import aot_autograd
from torch._functorch.aot_autograd import make_boxed_func
from torch.utils._python_dispatch import TorchDispatchMode

from kanseq.nn import conv
from kanseq.nn.bases.basis import Basis, Gaussians
from kanseq.nn.bases.bsplines import BSplines
from kanseq.nn.bases.chebyshev import Chebyshev
from kanseq.nn.bases.fourier import Fourier
from kanseq.nn.bases.wavelets import MexicanHats
from kanseq.nn.conv import KANConv1d
from kanseq.nn.kernels import chunks
from kanseq.nn.linear import KANLinear
from kanseq.nn.precision import set_precision
from kanseq.nn.rbf import RBFLinear


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


def outcomes(layer: nn.Module, y: Tensor, x: Tensor) -> list[Tensor]:
    """Return outputs, and the gradients of a fixed weighting of them."""
    weights = torch.rand(y.shape, generator=torch.Generator().manual_seed(2)).to(y)
    return [y, *torch.autograd.grad((y * weights).sum(), [x, *layer.parameters()])]


def shaken(*arguments: int | Basis, **options: object) -> KANConv1d:
    """Return a layer in float64 whose bias and normalisation are not the initial ones."""
    torch.manual_seed(1)
    layer = KANConv1d(*arguments, **options).double()
    if layer.base_bias is not None:
        nn.init.normal_(layer.base_bias)
    if layer.norm is not None:
        nn.init.normal_(layer.norm.weight, 1, 0.3)
        nn.init.normal_(layer.norm.bias, 0, 0.3)
    return layer


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
    for ours, theirs in zip(outcomes(layer, y, x), outcomes(layer, expected, x), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("kernel", "dilation", "left", "right"), [(3, 1, 1, 1), (4, 1, 1, 2), (2, 3, 1, 2), (1, 1, 0, 0)]
)
def test_same_padding_keeps_the_length_with_the_odd_position_on_the_right(kernel, dilation, left, right):
    layer = shaken(2, 3, kernel, padding="same", dilation=dilation)
    x = torch.randn(2, 2, 9, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    assert y.shape == (2, 3, 9)
    expected = loop(layer, x, left, right)
    for ours, theirs in zip(outcomes(layer, y, x), outcomes(layer, expected, x), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


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


@pytest.mark.parametrize(("precision", "error"), [("float32", 4e-6), ("bfloat16", 5e-3)])
@pytest.mark.parametrize("basis", [Gaussians(8), BSplines(), Chebyshev(4), Fourier(4), MexicanHats(3)], ids=repr)
@pytest.mark.parametrize("options", [{"padding": 2}, {"groups": 2, "stride": 2, "dilation": 2, "layer_norm": True}])
def test_rounding_stays_small_over_several_chunks(precision, error, basis, options, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 2**17)
    monkeypatch.setattr(chunks, "LEAST", 1)
    exact = shaken(16, 12, 5, basis, **options)
    layer = copy.deepcopy(exact).float()
    set_precision(layer, precision)
    x = torch.randn(20, 16, 64, requires_grad=True)
    exact_x = x.detach().double().requires_grad_()
    expected = outcomes(exact, exact(exact_x), exact_x)
    for ours, wanted in zip(outcomes(layer, layer(x), x), expected, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - wanted).abs().max() <= error * wanted.abs().max()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_results_do_not_depend_on_the_height_of_chunks(precision, monkeypatch):
    layer = shaken(4, 3, 3, padding=1).float()
    set_precision(layer, precision)
    x = torch.randn(7, 4, 10, requires_grad=True)
    whole = outcomes(layer, layer(x), x)
    # 4 channels · 10 positions · 8 centres · 4 bytes: 3 samples a chunk, the last one short.
    monkeypatch.setattr(chunks, "CHUNK", 4 * 10 * 8 * (4 if precision == "float32" else 2) * 3)
    monkeypatch.setattr(chunks, "LEAST", 1)
    for ours, expected in zip(outcomes(layer, layer(x), x), whole, strict=True):
        assert (ours - expected).abs().max() <= (1e-5 if precision == "float32" else 1e-2) * expected.abs().max()


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


def test_an_edge_between_groups_is_refused():
    with pytest.raises(ValueError, match="no edge from channel 3 to 0"):
        shaken(4, 2, 3, groups=2).edge_functions(torch.tensor([0, 3]), 0, 1, torch.zeros(1))


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


def compiled(layer: KANConv1d) -> tuple[Callable[[Tensor], Tensor], list[torch.fx.GraphModule]]:
    """Return the layer compiled without code generation, and a list that its forward and backward graphs go into."""
    graphs = []

    def keep(graph: torch.fx.GraphModule, _: list[Tensor]) -> Callable:
        graphs.append(graph)
        return make_boxed_func(graph.forward)

    torch.compiler.reset()
    backend = aot_autograd(fw_compiler=keep, bw_compiler=keep)
    return torch.compile(layer, backend=backend, fullgraph=True), graphs


def called(graph: torch.fx.GraphModule) -> list[str]:
    return [str(node.target) for node in graph.graph.nodes if node.op == "call_function"]


def test_a_compiler_sees_one_operator_per_direction_and_never_the_basis():
    layer = shaken(4, 2, 4, padding="same").float()
    run, graphs = compiled(layer)
    x = torch.randn(3, 4, 9, requires_grad=True)
    for ours, expected in zip(outcomes(layer, run(x), x), outcomes(layer, layer(x), x), strict=True):
        torch.testing.assert_close(ours, expected)
    assert len(graphs) == 2
    for graph in graphs:
        assert sum("kanseq" in name for name in called(graph)) == 1
        assert not any("exp" in name or "convolution" in name for name in called(graph))


def test_a_compiler_sees_one_operator_for_all_windows_and_one_for_either_end(monkeypatch):
    monkeypatch.setattr(conv, "SEGMENT", 4 * 8 * 12)
    layer = shaken(4, 2, 4, padding=2, layer_norm=True).float()
    run, graphs = compiled(layer)
    for length in (61, 75):
        x = torch.randn(2, 4, length, requires_grad=True)
        for ours, expected in zip(outcomes(layer, run(x), x), outcomes(layer, layer(x), x), strict=True):
            torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)
    assert {sum("kanseq" in name for name in called(graph)) for graph in graphs} == {3}


@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        (3, {}),
        (3, {"padding": 1, "layer_norm": True}),
        (5, {"padding": 2, "stride": 2, "groups": 2}),
        (4, {"padding": "same"}),
        (3, {"padding": "same", "dilation": 3}),
        (2, {"padding": "same", "dilation": 3, "layer_norm": True}),
        (3, {"padding": 7, "stride": 3, "dilation": 2}),
        (1, {}),
        (1, {"padding": 3, "stride": 2, "groups": 2}),
        (1, {"padding": 8, "stride": 8}),
        (2, {"stride": 5, "padding": 1, "base": False}),
        (8, {"stride": 8}),
        (9, {"dilation": 4, "padding": 40}),
    ],
    ids=repr,
)
@pytest.mark.parametrize("room", [1, 7, 16, 33])
def test_windows_of_long_samples_match_complete_samples(kernel, options, room, monkeypatch):
    layer = shaken(4, 2, kernel, Gaussians(3), **options)
    for length in (48, 53):
        x = torch.randn(2, 4, length, dtype=torch.float64, requires_grad=True)
        monkeypatch.setattr(conv, "SEGMENT", 4 * 3 * length)
        whole = outcomes(layer, layer(x), x)
        monkeypatch.setattr(conv, "SEGMENT", 4 * 3 * room)
        y = layer(x)
        assert y.shape == whole[0].shape
        for ours, expected in zip(outcomes(layer, y, x), whole, strict=True):
            torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("length", range(1, 14))
def test_samples_of_any_length_can_be_cut_into_windows(channels, length, monkeypatch):
    monkeypatch.setattr(conv, "SEGMENT", 1)
    for kernel, stride, dilation, padding in itertools.product((1, 2, 3), (1, 2, 4), (1, 2), (0, 1, 3, 8)):
        if length + 2 * padding <= dilation * (kernel - 1):
            continue
        layer = KANConv1d(channels, 2, kernel, Gaussians(2), stride=stride, dilation=dilation, padding=padding)
        x = torch.randn(1, channels, length)
        y = layer(x)
        with monkeypatch.context() as whole:
            whole.setattr(conv, "SEGMENT", 2**20)
            torch.testing.assert_close(y, layer(x), rtol=1e-5, atol=1e-5)


def test_second_derivatives_work_with_windows(monkeypatch):
    monkeypatch.setattr(conv, "SEGMENT", 1)
    layer = shaken(2, 1, 2, Gaussians(2), padding=1, layer_norm=True)
    x = torch.randn(1, 2, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)


def test_windows_work_without_a_batch_axis_and_for_empty_batches(monkeypatch):
    layer, x = shaken(4, 3, 3, padding=1), torch.randn(4, 40, dtype=torch.float64)
    whole = layer(x)
    monkeypatch.setattr(conv, "SEGMENT", 4 * 8 * 10)
    torch.testing.assert_close(layer(x), whole, rtol=1e-12, atol=1e-12)
    assert layer(x.new_zeros(0, 4, 40)).shape == (0, 3, 40)


def test_the_complete_basis_of_a_long_sample_is_never_in_memory():
    class Largest(TorchDispatchMode):
        numbers = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            made = function(*args, **kwargs or {})
            for tensor in torch.utils._pytree.tree_leaves(made):
                if isinstance(tensor, Tensor):
                    self.numbers = max(self.numbers, tensor.untyped_storage().nbytes() // tensor.itemsize)
            return made

    torch.manual_seed(1)
    layer, length = KANConv1d(16, 8, 5, padding="same", layer_norm=True), 2**17
    for precision in ("float32", "bfloat16"):
        set_precision(layer, precision)
        x = torch.randn(1, 16, length, requires_grad=True)
        with Largest() as largest:
            layer(x).sum().backward()
        # The input and its gradient have this many values; the basis has 8 times as many.
        assert 16 * length <= largest.numbers < 1.01 * 16 * length


def test_inside_autocast_results_have_the_dtype_of_autocast():
    layer = shaken(4, 3, 3).float()
    x = torch.randn(2, 4, 9)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    assert (y - layer(x)).abs().max() < 0.02 * layer(x).abs().max()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 3}, "groups must divide the channels: 3 of 4 to 6"),
        ({"kernel_size": 0}, "kernel_size must be an int of at least 1: 0"),
        ({"kernel_size": 3.0}, "kernel_size must be an int of at least 1: 3.0"),
        ({"in_channels": "4"}, "in_channels must be an int of at least 1: '4'"),
        ({"out_channels": None}, "out_channels must be an int of at least 1: None"),
        ({"groups": True}, "groups must be an int of at least 1: True"),
        ({"stride": 0}, "stride must be an int of at least 1: 0"),
        ({"dilation": -1}, "dilation must be an int of at least 1: -1"),
        ({"padding": -1}, "padding must be an int of at least 0: -1"),
        ({"padding": 1.5}, "padding must be an int of at least 0: 1.5"),
        ({"padding": "valid"}, "same with stride 1: 'valid', stride 1"),
        ({"padding": "same", "stride": 2}, "same with stride 1: 'same', stride 2"),
        ({"low": 2.0, "high": 2.0}, "low and high must be finite, low below high: 2.0, 2.0"),
        ({"low": -math.inf}, "low and high must be finite, low below high: -inf, 2.0"),
        ({"high": math.inf}, "low and high must be finite, low below high: -2.0, inf"),
        ({"low": math.nan}, "low and high must be finite, low below high: nan, 2.0"),
    ],
)
def test_errors_name_bad_arguments_with_their_values(options, message):
    with pytest.raises(ValueError, match=message):
        KANConv1d(**{"in_channels": 4, "out_channels": 6, "kernel_size": 3, **options})


@pytest.mark.parametrize("basis", [Gaussians, 2, None], ids=repr)
def test_an_argument_that_is_not_a_basis_is_refused(basis):
    with pytest.raises(TypeError, match=f"basis must be a Basis, such as Gaussians\\(8\\): {basis!r}"):
        KANConv1d(6, 4, 3, basis)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 5, 9), r"inputs must be \(n, 4, length\): \(2, 5, 9\)"),
        ((9,), r"inputs must be \(n, 4, length\): \(9,\)"),
        ((1, 2, 4, 9), r"inputs must be \(n, 4, length\)"),
        ((2, 4, 2), "at least 3 long: 2"),
        ((2, 4, 0), "at least 3 long: 0"),
    ],
)
def test_errors_name_the_shape_of_inputs_that_do_not_fit(shape, message):
    with pytest.raises(ValueError, match=message):
        KANConv1d(4, 3, 3, dilation=2, padding=1)(torch.zeros(shape))
