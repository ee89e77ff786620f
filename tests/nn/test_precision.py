import pytest
import torch
from torch import nn

from kanseq.nn.precision import operand_type, resolve_precision, set_precision
from kanseq.nn.rbf import RBFLinear


def test_every_kan_layer_takes_the_precision():
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


def test_autocast_decides_over_float32_and_not_over_float64():
    x, weight = torch.zeros(1), torch.zeros(1)
    with torch.autocast("cpu", torch.bfloat16):
        assert operand_type("float32", x, weight) == (torch.float32, torch.bfloat16, torch.bfloat16)
        assert operand_type("float32", x, weight.double()) == (torch.float64,) * 3


def test_only_auto_is_decided_by_the_processor():
    assert resolve_precision("float32") == "float32"
    assert resolve_precision("bfloat16") == "bfloat16"
    assert resolve_precision("auto") in ("float32", "bfloat16")
