"""Compiled training, tested with a back end that only traces, so that no compiler is needed."""

import logging
from functools import partial

import pytest
import torch
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.testing import CompileCounterWithBackend

from kanseq.geometry import Geometry
from kanseq.models.network import SequenceNetwork
from kanseq.models.registry import architecture, make_config
from kanseq.training.objectives import compilation
from kanseq.training.objectives.compilation import compiled

TRIALS = [(torch.zeros(rows, 16, dtype=torch.uint8),) for rows in (5, 3)]


class Noisy(SequenceNetwork):
    """Network with everything that a trial could change: running statistics, dropout, gradients."""

    def __init__(self) -> None:
        super().__init__(Geometry.plain(16))
        self.norm = torch.nn.BatchNorm1d(64)
        self.dropout = torch.nn.Dropout(0.5)
        self.layer = torch.nn.Linear(64, 2)

    def forward_encoded(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.dropout(self.norm(x.flatten(1))))


@pytest.fixture(autouse=True)
def no_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "_failures", [])


@pytest.fixture
def network() -> Noisy:
    torch.manual_seed(0)
    return Noisy()


def test_a_trial_changes_neither_weights_nor_statistics_nor_the_random_state(network, monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    chance = torch.random.get_rng_state()
    run = compiled(network, TRIALS)
    assert run is not network
    assert torch.equal(torch.random.get_rng_state(), chance)
    assert all(parameter.grad is None for parameter in network.parameters())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_the_compiled_function_trains_the_weights_of_the_network(network, monkeypatch):
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    network.dropout.p = 0.0
    codes = torch.randint(0, 4, (5, 16), dtype=torch.uint8)
    compiled(network, TRIALS[:1])(codes).square().sum().backward()
    found = network.layer.weight.grad.clone()
    network.zero_grad()
    network(codes).square().sum().backward()
    torch.testing.assert_close(found, network.layer.weight.grad)


@pytest.mark.parametrize("late", [False, True])
def test_without_a_compiler_there_is_one_warning_and_the_network_is_returned(network, monkeypatch, caplog, late):
    def no_compiler(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> object:
        raise RuntimeError("no C++ compiler was found\nand more of it")

    def eager(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> object:
        return graph.forward

    backend = aot_autograd(fw_compiler=eager, bw_compiler=no_compiler) if late else no_compiler
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with caplog.at_level(logging.WARNING, "kanseq"):
        assert compiled(network, TRIALS) is network
        assert compiled(network, TRIALS) is network
    (message,) = [record.getMessage() for record in caplog.records if record.name.startswith("kanseq")]
    assert message.startswith("torch.compile does not work here (")
    assert "no C++ compiler was found" in message
    assert message.endswith("): training continues without it")
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_folds_share_compiled_code(monkeypatch):
    counter = CompileCounterWithBackend("aot_eager")
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=counter))
    for seed in range(10):
        torch.manual_seed(seed)
        config = make_config("kan-mixer", Geometry.plain(24), {"channels": 4})
        network = architecture("kan-mixer").build(config)
        trials = [(torch.zeros(rows, 24, dtype=torch.uint8),) for rows in (5, 3)]
        assert compiled(network, trials) is not network
    # Compiled once for a fixed batch size, and once for any.
    assert counter.frame_count == 2
