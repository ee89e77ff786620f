import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from kanseq.nn.conv import KANConv1d
from kanseq.nn.precision import PRECISIONS, operand_type, resolve_precision, set_precision
from kanseq.nn.rbf import RBFLinear


def test_set_precision_reaches_every_kan_layer():
    network = nn.Sequential(RBFLinear(3, 2), nn.ReLU(), nn.Sequential(RBFLinear(2, 2)))
    set_precision(network, "bfloat16")
    assert (network[0].precision, network[2][0].precision) == ("bfloat16", "bfloat16")


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="float16"):
        set_precision(nn.Sequential(), "float16")


@pytest.mark.parametrize(
    ("precision", "weights", "types"),
    [
        ("float32", torch.float32, (torch.float32, torch.float32, torch.float32)),
        ("bfloat16", torch.float32, (torch.float32, torch.bfloat16, torch.float32)),
        ("bfloat16", torch.float64, (torch.float64, torch.float64, torch.float64)),
        ("float32", torch.bfloat16, (torch.float32, torch.bfloat16, torch.bfloat16)),
        ("float32", torch.float16, (torch.float32, torch.float16, torch.float16)),
    ],
)
def test_types_follow_the_weights_and_the_precision(precision, weights, types):
    assert operand_type(precision, torch.zeros(1), torch.zeros(1, dtype=weights)) == types


def test_autocast_applies_to_float32_and_not_to_float64():
    x, weight = torch.zeros(1), torch.zeros(1)
    with torch.autocast("cpu", torch.bfloat16):
        assert operand_type("float32", x, weight) == (torch.float32, torch.bfloat16, torch.bfloat16)
        assert operand_type("float32", x, weight.double()) == (torch.float64,) * 3


def test_only_auto_depends_on_the_cpu():
    assert resolve_precision("float32") == "float32"
    assert resolve_precision("bfloat16") == "bfloat16"
    assert resolve_precision("auto") in ("float32", "bfloat16")


@pytest.mark.parametrize("make", [lambda: RBFLinear(12, 5), lambda: KANConv1d(12, 6, 3, stride=2, groups=2)])
def test_cpus_without_hardware_for_narrow_products_compute_them_in_float32(make, monkeypatch):
    torch.manual_seed(0)
    layer = make()
    x, weights = torch.randn(4, 12, 12), list(layer.parameters())
    gradients = {}
    for precision in PRECISIONS:
        set_precision(layer, precision)
        monkeypatch.setattr("kanseq.nn.kernels.products._multiplies", lambda dtype: False)
        seen = []
        with _Products(seen):
            y = layer(x.requires_grad_())
            gradients[precision] = (y, *torch.autograd.grad(y.square().sum(), [x, *weights]))
        assert seen
        assert set(seen) == {torch.float32}
    for exact, rounded in zip(*gradients.values(), strict=True):
        assert not torch.equal(exact, rounded) or exact.ndim == 1
        assert (exact - rounded).abs().max() <= 1e-2 * exact.abs().max()


class _Products(TorchDispatchMode):
    """Records the dtypes of all operands of products."""

    def __init__(self, seen):
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        if operator.overloadpacket in (
            torch.ops.aten.mm,
            torch.ops.aten.addmm_,
            torch.ops.aten.addmm,
            torch.ops.aten.convolution,
            torch.ops.aten.convolution_backward,
        ):
            self.seen += [each.dtype for each in args if isinstance(each, torch.Tensor)]
        return operator(*args, **(kwargs or {}))
