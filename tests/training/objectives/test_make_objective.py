"""Different kinds of objectives in the training loop: each ends with the same bytes after an interruption."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev

from kanseq.errors import BadOption, NotFinite
from kanseq.models import registry
from kanseq.models.architecture import predictor
from kanseq.models.inputs import Examples
from kanseq.models.networks import kan_words
from kanseq.models.networks.mlp import MLP, MLPConfig
from kanseq.models.registry import architectures
from kanseq.runs.prediction_tables import read_predictions
from kanseq.runs.trained_model import read_model
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.tasks.task import Task
from kanseq.training.loop import Fitted, Limits, fit_objective
from kanseq.training.objectives.make_objective import make_objective, objective_of
from kanseq.training.objectives.objective import Batch, Objective, Weights
from kanseq.training.objectives.packing import Tree
from kanseq.training.objectives.task_objective import TaskObjective
from kanseq.training.resume import restore_state
from kanseq.training.settings import Settings
from kanseq.verbs.modelling.train import train as train_run

X = torch.linspace(-1, 1, 12)[:, None]
Y = X.square() - 0.5 * X


class Adversarial(Objective):
    """A generator of numbers and a critic, trained alternately, each with its own optimiser."""

    def __init__(self) -> None:
        networks = {"generator": nn.Linear(2, 1), "critic": nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))}
        optimizers = {
            "forger": torch.optim.Adam(networks["generator"].parameters(), lr=0.05),
            "judge": torch.optim.SGD(networks["critic"].parameters(), lr=0.05, momentum=0.9),
        }
        super().__init__(networks, optimizers, len(Y))

    def bounds(self) -> list[tuple[int, int]]:
        return [(0, 4), (4, 8), (8, 12)]

    def step(self, batch: Batch) -> float:
        real, critic, generator = Y[torch.from_numpy(batch.rows)], self.networks["critic"], self.networks["generator"]
        fake = generator(torch.randn(len(real), 2))
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        judged = nn.functional.softplus(-critic(real)).mean() + nn.functional.softplus(critic(fake.detach())).mean()
        judged.backward()
        self.optimizers["judge"].step()
        self.optimizers["forger"].zero_grad()
        nn.functional.softplus(-critic(fake)).mean().backward()
        self.optimizers["forger"].step()
        return judged.item()

    def before_epoch(self, epoch: int) -> None:
        # Changes the present rate, so that the test notices a rate that is lost or changed twice.
        self.optimizers["judge"].param_groups[0]["lr"] *= 0.5

    def measure(self, examples: Examples) -> float:
        return float(self.networks["generator"](torch.ones(1, 2)).detach())


class FullBatch(Objective):
    """A regression with LBFGS; its state contains nested lists, numbers and None."""

    monitor = "tune_error"

    def __init__(self) -> None:
        network = nn.Sequential(nn.Linear(1, 5), nn.Tanh(), nn.Linear(5, 1))
        super().__init__({"model": network}, {"lbfgs": torch.optim.LBFGS(network.parameters(), max_iter=3)}, len(Y))

    def bounds(self) -> list[tuple[int, int]]:
        return [(0, len(Y))]

    def step(self, batch: Batch) -> float:
        rows, (optimizer,) = torch.from_numpy(batch.rows), self.optimizers.values()

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = (self.network(X[rows]) - Y[rows]).square().mean()
            loss.backward()
            return loss

        return optimizer.step(closure).item()

    def measure(self, examples: Examples) -> float:
        return float((self.network(X) - Y).square().mean().detach())


class LevenbergMarquardt(Objective):
    """Least squares by damped Gauss-Newton steps, without optimiser; the damping is part of the state."""

    def __init__(self) -> None:
        super().__init__({"model": nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1))}, {}, len(Y))
        self.damping = 1.0

    def bounds(self) -> list[tuple[int, int]]:
        return [(0, len(Y))]

    @torch.no_grad()
    def step(self, batch: Batch) -> float:
        weights = {name: each.detach() for name, each in self.network.named_parameters()}
        before = self.residuals(weights)
        jacobian = torch.cat([each.flatten(1) for each in jacrev(self.residuals)(weights).values()], dim=1)
        normal = jacobian.T @ jacobian + self.damping * torch.eye(jacobian.shape[1])
        step = torch.linalg.solve(normal, jacobian.T @ before)
        old = nn.utils.parameters_to_vector(self.network.parameters())
        nn.utils.vector_to_parameters(old - step, self.network.parameters())
        better = self.residuals(dict(self.network.named_parameters())).square().sum() < before.square().sum()
        if not better:
            nn.utils.vector_to_parameters(old, self.network.parameters())
        self.damping *= 0.5 if better else 4.0
        return before.square().mean().item()

    def residuals(self, weights: Weights) -> Tensor:
        return (functional_call(self.network, weights, (X,)) - Y)[:, 0]

    def measure(self, examples: Examples) -> float:
        raise AssertionError("nothing is measured without tuning examples")

    def memory(self) -> Tree:
        return {"damping": self.damping}

    def remember(self, memory: Tree) -> None:
        self.damping = memory["damping"]


class Diffusion(Objective):
    """A denoiser with a noise schedule; its averaged weights are kept."""

    def __init__(self) -> None:
        network = nn.Linear(2, 1)
        super().__init__({"model": network}, {"adam": torch.optim.AdamW(network.parameters(), lr=0.1)}, len(Y))
        self.average = super().kept()

    def bounds(self) -> list[tuple[int, int]]:
        return [(0, 6), (6, 12)]

    def step(self, batch: Batch) -> float:
        clean, noise = Y[torch.from_numpy(batch.rows)], torch.randn(len(batch.rows), 1)
        share = (batch.number + 1) / batch.total
        seen = torch.cat([clean * (1 - share) + noise * share, torch.full_like(clean, share)], dim=1)
        (adam,) = self.optimizers.values()
        adam.zero_grad()
        loss = (self.network(seen) - noise).square().mean()
        loss.backward()
        adam.step()
        for name, tensor in self.network.state_dict().items():
            self.average[name].lerp_(tensor, 0.2)
        return loss.item()

    def measure(self, examples: Examples) -> float:
        return float(self.average["bias"])

    def kept(self) -> Weights:
        return {name: tensor.clone() for name, tensor in self.average.items()}

    def memory(self) -> Tree:
        return self.average

    def remember(self, memory: Tree) -> None:
        self.average = memory


SHAPES = (Adversarial, FullBatch, LevenbergMarquardt, Diffusion)
TUNE = Examples(np.zeros((2, 1), np.float32), np.zeros(2))


def train(make: Callable[[], Objective], folder: Path, tune: Examples | None = None) -> tuple[Objective, Fitted]:
    folder.mkdir(exist_ok=True)
    torch.manual_seed(1)
    objective = make()
    return objective, fit_objective(objective, tune, Limits(4, patience=9), seed=0, folder=folder, title="")


def weights(objective: Objective) -> dict[str, list[float]]:
    return {
        f"{name}.{key}": tensor.tolist()
        for name, network in objective.networks.items()
        for key, tensor in network.state_dict().items()
    }


@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_killed_objective_ends_with_the_same_bytes_as_an_uninterrupted_one(tmp_path, shape, at):
    class Fragile(shape):
        taken = 0

        def step(self, batch: Batch) -> float:
            Fragile.taken += 1
            if Fragile.taken == at:
                raise RuntimeError("pulled the plug")
            return super().step(batch)

    tune = None if shape is LevenbergMarquardt else TUNE
    whole, fitted = train(shape, tmp_path / "whole", tune)
    with pytest.raises(RuntimeError, match="pulled the plug"):
        train(Fragile, tmp_path / "killed", tune)
    torch.rand(5)
    again, fitted_again = train(shape, tmp_path / "killed", tune)
    assert fitted_again == fitted
    assert weights(again) == weights(whole)
    states = [(tmp_path / name / "state.safetensors").read_bytes() for name in ("whole", "killed")]
    assert states[0] == states[1]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_objective_that_was_stopped_between_steps_resumes_at_the_next_step(tmp_path, shape, monkeypatch):
    whole, _ = train(shape, tmp_path / "whole")
    steps = []

    class Watched(shape):
        def step(self, batch: Batch) -> float:
            steps.append((batch.epoch, batch.step))
            return super().step(batch)

    # After each step, the state is written and the training is started anew.
    for _ in range(20):
        with monkeypatch.context() as patch:
            patch.setattr("kanseq.training.processes.distributed.Team.any", lambda *_: True)
            try:
                train(Watched, tmp_path / "stopped")
            except KeyboardInterrupt:
                continue
            break
    again, _ = train(Watched, tmp_path / "stopped")
    assert steps == [(epoch, step) for epoch in range(4) for step in range(len(whole.bounds()))]
    assert weights(again) == weights(whole)


def test_second_order_steps_converge(tmp_path):
    for shape in (FullBatch, LevenbergMarquardt):
        torch.manual_seed(1)
        objective = shape()
        (tmp_path / shape.__name__).mkdir()
        fit_objective(objective, None, Limits(60), seed=0, folder=tmp_path / shape.__name__, title="")
        assert float((objective.network(X) - Y).square().mean().detach()) < 1e-3


def test_the_averaged_weights_are_kept_after_a_training(tmp_path):
    objective, fitted = train(Diffusion, tmp_path / "run")
    assert fitted.kept_epoch == 4
    for name, tensor in objective.network.state_dict().items():
        assert torch.equal(tensor, objective.average[name])


def test_the_log_contains_the_monitored_values(tmp_path):
    objective, fitted = train(FullBatch, tmp_path / "run", TUNE)
    lines = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert list(lines[0]) == ["epoch", "loss", "tune_error", "genes_per_second", "seconds"]
    assert lines[fitted.kept_epoch - 1]["tune_error"] == min(line["tune_error"] for line in lines)
    assert objective.measure(TUNE) == lines[fitted.kept_epoch - 1]["tune_error"]


def test_a_step_that_returns_nan_leaves_the_last_good_weights(tmp_path):
    class Broken(FullBatch):
        def step(self, batch: Batch) -> float:
            loss = super().step(batch)
            return float("nan") if batch.epoch == 2 else loss

    with pytest.raises(NotFinite, match="last good weights"):
        train(Broken, tmp_path / "run")
    kept = FullBatch()
    position, _ = restore_state(tmp_path / "run/state.safetensors", kept)
    assert (position.epoch, position.step) == (2, 0)
    broken = FullBatch()
    torch.manual_seed(1)
    assert weights(kept) != weights(broken)


def test_a_step_that_fails_leaves_the_optimisers_as_they_are_on_disk(tmp_path):
    class Broken(Adversarial):
        def step(self, batch: Batch) -> float:
            if batch.epoch == at:
                raise NotFinite("broken")
            return super().step(batch)

    for at in (0, 2):
        torch.manual_seed(1)
        objective, folder = Broken(), tmp_path / str(at)
        folder.mkdir()
        with pytest.raises(NotFinite, match="broken"):
            fit_objective(objective, None, Limits(4), seed=0, folder=folder, title="")
        # Halved before each completed epoch, and not for the epoch that failed.
        assert objective.optimizers["judge"].param_groups[0]["lr"] == 0.05 * 0.5**at


def test_parts_with_the_same_name_are_refused():
    class Twice(FullBatch):
        def __init__(self) -> None:
            network = nn.Linear(1, 1)
            Objective.__init__(self, {"a": network}, {"a": torch.optim.SGD(network.parameters())}, 1)

    with pytest.raises(ValueError, match="different names"):
        Twice()


def declared(objective):
    return predictor("m", summary="", source="", config=MLPConfig, build=MLP, objective=objective)


def test_an_architecture_declares_its_objective_by_name_or_as_a_callable():
    assert objective_of(declared(None)) is TaskObjective
    assert objective_of(declared("kanseq.training.objectives.task_objective:TaskObjective")) is TaskObjective
    own = partial(TaskObjective, grids=((1, None),))
    assert objective_of(declared(own)) is own
    with pytest.raises(BadOption, match="cannot be imported"):
        objective_of(declared("kanseq.nowhere:Objective"))
    with pytest.raises(BadOption, match="the objective of the model 'm' returned a dict; it must return a kanseq"):
        make_objective(declared(lambda *_, **__: {}), None, Task(), TUNE, Settings(), seed=0)


def test_a_plugin_trains_with_its_objective_and_its_refined_network_is_read_back(inputs, tmp_path, monkeypatch):
    refining = replace(kan_words.ARCHITECTURE, name="refining", objective=partial(TaskObjective, grids=[(1, 9)]))
    monkeypatch.setattr(registry, "OWN", (*registry.OWN, refining))
    architectures.cache_clear()
    try:
        found = train_run(
            inputs.genes, labels=inputs.labels, splits=inputs.splits, output=tmp_path / "run", model="refining",
            holdout="1", epochs=2, baseline=False, threads=1,
        )  # fmt: skip
        model = read_model(tmp_path / "run/folds/1/seed-0/model.safetensors")
    finally:
        architectures.cache_clear()
    assert model.network.join.basis.intervals == 9
    assert found.parameters == sum(each.numel() for each in model.network.parameters())
    table = read_predictions(tmp_path / "run/folds/1/seed-0/predictions.tsv")
    codes = SequenceSet.read(inputs.genes).codes(np.arange(len(table)))
    assert model.logits(codes) == pytest.approx(table["logit"].to_numpy(), rel=1e-6)
