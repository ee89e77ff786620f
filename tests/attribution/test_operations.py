"""What has no rule is refused, by its name and the name of its layer."""

import pytest
import torch
from torch import nn

from kanseq.attribution.paths import path_multipliers
from kanseq.errors import NoRule


class Block(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


REFUSED = {
    "a comparison": (lambda x: x * (x > 0), "gt"),
    "rounding": (lambda x: x.round(), "round"),
    "cutting the way back": (lambda x: x.detach() + x, "detach"),
    "sorting": (lambda x: x.sort(-1).values, "sort"),
    "a branch on a value": (lambda x: x if x.sum() > 0 else -x, "gt"),
    "a number read off": (lambda x: x * x.sum().item(), "item"),
    "a change in place that is no function": (lambda x: (x + 0).relu_() * 1, "relu"),
    "a running scan": (lambda x: x.cumprod(-1), "cumprod"),
    "two exponents": (lambda x: x.abs() ** x, "pow"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_operation_without_a_rule_is_refused_with_its_layer(name):
    function, called = REFUSED[name]
    network = nn.Sequential(nn.Linear(4, 4), nn.Sequential(Block(function), nn.ReLU())).requires_grad_(False)
    x, r = torch.randn(2, 4), torch.randn(1, 2, 4)
    with pytest.raises(NoRule, match=rf"no rule for '{called}' in the layer '1\.0' \(Block\); --method integrated"):
        path_multipliers(network, lambda z: network(z).sum(1), x, r)
    # Nothing stays behind: the network goes on as it was.
    network[1][0].function = torch.tanh
    assert path_multipliers(network, lambda z: network(z).sum(1), x, r).values.shape == (1, 2, 4)
    assert not network._forward_hooks


def test_layers_that_train_are_refused():
    x, r = torch.randn(4, 6), torch.randn(1, 4, 6)
    for layer in (nn.BatchNorm1d(6), nn.Dropout(0.5)):
        with pytest.raises(NoRule, match=r"batch_norm|dropout"):
            path_multipliers(layer, lambda z, layer=layer: layer(z).sum(1), x, r)


def test_a_recurrent_layer_is_refused_by_name():
    network = nn.GRU(3, 2, batch_first=True).requires_grad_(False)
    x, r = torch.randn(2, 5, 3), torch.randn(1, 2, 5, 3)
    with pytest.raises(NoRule, match="gru"):
        path_multipliers(network, lambda z: network(z)[0][:, -1].sum(1), x, r)
