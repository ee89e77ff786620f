"""Common features of KAN layers, tested on the radial one: compilation, export, precision and edges."""

import copy
import pickle
from functools import partial

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from kanseq.nn import Basis, BSplineLinear, Chebyshev, Gaussians, KANLinear, RBFLinear, linear, set_precision
from kanseq.nn.kernels import chunks, lookup
from kanseq.nn.layer import SILU_SECOND_MOMENT


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(5)
    return nn.Sequential(RBFLinear(12, 10), RBFLinear(10, 4))


def outcomes(network: nn.Module, x: torch.Tensor, run: nn.Module | None = None) -> list[torch.Tensor]:
    """Return outputs, and the gradients of the sum of their squares."""
    x = x.detach().requires_grad_()
    network.zero_grad()
    y = (network if run is None else run)(x)
    y.float().square().sum().backward()
    return [y.detach(), x.grad, *(parameter.grad.clone() for parameter in network.parameters())]


@pytest.mark.parametrize("layer_norm", [True, False])
@pytest.mark.parametrize("rows", [7, 130])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_results_do_not_depend_on_the_height_of_chunks(layer_norm, rows, precision, monkeypatch):
    torch.manual_seed(0)
    layer = RBFLinear(5, 6, layer_norm=layer_norm)
    set_precision(layer, precision)
    x = torch.randn(rows, 5)
    whole = outcomes(layer, x)
    # 5 inputs · 8 centres · 4 bytes: 6 rows a chunk, the last one short.
    monkeypatch.setattr(chunks, "LEAST", 1)
    monkeypatch.setattr(chunks, "CHUNK", 6 * 5 * 8 * 4)
    error = 1e-5 if precision == "float32" else 1e-2
    for actual, expected in zip(outcomes(layer, x), whole, strict=True):
        torch.testing.assert_close(actual, expected, rtol=error, atol=error * float(expected.abs().max()))


def test_repeated_calls_are_bitwise_identical(network):
    x = torch.randn(3000, 12)
    first, second = outcomes(network, x), outcomes(network, x)
    assert all(torch.equal(once, again) for once, again in zip(first, second, strict=True))


def test_outputs_of_one_row_do_not_depend_on_another(network):
    # If the number of features is not a multiple of 32, bfloat16 products themselves spread NaN.
    x = torch.randn(20, 12)
    x[3] = torch.nan
    set_precision(network, "bfloat16")
    broken = network[0](x).isnan().any(1)
    assert broken.tolist() == [row == 3 for row in range(20)]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_gradients_of_one_row_do_not_depend_on_another(precision):
    torch.manual_seed(0)
    # Few enough rows for the layout that sums several positions at a time, and inputs that are no multiple of 16.
    layer, x = RBFLinear(12, 32), torch.randn(20, 12)
    set_precision(layer, precision)
    x[3] = torch.nan
    x.requires_grad_()
    layer(x)[[2, 4]].sum().backward()
    assert x.grad.isnan().any(1).tolist() == [row == 3 for row in range(20)]


def test_compiled_in_one_graph_the_results_are_the_same(network):
    # The compiler's default back end needs a C++ compiler; this one does not.
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    x = torch.randn(33, 12)
    for actual, expected in zip(outcomes(network, x, compiled), outcomes(network, x), strict=True):
        torch.testing.assert_close(actual, expected)


def test_a_compiler_sees_one_operator_per_direction_and_never_the_basis(network):
    graphs = []

    def keep(graph: torch.fx.GraphModule, _: list[torch.Tensor]) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    torch.compile(network, fullgraph=True, backend=keep)(torch.randn(33, 12))
    called = [str(node.target) for node in graphs[0].graph.nodes if node.op == "call_function"]
    assert sum("kanseq" in name and "sum_of_curves" in name for name in called) == 2
    assert not any("exp" in name.split(".") for name in called)


@pytest.mark.parametrize("order", [2, 3])
def test_splines_compile_on_even_and_uneven_knots_and_after_refinement(order):
    torch.manual_seed(0)
    layer, x = BSplineLinear(6, 5, order=order), torch.randn(40, 6)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    for change in (lambda: None, lambda: layer.update_grid(torch.randn(300, 6)), lambda: layer.refine(9)):
        change()
        for actual, expected in zip(outcomes(layer, x, compiled), outcomes(layer, x), strict=True):
            torch.testing.assert_close(actual, expected)


def test_equal_layers_share_compiled_code():
    counter = CompileCounter()
    step = torch.compile(lambda layer, x: layer(x), fullgraph=True, backend=counter)
    for _ in range(3):
        step(RBFLinear(6, 5), torch.randn(40, 6))
    assert counter.frame_count == 1


def test_exported_for_any_number_of_rows_it_matches_without_custom_operators(network):
    network.eval()
    rows = torch.export.Dim("rows")
    program = torch.export.export(network, (torch.randn(33, 12),), dynamic_shapes=({0: rows},))
    x = torch.randn(5, 12)
    torch.testing.assert_close(program.module()(x), network(x))
    assert "kanseq" not in str(program.graph)


def test_inside_autocast_dtypes_are_those_of_linear_layers(network):
    x = torch.randn(33, 12)
    exact = outcomes(network, x)
    with torch.autocast("cpu", torch.bfloat16):
        rough = outcomes(network, x)
    assert rough[0].dtype == torch.bfloat16
    assert rough[1].dtype == torch.float32
    for actual, expected in zip(rough, exact, strict=True):
        assert (actual - expected).abs().max() < 0.03 * expected.abs().max()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_layers_in_half_precision_return_half_precision(network, dtype):
    x = torch.randn(33, 12)
    exact, rough = outcomes(network, x), outcomes(copy.deepcopy(network).to(dtype), x.to(dtype))
    for actual, expected in zip(rough, exact, strict=True):
        assert actual.dtype == dtype
        assert (actual - expected).abs().max() < 0.05 * expected.abs().max()


def test_second_derivatives_in_float32_match_float64(network):
    x = torch.randn(9, 12, requires_grad=True)
    (slope,) = torch.autograd.grad(network(x).square().sum(), x, create_graph=True)
    slope.square().sum().backward()
    actual = [x.grad.double(), network[0].spline_weight.grad.double()]
    exact, z = copy.deepcopy(network).double(), x.detach().double().requires_grad_()
    exact.zero_grad()
    (slope,) = torch.autograd.grad(exact(z).square().sum(), z, create_graph=True)
    slope.square().sum().backward()
    for found, expected in zip(actual, [z.grad, exact[0].spline_weight.grad], strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("kind", [RBFLinear, BSplineLinear])
def test_gradients_of_a_layer_used_twice_are_not_counted_twice(kind):
    torch.manual_seed(1)
    layer, x = kind(4, 4).double(), torch.randn(3, 4).double().requires_grad_()
    y = layer(layer(x)).square().sum()
    by = [x, *layer.parameters()]
    expected = torch.autograd.grad(y, by, retain_graph=True)
    for found, other in zip(torch.autograd.grad(y, by, create_graph=True), expected, strict=True):
        torch.testing.assert_close(found, other)
    assert torch.autograd.gradgradcheck(lambda x: layer(layer(x)), x)


def test_functional_transforms_match_autograd(network):
    network, x = network.double(), torch.randn(9, 12).double()
    names, weights = zip(*((name, weight.detach()) for name, weight in network.named_parameters()), strict=True)

    def loss(weights: tuple[torch.Tensor, ...], x: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(network, dict(zip(names, weights, strict=True)), (x,)).square().sum()

    network(x).square().sum().backward()
    expected = [parameter.grad for parameter in network.parameters()]
    for found, other in zip(torch.func.grad(loss)(weights, x), expected, strict=True):
        torch.testing.assert_close(found, other)
    single = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weights, x)
    for found, other in zip(single, expected, strict=True):
        torch.testing.assert_close(found.sum(0), other)
    row = x[0]
    jacobian = torch.autograd.functional.jacobian(network, row)
    torch.testing.assert_close(torch.func.jacrev(network)(row), jacobian)
    torch.testing.assert_close(torch.func.vmap(network)(x), network(x))


def test_a_pickled_layer_is_the_same_layer(network):
    x = torch.randn(9, 12)
    assert torch.equal(pickle.loads(pickle.dumps(network))(x), network(x))


def test_tables_are_gathered_the_same_for_few_and_many_threads(network, monkeypatch):
    set_precision(network, "bfloat16")
    x = torch.randn(33, 12)
    few = outcomes(network, x)
    monkeypatch.setattr(lookup, "FEW_THREADS", 0)
    assert all(torch.equal(actual, expected) for actual, expected in zip(outcomes(network, x), few, strict=True))


def test_training_works_after_inference_mode(network):
    lookup._MADE.clear()
    set_precision(network, "bfloat16")
    with torch.inference_mode():
        network(torch.randn(4, 12))
    assert not any(table.values.is_inference() for table in lookup._MADE.values())
    assert all(torch.isfinite(found).all() for found in outcomes(network, torch.randn(4, 12)))


def test_a_trace_without_values_leaves_no_table_behind():
    lookup._MADE.clear()
    layer, x = RBFLinear(4, 4), torch.randn(3, 4)
    set_precision(layer, "bfloat16")
    with FakeTensorMode(allow_non_fake_inputs=True):
        layer(torch.randn(3, 4))
    with torch.device("meta"):
        expected = layer(x)
    assert torch.isfinite(expected).all()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_residual_layer_adds_its_inputs(precision):
    torch.manual_seed(3)
    layer, x = RBFLinear(9, 9, residual=True), torch.randn(4, 5, 9)
    set_precision(layer, precision)
    actual = outcomes(layer, x)
    layer.residual = False
    expected = outcomes(layer, x, lambda x: x + layer(x))
    for found, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(found, other, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="9 to 8"):
        RBFLinear(9, 8, residual=True)


@pytest.mark.parametrize("shape", [(6, 5, 9), (2, 3, 5, 9), (3, 40, 9)])
def test_samples_of_several_rows_may_have_any_memory_order(shape, monkeypatch):
    monkeypatch.setattr(linear, "LARGE_SAMPLE", 30 * 9 * 8)
    monkeypatch.setattr(chunks, "LEAST", 1)
    monkeypatch.setattr(chunks, "CHUNK", 2 * 5 * 9 * 8 * 4)
    torch.manual_seed(3)
    layer, x = RBFLinear(9, 7).double(), torch.randn(shape).double()
    expected = outcomes(layer, x.flatten(0, -2))
    turned = x.transpose(-1, -2).contiguous().transpose(-1, -2)
    for given in (x, turned):
        found = outcomes(layer, given)
        assert found[0].shape == (*shape[:-1], 7)
        torch.testing.assert_close(
            [part.reshape(other.shape) for part, other in zip(found, expected, strict=True)], expected
        )


def test_an_expanded_gradient_is_supported():
    torch.manual_seed(3)
    layer, x = RBFLinear(9, 7), torch.randn(4, 5, 9, requires_grad=True)
    (found,) = torch.autograd.grad(layer(x).mean(dim=1).sum(), x)
    (expected,) = torch.autograd.grad(layer(x).sum() / 5, x)
    torch.testing.assert_close(found, expected)


class Largest(TorchDispatchMode):
    """Records the size of the largest tensor that any operation made."""

    numbers = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        made = function(*arguments, **(options or {}))
        for tensor in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(tensor, torch.Tensor):
                self.numbers = max(self.numbers, tensor.untyped_storage().nbytes() // tensor.element_size())
        return made


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("make", [RBFLinear, BSplineLinear, lambda *widths: KANLinear(*widths, Chebyshev(7))])
def test_the_basis_of_a_complete_batch_is_never_in_memory(make, precision):
    layer, x = make(64, 32), torch.randn(40000, 64, requires_grad=True)
    set_precision(layer, precision)
    with Largest() as largest:
        y = layer(x)
        y.backward(torch.ones_like(y))
    assert layer.basis.size == 8
    # No tensor is larger than the inputs; the basis would be eight times as large.
    assert largest.numbers <= x.numel()


def test_a_basis_that_is_not_a_frozen_dataclass_is_refused():
    class Powers(Basis):
        size = 2

    for basis in (Powers(), Gaussians, 8):
        with pytest.raises(TypeError, match="frozen dataclass"):
            KANLinear(2, 3, basis)


@pytest.mark.parametrize("shape", [(6, 7), (0, 7), (7,), ()])
def test_inputs_of_another_width_are_refused(shape):
    layer, splines, x = RBFLinear(6, 4), BSplineLinear(6, 4), torch.zeros(shape)
    for call in (layer, layer.update_grid, splines, splines.update_grid, splines.edge_norms):
        with pytest.raises(ValueError, match="6"):
            call(x)


@pytest.mark.parametrize("make", [RBFLinear, BSplineLinear])
def test_layers_work_on_the_meta_device(make):
    with torch.device("meta"):
        layer = make(6, 4)
        assert layer(torch.zeros(3, 6)).shape == (3, 4)


@pytest.mark.parametrize("make", [partial(RBFLinear, centres=9), partial(BSplineLinear, intervals=8)])
def test_a_grid_far_from_zero_loses_no_precision(make):
    torch.manual_seed(0)
    # Spacings of 1, so that a grid is the same in both precisions.
    layer = make(16, 8, low=1024.0, high=1032.0, layer_norm=False, base=False)
    x = 1024 + 8 * torch.rand(200, 16)
    exact = copy.deepcopy(layer).double()(x.double())
    assert (layer(x) - exact).abs().max() < 2e-6 * exact.abs().max()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_outputs_far_outside_the_grid_are_zero(precision):
    layer, x = RBFLinear(12, 5, layer_norm=False, base=False), torch.full((40, 12), 50.0)
    set_precision(layer, precision)
    assert not any(found.any() for found in outcomes(layer, x))


@pytest.mark.parametrize("base", [True, False])
def test_edges_sum_to_the_output(base):
    torch.manual_seed(2)
    layer = RBFLinear(3, 4, layer_norm=False, base=base).double()
    layer.update_grid(torch.randn(200, 3).double() * torch.tensor([1.0, 2.0, 0.5]))
    x = torch.randn(7, 3, dtype=torch.float64)
    total = torch.zeros(7, 4, dtype=torch.float64) if layer.base_bias is None else layer.base_bias.expand(7, 4)
    for i in range(3):
        curve, base_part = layer.edge_functions(i, torch.arange(4), x[:, i])
        assert curve.shape == base_part.shape == (7, 4)
        total = total + curve + base_part
    torch.testing.assert_close(total, layer(x))


def test_edge_functions_accept_any_shape_and_are_differentiable():
    layer = RBFLinear(3, 4)
    points = torch.linspace(-2, 2, 5, requires_grad=True)
    curve, base = layer.edge_functions(torch.arange(3)[:, None], torch.arange(4), points)
    assert curve.shape == base.shape == (5, 3, 4)
    curve.sum().backward()
    assert torch.isfinite(points.grad).all()


@pytest.mark.parametrize("base", [True, False])
@pytest.mark.parametrize("layer_norm", [True, False])
def test_variance_is_kept_through_depth(base, layer_norm):
    torch.manual_seed(0)
    x = torch.randn(512, 256)
    for depth in range(1, 9):
        x = RBFLinear(256, 256, layer_norm=layer_norm, base=base)(x).detach()
        # The mean square of one layer's outputs varies by some per cent.
        assert 0.7 < x.var().item() < 1.4, depth


def test_the_second_moment_of_silu_is_its_integral():
    z = torch.linspace(-12, 12, 100001, dtype=torch.float64)
    density = torch.exp(-z.square() / 2) / (2 * torch.pi) ** 0.5
    moment = torch.trapezoid(nn.functional.silu(z).square() * density, z)
    assert pytest.approx(moment.item(), abs=1e-5) == SILU_SECOND_MOMENT
