"""The convolution in pieces: chunks of samples, windows of positions, and the operators that a compiler sees."""

import copy
import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch._dynamo.backends.common import aot_autograd
from torch._functorch.aot_autograd import make_boxed_func
from torch.utils._python_dispatch import TorchDispatchMode

from kanseq.nn import conv
from kanseq.nn.bases.basis import Gaussians
from kanseq.nn.bases.bsplines import BSplines
from kanseq.nn.bases.chebyshev import Chebyshev
from kanseq.nn.bases.fourier import Fourier
from kanseq.nn.bases.wavelets import MexicanHats
from kanseq.nn.conv import KANConv1d
from kanseq.nn.kernels import chunks
from kanseq.nn.precision import set_precision
from tests.nn.conv_layers import outcomes, shaken


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
    for actual, exact_value in zip(outcomes(layer, layer(x), x), expected, strict=True):
        assert actual.dtype == torch.float32
        assert (actual - exact_value).abs().max() <= error * exact_value.abs().max()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_results_do_not_depend_on_the_height_of_chunks(precision, monkeypatch):
    layer = shaken(4, 3, 3, padding=1).float()
    set_precision(layer, precision)
    x = torch.randn(7, 4, 10, requires_grad=True)
    whole = outcomes(layer, layer(x), x)
    # 4 channels · 10 positions · 8 centres · 4 bytes: 3 samples a chunk, the last one short.
    monkeypatch.setattr(chunks, "CHUNK", 4 * 10 * 8 * (4 if precision == "float32" else 2) * 3)
    monkeypatch.setattr(chunks, "LEAST", 1)
    for actual, expected in zip(outcomes(layer, layer(x), x), whole, strict=True):
        assert (actual - expected).abs().max() <= (1e-5 if precision == "float32" else 1e-2) * expected.abs().max()


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
    for actual, expected in zip(outcomes(layer, run(x), x), outcomes(layer, layer(x), x), strict=True):
        torch.testing.assert_close(actual, expected)
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
        for actual, expected in zip(outcomes(layer, run(x), x), outcomes(layer, layer(x), x), strict=True):
            torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)
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
        for actual, expected in zip(outcomes(layer, y, x), whole, strict=True):
            torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)


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
