"""Penalties and grid changes in the training of a network for a task."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kanseq.errors import BadOption
from kanseq.models.inputs import Examples
from kanseq.models.network import Network
from kanseq.nn import BSplineLinear, RBFLinear
from kanseq.nn.grids import match_grids, refine_grids, update_grids
from kanseq.tasks.task import Task
from kanseq.training.loop import Limits, fit_objective
from kanseq.training.objectives.objective import Batch
from kanseq.training.objectives.task_objective import TaskObjective
from kanseq.training.processes.distributed import ALONE, Team
from kanseq.training.resume import Position, restore_state, save_state
from kanseq.training.settings import Settings

RANDOM = np.random.default_rng(1)
X = RANDOM.normal(0, 1, (30, 3)).astype(np.float32)
EXAMPLES = Examples(X, (X[:, 0] ** 2 + X[:, 1] > 0.8).astype(np.int64))


class Splines(Network):
    """A layer of Gaussians, a layer of B-splines, and a layer without a grid."""

    def __init__(self) -> None:
        super().__init__()
        self.radial, self.spline, self.head = RBFLinear(3, 4, centres=4), BSplineLinear(4, 2, 3), nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.spline(self.radial(x)))


def objective(network: Network | None = None, *, grids=(), team: Team = ALONE, **settings: float) -> TaskObjective:
    torch.manual_seed(0)
    made = Splines() if network is None else network
    chosen = Settings(**{"batch_size": 8, "learning_rate": 0.02, "precision": "float32", **settings})
    return TaskObjective(made, Task("binary", 1), EXAMPLES, chosen, seed=0, team=team, grids=grids)


def train(made: TaskObjective, folder, epochs: int = 5, tune: Examples | None = None) -> Network:
    folder.mkdir(exist_ok=True)
    fit_objective(made, tune, Limits(epochs, patience=9), seed=0, folder=folder, title="")
    return made.network


def weights(network: nn.Module) -> dict[str, list[float]]:
    return {name: tensor.tolist() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("penalties", [{"l1": 0.3}, {"entropy": 0.3}, {"smoothness": 0.3}])
def test_steps_use_the_gradient_of_loss_and_penalty_but_return_only_the_loss(penalties):
    plain, penalised = objective(), objective(**penalties)
    batch = Batch(np.arange(8), 0, 0, 0, 1)
    before = weights(plain.network)
    assert plain.step(batch) == penalised.step(batch)
    gradient = penalised.network.spline.spline_weight.grad - plain.network.spline.spline_weight.grad
    alone = objective(**penalties)
    assert weights(alone.network) == before
    alone.penalties.sum(alone.network).backward()
    torch.testing.assert_close(gradient, alone.network.spline.spline_weight.grad, rtol=1e-4, atol=1e-6)
    assert gradient.abs().max() > 1e-4


def test_penalties_and_grids_are_refused_for_a_network_without_kan_layers():
    class Plain(Network):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 1)

    with pytest.raises(BadOption, match=r"--l1 0\.1: the model 'Plain' has no KAN layers"):
        objective(Plain(), l1=0.1)
    with pytest.raises(ValueError, match="the network has no BSplineLinear or RBFLinear layers"):
        objective(Plain(), grids=[(0, None)])


def test_grids_are_fitted_to_the_data_and_the_network_stays_nearly_the_same():
    made, x = objective(grids=[(0, None)]), torch.from_numpy(X)
    spline = made.network.spline
    before, grid, radial = made.network(x), spline.grid.clone(), made.network.radial.grid.clone()
    seen = made.network.radial(x)
    made.before_epoch(1)
    assert torch.equal(spline.grid, grid)
    made.before_epoch(0)
    assert not torch.equal(made.network.radial.grid, radial)
    order, inner = spline.basis.order, spline.grid[:, spline.basis.order : -spline.basis.order]
    assert order == 3
    # The margin beyond the samples is 0.01, of which 2 % counts.
    torch.testing.assert_close(inner[:, 0], seen.amin(0), atol=1e-3, rtol=0)
    torch.testing.assert_close(inner[:, -1], seen.amax(0), atol=1e-3, rtol=0)
    # The curves were cut off at ±1 before and are refitted to the samples: similar, but not the same.
    assert (made.network(x) - before).abs().max() < 0.5


def test_refined_grids_keep_the_curves_and_reset_only_the_moments_of_their_weights():
    made, x = objective(grids=[(2, 6)]), torch.from_numpy(X)
    for number in range(3):
        made.step(Batch(np.arange(8), 0, number, number, 9))
    before = made.network(x)
    made.before_epoch(2)
    network, optimizer = made.network, made.optimizers["optimizer"]
    assert network.spline.basis.intervals == 6
    assert network.spline.spline_weight.shape == (2, 4, 9)
    inside = (network.radial(x).abs() < 1).all(1)
    assert inside.sum() > 3
    torch.testing.assert_close(network(x)[inside], before[inside], atol=1e-4, rtol=0)
    assert network.spline.spline_weight not in optimizer.state
    assert optimizer.state[network.head.weight]["step"] == 3
    made.step(Batch(np.arange(8), 0, 3, 3, 9))
    assert optimizer.state[network.spline.spline_weight]["step"] == 1
    assert optimizer.state[network.head.weight]["step"] == 4


@pytest.mark.parametrize("at", [5, 9, 14, 19])
def test_a_killed_training_with_grid_changes_ends_with_the_same_bytes(tmp_path, monkeypatch, at):
    make = partial(objective, grids=[(1, None), (2, 6), (3, None), (3, 12)], schedule="cosine")
    whole = train(make(), tmp_path / "whole", tune=EXAMPLES)
    step, taken = TaskObjective.step, []

    def fragile(self, batch: Batch) -> float:
        taken.append(batch)
        if len(taken) == at:
            raise RuntimeError("pulled the plug")
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(TaskObjective, "step", fragile)
        with pytest.raises(RuntimeError, match="pulled"):
            train(make(), tmp_path / "killed", tune=EXAMPLES)
    again = train(make(), tmp_path / "killed", tune=EXAMPLES)
    assert weights(again) == weights(whole)
    states = [(tmp_path / name / "state.safetensors").read_bytes() for name in ("whole", "killed")]
    assert states[0] == states[1]


def test_a_state_between_two_steps_of_a_refined_network_is_complete(tmp_path):
    made = objective(grids=[(0, 6)])
    made.before_epoch(0)
    made.step(Batch(np.arange(8), 0, 0, 0, 9))
    save_state(tmp_path / "state", made, Position(0, 1), None)
    again = objective(grids=[(0, 6)])
    restore_state(tmp_path / "state", again)
    for each in (made, again):
        each.step(Batch(np.arange(8, 16), 0, 1, 1, 9))
    assert weights(again.network) == weights(made.network)


def test_the_best_weights_are_restored_with_their_grids(tmp_path, monkeypatch):
    losses = iter([0.5, 0.4, 0.6])
    seen = []

    def scripted(self, tune: Examples) -> float:
        seen.append(weights(self.network))
        return next(losses)

    monkeypatch.setattr(TaskObjective, "measure", scripted)
    network = train(objective(grids=[(1, 6), (2, 12)]), tmp_path / "run", epochs=3, tune=EXAMPLES)
    assert network.spline.basis.intervals == 6
    assert weights(network) == seen[1]


@pytest.mark.parametrize(("own", "loaded"), [(3, 7), (7, 3)])
def test_a_network_can_load_weights_of_finer_and_coarser_grids(own, loaded):
    network, other, x = Splines(), Splines(), torch.from_numpy(X)
    refine_grids(network, own)
    refine_grids(other, loaded)
    update_grids(other, lambda: other(x))
    state = other.state_dict()
    assert match_grids(network, state)
    assert not match_grids(network, state)
    network.load_state_dict(state)
    assert torch.equal(network(x), other(x))


def test_refining_changes_only_coarser_layers():
    network = Splines()
    assert refine_grids(network, 7) == {"spline.spline_weight"}
    assert refine_grids(network, 7) == refine_grids(network, 5) == set()


def test_the_shares_of_a_team_sum_to_the_loss_and_penalty_of_one_process():
    batch = np.arange(9)
    alone = objective(l1=0.5, batch_size=9)
    shares = [objective(team=Team(rank, 2), l1=0.5, batch_size=9) for rank in range(2)]
    whole = alone._penalised(alone._loss_of(batch))
    parts = [each._penalised(each._loss_of(batch)) for each in shares]
    assert sum(part.item() for part in parts) == pytest.approx(whole.item(), rel=1e-6)
    assert whole.item() > alone._loss_of(batch).item()
