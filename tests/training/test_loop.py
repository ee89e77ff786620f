import json
import os
import signal

import numpy as np
import pytest
import torch

from kanseq.errors import NotFinite
from kanseq.geometry import Geometry
from kanseq.models.inputs import Examples
from kanseq.models.network import SequenceNetwork
from kanseq.runs.trained_model import load_arrays
from kanseq.tasks.task import Task
from kanseq.training.loop import Limits, fit_objective
from kanseq.training.objectives import task_objective
from kanseq.training.objectives.batches import epoch_order
from kanseq.training.objectives.objective import Batch
from kanseq.training.objectives.task_objective import TaskObjective, mean_loss
from kanseq.training.resume import restore_state
from kanseq.training.settings import Settings


class Tiny(SequenceNetwork):
    """Two layers with dropout and batch normalisation, so that a state has random numbers and buffers."""

    def __init__(self) -> None:
        super().__init__(Geometry.plain(16))
        self.hidden_layer = torch.nn.Linear(64, 8)
        self.norm = torch.nn.BatchNorm1d(8)
        self.dropout = torch.nn.Dropout(0.3)
        self.spline_weight = torch.nn.Parameter(torch.randn(8, 2))

    def forward_encoded(self, x: torch.Tensor) -> torch.Tensor:
        return self.dropout(torch.relu(self.norm(self.hidden_layer(x.flatten(1))))) @ self.spline_weight


@pytest.fixture
def examples() -> Examples:
    random = np.random.default_rng(3)
    codes = random.integers(0, 4, (21, 16), dtype=np.uint8)
    return Examples(codes, (codes[:, 0] > 1).astype(np.int64))


def train(folder, examples, tune=None, **settings):
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    network = Tiny()
    chosen = Settings(**{"epochs": 3, "batch_size": 5, "schedule": "one-cycle", "learning_rate": 0.01, **settings})
    objective = TaskObjective(network, Task(), examples, chosen, seed=0)
    limits = Limits(chosen.epochs, chosen.patience)
    return network, fit_objective(objective, tune, limits, seed=0, folder=folder, title="fold")


def restored(path, examples):
    """Read a state back: the network and the position of the training."""
    network = Tiny()
    position, _ = restore_state(path, TaskObjective(network, Task(), examples, Settings(), seed=0))
    return network, position


def weights(network):
    return {name: tensor.tolist() for name, tensor in network.state_dict().items()}


def stop_after(monkeypatch, steps, action):
    """Run an action before the given step of a training."""
    count = 0
    step = TaskObjective.step

    def counted(self, batch):
        nonlocal count
        count += 1
        if count == steps:
            action()
        return step(self, batch)

    monkeypatch.setattr(TaskObjective, "step", counted)


def fail():
    raise RuntimeError("pulled the plug")


@pytest.mark.parametrize("at", [1, 3, 7, 12])
def test_a_killed_training_ends_with_the_same_weights_as_an_uninterrupted_one(tmp_path, monkeypatch, examples, at):
    whole, _ = train(tmp_path / "whole", examples)
    with monkeypatch.context() as patch:
        stop_after(patch, at, fail)
        with pytest.raises(RuntimeError):
            train(tmp_path / "killed", examples)
    torch.rand(5)
    again, _ = train(tmp_path / "killed", examples)
    assert weights(again) == weights(whole)
    assert (tmp_path / "killed/state.safetensors").read_bytes() == (tmp_path / "whole/state.safetensors").read_bytes()
    lines = (tmp_path / "killed/log.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at", [2, 4])
def test_a_signal_writes_the_state_after_the_current_batch(tmp_path, monkeypatch, examples, number, at):
    whole, _ = train(tmp_path / "whole", examples)
    with monkeypatch.context() as patch:
        stop_after(patch, at, lambda: os.kill(os.getpid(), number))
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "stopped", examples)
    _, position = restored(tmp_path / "stopped/state.safetensors", examples)
    assert (position.epoch, position.step) == (0, at)
    again, _ = train(tmp_path / "stopped", examples)
    assert weights(again) == weights(whole)
    state = "state.safetensors"
    assert (tmp_path / "stopped" / state).read_bytes() == (tmp_path / "whole" / state).read_bytes()


def test_the_names_in_a_state_are_those_of_version_0_1(tmp_path, examples):
    train(tmp_path / "run", examples, examples)
    arrays, described = load_arrays(tmp_path / "run/state.safetensors")
    parameters = {f"optimizer.{at}.{key}" for at in range(5) for key in ("exp_avg", "exp_avg_sq", "step")}
    own = set(Tiny().state_dict())
    assert set(arrays) == {
        *parameters, "random.cpu", *(f"{part}.{name}" for part in ("model", "best") for name in own)
    }  # fmt: skip
    assert list(described) == ["epoch", "step", "loss_sum", "seen", "best_loss", "best_epoch"]


def test_signal_handlers_are_restored(tmp_path, examples):
    before = signal.getsignal(signal.SIGTERM)
    train(tmp_path / "run", examples)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_damaged_state_restarts_the_fold(tmp_path, examples, caplog):
    whole, _ = train(tmp_path / "whole", examples)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/state.safetensors").write_bytes(b"half a sta")
    again, _ = train(tmp_path / "broken", examples)
    assert weights(again) == weights(whole)
    assert "damaged" in caplog.text


def test_nan_keeps_the_weights_of_the_previous_batch(tmp_path, monkeypatch, examples):
    before = []
    step = TaskObjective.step

    def poisoned(self, batch):
        if (batch.epoch, batch.step) == (1, 1):
            before.append(weights(self.network))
            monkeypatch.setattr(Task, "loss", lambda *given: given[1].sum() * float("nan"))
        return step(self, batch)

    monkeypatch.setattr(TaskObjective, "step", poisoned)
    torch.manual_seed(0)
    network = Tiny()
    objective = TaskObjective(network, Task(), examples, Settings(batch_size=5), seed=0)
    with pytest.raises(NotFinite, match="epoch 2, batch 2"):
        fit_objective(objective, None, Limits(5), seed=0, folder=tmp_path, title="fold")
    learned = ("hidden_layer.weight", "spline_weight")
    assert {name: weights(network)[name] for name in learned} == {name: before[0][name] for name in learned}
    kept, position = restored(tmp_path / "state.safetensors", examples)
    assert (position.epoch, position.step) == (1, 1)
    assert weights(kept) == weights(network)


def test_weights_that_overflow_are_replaced_by_the_last_state(tmp_path, examples):
    with pytest.raises(NotFinite, match="learning-rate"):
        train(tmp_path / "run", examples, learning_rate=1e30, schedule="constant", weight_decay=0.0)
    network, _ = restored(tmp_path / "run/state.safetensors", examples)
    assert all(np.isfinite(np.array(values)).all() for values in weights(network).values())


@pytest.mark.parametrize("broken", [float("nan"), np.float32("inf")])
def test_a_monitored_value_that_is_not_finite_keeps_the_last_good_weights(tmp_path, monkeypatch, examples, broken):
    losses = iter([0.5, broken])
    seen = []

    def scripted(self, tune):
        seen.append(weights(self.network))
        return next(losses)

    monkeypatch.setattr(TaskObjective, "measure", scripted)
    with pytest.raises(NotFinite, match=f"tune loss became {broken} after epoch 2; the last good weights were kept"):
        train(tmp_path / "run", examples, examples)
    network, position = restored(tmp_path / "run/state.safetensors", examples)
    assert (position.epoch, position.best_loss, position.best_epoch) == (1, 0.5, 1)
    assert weights(network) == seen[1]
    assert len((tmp_path / "run/log.jsonl").read_text().splitlines()) == 1


def test_losses_and_monitored_values_may_be_numpy_scalars(tmp_path, monkeypatch, examples):
    step = TaskObjective.step
    monkeypatch.setattr(TaskObjective, "step", lambda self, batch: np.float32(step(self, batch)))
    monkeypatch.setattr(TaskObjective, "measure", lambda self, tune: np.float32(0.5))
    monkeypatch.setattr(TaskObjective, "report", lambda self: {"rate": np.float32(0.25)})
    _, fitted = train(tmp_path / "run", examples, examples, epochs=1)
    assert fitted == (1, 1)
    line = json.loads((tmp_path / "run/log.jsonl").read_text())
    assert (line["tune_loss"], line["rate"]) == (0.5, 0.25)


def test_early_stopping_keeps_the_weights_of_the_best_epoch(tmp_path, monkeypatch, examples):
    losses = iter([0.5, 0.4, 0.6, 0.7, 0.1])
    seen = []

    def scripted(self, tune):
        seen.append(weights(self.network))
        return next(losses)

    monkeypatch.setattr(TaskObjective, "measure", scripted)
    network, fitted = train(tmp_path / "run", examples, examples, epochs=5, patience=2)
    assert (fitted.epochs, fitted.kept_epoch) == (4, 2)
    assert weights(network) == seen[1]


def test_steps_equal_torchs_adam_schedule_class_weights_and_clipping(tmp_path, examples):
    network, _ = train(tmp_path / "run", examples, balance="weights", clip=0.1, weight_decay=0.3, decay="coupled")
    torch.manual_seed(0)
    expected = Tiny()
    others = [parameter for name, parameter in expected.named_parameters() if name != "spline_weight"]
    adam = torch.optim.Adam([{"params": [expected.spline_weight], "weight_decay": 0.3}, {"params": others}])
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 0.01, total_steps=12, cycle_momentum=False)
    high = int(examples.targets.sum())
    rarity = torch.tensor([21 / (2 * (21 - high)), 21 / (2 * high)])
    steps = [(epoch, *bounds) for epoch in range(3) for bounds in ((0, 5), (5, 10), (10, 15), (15, 21))]
    for number, (epoch, start, stop) in enumerate(steps):
        rows = epoch_order(0, epoch, 21)[start:stop]
        adam.zero_grad()
        outputs = expected(torch.from_numpy(examples.inputs[rows]))
        torch.nn.functional.cross_entropy(outputs, torch.from_numpy(examples.targets[rows]), rarity).backward()
        torch.nn.utils.clip_grad_norm_(expected.parameters(), 0.1)
        adam.step()
        if number < 11:
            schedule.step()
    # Not the bias before the batch norm: its gradient is only rounding error, which Adam scales to full steps.
    for name in ("hidden_layer.weight", "norm.weight", "norm.bias", "spline_weight"):
        torch.testing.assert_close(network.state_dict()[name], expected.state_dict()[name], rtol=1e-4, atol=1e-5)


def test_a_fit_reduces_the_training_loss(tmp_path, examples):
    network, _ = train(tmp_path / "run", examples, epochs=60, schedule="constant")
    assert mean_loss(network, Task(), examples) < 0.3


def test_each_epoch_has_a_different_order_that_depends_on_the_seed():
    assert sorted(epoch_order(1, 0, 9)) == list(range(9))
    assert epoch_order(1, 0, 9).tolist() == epoch_order(1, 0, 9).tolist()
    assert epoch_order(1, 0, 9).tolist() != epoch_order(1, 1, 9).tolist() != epoch_order(2, 1, 9).tolist()


@pytest.mark.parametrize(("clip", "expected"), [(None, 5.0), (1.0, 1.0), (9.0, 5.0)])
def test_clipping_shortens_long_gradients_and_keeps_short_ones(examples, monkeypatch, clip, expected):
    network = Tiny()

    def gradients(self, outputs, targets, class_weights):
        # A norm of 5 over two parameters.
        return 3 * network.spline_weight[0, 0] + 4 * network.spline_weight[1, 0] + 0 * outputs.sum()

    monkeypatch.setattr(Task, "loss", gradients)
    objective = TaskObjective(network, Task(), examples, Settings(clip=clip, learning_rate=1e-9), seed=0)
    objective.step(Batch(np.arange(5), 0, 0, 0, 1))
    norm = torch.cat([each.grad.flatten() for each in network.parameters() if each.grad is not None]).norm()
    assert norm.item() == pytest.approx(expected, rel=1e-5)


def test_steps_run_the_compiled_network_if_requested(tmp_path, examples, monkeypatch):
    sizes, calls = [], []

    def watched(network, trials):
        sizes.extend(len(codes) for (codes,) in trials)

        def run(codes):
            calls.append(len(codes))
            return network(codes)

        return run

    monkeypatch.setattr(task_objective, "compiled", watched)
    plain, _ = train(tmp_path / "plain", examples)
    assert not calls
    network, _ = train(tmp_path / "compiled", examples, compile=True)
    # 21 genes in batches of 5; the last batch includes the remaining gene.
    assert sorted(sizes) == [5, 6]
    assert calls == 3 * [5, 5, 5, 6]
    assert weights(network) == weights(plain)
