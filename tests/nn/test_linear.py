"""What every KAN layer has, shown on the radial one: other ways to run it, and its edges."""

import copy
import pickle

import pytest
import torch
from torch import nn

from kanseq.nn import chunks, linear
from kanseq.nn.layer import SILU_SECOND_MOMENT
from kanseq.nn.precision import set_precision
from kanseq.nn.rbf import RBFLinear


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(5)
    return nn.Sequential(RBFLinear(12, 10), RBFLinear(10, 4))


def outcomes(network: nn.Module, x: torch.Tensor, run: nn.Module | None = None) -> list[torch.Tensor]:
    """Outputs, and the gradients of the sum of their squares."""
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
    for ours, expected in zip(outcomes(layer, x), whole, strict=True):
        torch.testing.assert_close(ours, expected, rtol=error, atol=error * float(expected.abs().max()))


def test_the_same_call_gives_the_same_bits(network):
    x = torch.randn(3000, 12)
    first, second = outcomes(network, x), outcomes(network, x)
    assert all(torch.equal(ours, again) for ours, again in zip(first, second, strict=True))


def test_one_row_tells_nothing_of_another(network):
    # With a number of features that is no multiple of 32, bfloat16 products themselves spread what is not a number.
    x = torch.randn(20, 12)
    x[3] = torch.nan
    set_precision(network, "bfloat16")
    broken = network[0](x).isnan().any(1)
    assert broken.tolist() == [row == 3 for row in range(20)]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_one_row_s_gradient_tells_nothing_of_another(precision):
    torch.manual_seed(0)
    # Few enough rows for the layout whose sums go over several positions at a time, and no multiple of 16 inputs.
    layer, x = RBFLinear(12, 32), torch.randn(20, 12)
    set_precision(layer, precision)
    x[3] = torch.nan
    x.requires_grad_()
    layer(x)[[2, 4]].sum().backward()
    assert x.grad.isnan().any(1).tolist() == [row == 3 for row in range(20)]


def test_compiled_in_one_graph_it_does_the_same(network):
    # The compiler's own back end needs a C++ compiler; what it would be given does not.
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    x = torch.randn(33, 12)
    for ours, expected in zip(outcomes(network, x, compiled), outcomes(network, x), strict=True):
        torch.testing.assert_close(ours, expected)


def test_a_compiler_sees_one_operator_per_direction_and_never_the_basis(network):
    graphs = []

    def keep(graph: torch.fx.GraphModule, _: list[torch.Tensor]) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    torch.compile(network, fullgraph=True, backend=keep)(torch.randn(33, 12))
    called = [str(node.target) for node in graphs[0].graph.nodes if node.op == "call_function"]
    assert sum("kanseq" in name and "sum_of_curves" in name for name in called) == 2
    assert not any("exp" in name.split(".") for name in called)


def test_exported_for_any_number_of_rows_it_does_the_same_without_kanseq_s_operators(network):
    network.eval()
    rows = torch.export.Dim("rows")
    program = torch.export.export(network, (torch.randn(33, 12),), dynamic_shapes=({0: rows},))
    x = torch.randn(5, 12)
    torch.testing.assert_close(program.module()(x), network(x))
    assert "kanseq" not in str(program.graph)


def test_autocast_gives_what_linear_layers_give(network):
    x = torch.randn(33, 12)
    exact = outcomes(network, x)
    with torch.autocast("cpu", torch.bfloat16):
        rough = outcomes(network, x)
    assert rough[0].dtype == torch.bfloat16
    assert rough[1].dtype == torch.float32
    for ours, expected in zip(rough, exact, strict=True):
        assert (ours - expected).abs().max() < 0.03 * expected.abs().max()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_layers_in_half_precision_give_half_precision(network, dtype):
    x = torch.randn(33, 12)
    exact, rough = outcomes(network, x), outcomes(copy.deepcopy(network).to(dtype), x.to(dtype))
    for ours, expected in zip(rough, exact, strict=True):
        assert ours.dtype == dtype
        assert (ours - expected).abs().max() < 0.05 * expected.abs().max()


def test_second_derivatives_in_float32_are_the_plain_formula_s(network):
    x = torch.randn(9, 12, requires_grad=True)
    (slope,) = torch.autograd.grad(network(x).square().sum(), x, create_graph=True)
    slope.square().sum().backward()
    ours = [x.grad.double(), network[0].spline_weight.grad.double()]
    exact, z = copy.deepcopy(network).double(), x.detach().double().requires_grad_()
    exact.zero_grad()
    (slope,) = torch.autograd.grad(exact(z).square().sum(), z, create_graph=True)
    slope.square().sum().backward()
    for found, expected in zip(ours, [z.grad, exact[0].spline_weight.grad], strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_functional_gradients_are_the_same(network):
    x = torch.randn(9, 12)
    parameters = {name: parameter.detach() for name, parameter in network.named_parameters()}
    found = torch.func.grad(lambda p: torch.func.functional_call(network, p, (x,)).square().sum())(parameters)
    network.zero_grad()
    network(x).square().sum().backward()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, msg=name)


def test_a_pickled_layer_is_the_same_layer(network):
    x = torch.randn(9, 12)
    assert torch.equal(pickle.loads(pickle.dumps(network))(x), network(x))


def test_inference_mode_first_does_not_spoil_training_after(network):
    set_precision(network, "bfloat16")
    with torch.inference_mode():
        network(torch.randn(4, 12))
    assert all(torch.isfinite(found).all() for found in outcomes(network, torch.randn(4, 12)))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_residual_layer_adds_its_inputs(precision):
    torch.manual_seed(3)
    layer, x = RBFLinear(9, 9, residual=True), torch.randn(4, 5, 9)
    set_precision(layer, precision)
    ours = outcomes(layer, x)
    layer.residual = False
    expected = outcomes(layer, x, lambda x: x + layer(x))
    for found, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(found, other, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="9 to 8"):
        RBFLinear(9, 8, residual=True)


@pytest.mark.parametrize("shape", [(6, 5, 9), (2, 3, 5, 9), (3, 40, 9)])
def test_samples_of_several_rows_come_in_any_order_in_memory(shape, monkeypatch):
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


def test_a_gradient_that_is_one_vector_many_times_is_not_spread_out_first():
    torch.manual_seed(3)
    layer, x = RBFLinear(9, 7), torch.randn(4, 5, 9, requires_grad=True)
    (found,) = torch.autograd.grad(layer(x).mean(dim=1).sum(), x)
    (expected,) = torch.autograd.grad(layer(x).sum() / 5, x)
    torch.testing.assert_close(found, expected)


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


def test_edges_may_be_asked_for_in_any_shape_and_can_be_differentiated():
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
        # What is no sum over many edges, here the mean square of one layer's outputs, scatters by some per cent.
        assert 0.7 < x.var().item() < 1.4, depth


def test_the_second_moment_of_silu_is_its_integral():
    z = torch.linspace(-12, 12, 100001, dtype=torch.float64)
    density = torch.exp(-z.square() / 2) / (2 * torch.pi) ** 0.5
    moment = torch.trapezoid(nn.functional.silu(z).square() * density, z)
    assert pytest.approx(moment.item(), abs=1e-5) == SILU_SECOND_MOMENT
