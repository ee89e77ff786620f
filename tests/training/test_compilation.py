"""Training through a compiler, without needing one: the back end that only traces stands in for it."""

import logging
from functools import partial

import pytest
import torch

from kanseq.geometry import Geometry
from kanseq.models.network import SequenceNetwork
from kanseq.training.compilation import compiled


class Noisy(SequenceNetwork):
    """Everything that a trial could change: running statistics, dropout, gradients."""

    def __init__(self) -> None:
        super().__init__(Geometry.plain(16))
        self.norm = torch.nn.BatchNorm1d(64)
        self.dropout = torch.nn.Dropout(0.5)
        self.layer = torch.nn.Linear(64, 2)

    def forward_encoded(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.dropout(self.norm(x.flatten(1))))


@pytest.fixture
def network() -> Noisy:
    torch.manual_seed(0)
    return Noisy()


def test_a_trial_changes_neither_weights_nor_statistics_nor_chance(network, monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    chance = torch.random.get_rng_state()
    run = compiled(network, [5, 3])
    assert run is not network
    assert torch.equal(torch.random.get_rng_state(), chance)
    assert all(parameter.grad is None for parameter in network.parameters())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_what_was_compiled_trains_the_network_s_own_weights(network, monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    network.dropout.p = 0.0
    codes = torch.randint(0, 4, (5, 16), dtype=torch.uint8)
    compiled(network, [5])(codes).square().sum().backward()
    found = network.layer.weight.grad.clone()
    network.zero_grad()
    network(codes).square().sum().backward()
    torch.testing.assert_close(found, network.layer.weight.grad)


def test_without_a_compiler_there_is_one_warning_and_the_network_itself(network, monkeypatch, caplog):
    def no_compiler(*_: object, **__: object) -> object:
        raise RuntimeError("no C++ compiler was found\nand more of it")

    monkeypatch.setattr(torch, "compile", no_compiler)
    with caplog.at_level(logging.WARNING):
        assert compiled(network, [5, 3]) is network
    assert caplog.messages == [
        "torch.compile does not work here (no C++ compiler was found): training goes on without it"
    ]
