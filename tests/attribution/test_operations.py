"""Operations without a rule are refused, with their name and the name of their layer."""

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


def _without_gradients(x):
    with torch.no_grad():
        scale = x.mean(-1, keepdim=True)
    return x * scale


REFUSED = {
    "an elementwise comparison": (lambda x: x * (x > 0), "gt"),
    "rounding": (lambda x: x.round(), "round"),
    "a detached tensor": (lambda x: x.detach() + x, "detach"),
    "sorting": (lambda x: x.sort(-1).values, "sort"),
    "a branch on a value": (lambda x: x if x.sum() > 0 else -x, "gt"),
    "a number read from a tensor": (lambda x: x * x.sum().item(), "item"),
    "an operation in place": (lambda x: (x + 0).relu_() * 1, "relu"),
    "a running scan": (lambda x: x.cumprod(-1), "cumprod"),
    "two exponents": (lambda x: x.abs() ** x, "pow"),
    "data outside the graph": (lambda x: x * x.data, "get"),
    "integers": (lambda x: x + (3 * x).to(torch.long), "to"),
    "copied numbers": (lambda x: x * x.new_tensor(x), "new_tensor"),
    "rounding quotients": (lambda x: torch.div(3 * x, 2, rounding_mode="floor") + x, "div"),
    "a power of a constant": (lambda x: torch.pow(torch.tensor(2.0), x), "pow"),
    "a comparison of tensors": (lambda x: x if torch.equal(x, x) else -x, "equal"),
    "genes and references mixed": (lambda x: x.t().flatten().view(2, -1).tanh(), "tanh"),
    "without gradients": (_without_gradients, "mean"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_operation_without_a_rule_is_refused_with_its_layer(name):
    function, called = REFUSED[name]
    network = nn.Sequential(nn.Linear(4, 4), nn.Sequential(Block(function), nn.ReLU())).requires_grad_(False)
    x, r = torch.randn(2, 4), torch.randn(1, 2, 4)
    with pytest.raises(NoRule, match=rf"no rule for '{called}' in the layer '1\.0' \(Block\); use --method occlusion"):
        path_multipliers(network, lambda z: network(z).sum(1), x, r)
    # The network still works, and has no hooks.
    network[1][0].function = torch.tanh
    assert path_multipliers(network, lambda z: network(z).sum(1), x, r).values.shape == (1, 2, 4)
    assert not network._forward_hooks


def _added(x):
    h = torch.nn.functional.silu(x)
    h += x
    h *= 0.5
    return h


def _cleared(x):
    x[:, :2] = 0
    return x.tanh()


ALLOWED = {
    "a residual added in place": _added,
    "an input changed in place": _cleared,
    "arguments by name": lambda x: torch.relu(input=x) + torch.softmax(input=x, dim=-1),
    "the default axis": lambda x: torch.nn.functional.softmax(x, dim=-1).log(),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_operations_that_autograd_follows_are_followed(name):
    torch.manual_seed(0)
    x, r = torch.randn(2, 6, dtype=torch.float64), torch.randn(3, 2, 6, dtype=torch.float64)
    found = path_multipliers(nn.Identity(), lambda z: ALLOWED[name](z).sum(1), x, r)
    shares = (found.values * (x - r)).sum(-1)
    torch.testing.assert_close(shares, found.outputs[:1] - found.outputs[1:])


def test_a_model_that_no_rule_can_follow_raises_one_line():
    x, r = torch.randn(2, 6), torch.randn(3, 2, 6)
    with pytest.raises(NoRule, match=r"cannot explain this model \(.*; use --method occlusion"):
        path_multipliers(nn.Identity(), lambda z: torch.ones(len(z)), x, r)


def test_layers_in_training_mode_are_refused():
    x, r = torch.randn(4, 6), torch.randn(1, 4, 6)
    for layer in (nn.BatchNorm1d(6), nn.Dropout(0.5)):
        with pytest.raises(NoRule, match=r"batch_norm|dropout"):
            path_multipliers(layer, lambda z, layer=layer: layer(z).sum(1), x, r)


def test_a_recurrent_layer_is_refused_by_name():
    network = nn.GRU(3, 2, batch_first=True).requires_grad_(False)
    x, r = torch.randn(2, 5, 3), torch.randn(1, 2, 5, 3)
    with pytest.raises(NoRule, match="gru"):
        path_multipliers(network, lambda z: network(z)[0][:, -1].sum(1), x, r)
