import pytest
import torch
from torch import nn

from kanseq.nn.precision import products, resolve_precision, set_precision
from kanseq.nn.rbf import RBFLinear


def test_every_kan_layer_takes_the_precision():
    network = nn.Sequential(RBFLinear(3, 2), nn.ReLU(), nn.Sequential(RBFLinear(2, 2)))
    set_precision(network, "bfloat16")
    assert (network[0].precision, network[2][0].precision) == ("bfloat16", "bfloat16")


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="float16"):
        set_precision(nn.Sequential(), "float16")


def test_the_process_keeps_its_own_precision_outside_the_block():
    before = torch.get_float32_matmul_precision()
    with products("bfloat16"):
        assert torch.get_float32_matmul_precision() == "medium"
    assert torch.get_float32_matmul_precision() == before


def test_only_auto_is_decided_by_the_processor():
    assert resolve_precision("float32") == "float32"
    assert resolve_precision("bfloat16") == "bfloat16"
    assert resolve_precision("auto") in ("float32", "bfloat16")
