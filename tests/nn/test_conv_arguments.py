"""Arguments and inputs that the convolution refuses, with their values in the message."""

import math

import pytest
import torch

from kanseq.nn.bases.basis import Gaussians
from kanseq.nn.conv import KANConv1d
from tests.nn.conv_layers import shaken


def test_an_edge_between_groups_is_refused():
    with pytest.raises(ValueError, match="no edge from channel 3 to 0"):
        shaken(4, 2, 3, groups=2).edge_functions(torch.tensor([0, 3]), 0, 1, torch.zeros(1))


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
