"""Training one network in several processes: the same losses as in one, and a clear error if one is killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed

from kanseq.errors import BadOption, RankFailed
from kanseq.runs.trained_model import load_arrays
from kanseq.tasks.task import Task
from kanseq.training.processes.distributed import ALONE, Team
from kanseq.verbs.modelling.train import train

SETTINGS = {"model": "kan", "options": {"hidden": "4"}, "batch_size": 5, "baseline": False, "holdout": "1"}


def weights(run):
    return load_arrays(run / "folds/1/seed-0/model.safetensors")[0]


def losses(run):
    return [json.loads(line)["loss"] for line in (run / "folds/1/seed-0/log.jsonl").read_text().splitlines()]


def test_shares_add_up_to_the_batch():
    rows = np.arange(7)
    shares = [Team(rank, 3).share(rows).tolist() for rank in range(3)]
    assert shares == [[0, 1, 2], [3, 4], [5, 6]]
    assert ALONE.share(rows).tolist() == rows.tolist()


@pytest.mark.parametrize(
    ("task", "targets", "class_weights"),
    [
        (Task(), torch.tensor([0, 1, 1, 0, 1]), None),
        (Task(), torch.tensor([0, 1, 1, 0, 1]), torch.tensor([2.0, 0.5])),
        (Task(outputs=1), torch.tensor([0, 1, 1, 0, 1]), torch.tensor([2.0, 0.5])),
        (Task(outputs=2, conditions=("a", "b")), torch.tensor([[0, 1], [-1, 1], [0, -1], [1, 0], [-1, 1]]), None),
        (Task("regression", 1, (), (0.0,), (1.0,)), torch.tensor([0.5, 1.0, -1.0, 2.0, 0.0]).double(), None),
        (
            Task("regression", 2, ("a", "b"), (0.0, 1.0), (1.0, 2.0)),
            torch.tensor([[0.5, np.nan], [1.0, 2.0], [np.nan, 0.0], [1.0, 1.0], [3.0, np.nan]]).double(),
            None,
        ),
    ],
)
def test_the_weighted_sum_of_losses_of_shares_is_the_loss_of_the_batch(task, targets, class_weights):
    torch.manual_seed(0)
    outputs = torch.randn(5, task.outputs)
    whole = task.loss(outputs, targets, class_weights)
    weight = task.loss_weight(targets, class_weights)
    parts = [
        task.loss(outputs[part], targets[part], class_weights) * task.loss_weight(targets[part], class_weights) / weight
        for part in (slice(0, 3), slice(3, 5))
    ]
    assert sum(parts).item() == pytest.approx(whole.item(), rel=1e-6)


def test_a_request_to_stop_is_exchanged_with_the_gradients(monkeypatch):
    sent = []

    def all_reduce(flat):
        # Simulate a second process with the same gradients that was asked to stop.
        sent.append(len(flat))
        flat.mul_(2)
        flat[-1] += 1

    monkeypatch.setattr(distributed, "all_reduce", all_reduce)
    team, network = Team(0, 2), torch.nn.Linear(3, 1)
    team.watch(lambda: False)
    loss = network(torch.ones(1, 3)).sum()
    loss.backward()
    assert team.add_up(network, loss).item() == pytest.approx(2 * loss.item())
    assert network.weight.grad.tolist() == [[2.0, 2.0, 2.0]]
    assert team.any(False, torch.device("cpu"))
    assert sent == [4 + 1 + 1]
    # After a step without add_up, any() communicates.
    assert team.any(False, torch.device("cpu"))
    assert sent == [6, 1]


def test_two_processes_train_like_one(inputs, tmp_path):
    files = {"labels": inputs.labels, "splits": inputs.splits, "threads": 1, "epochs": 2, "precision": "float32"}
    one = train(inputs.genes, output=tmp_path / "one", **files, **SETTINGS)
    two = train(inputs.genes, output=tmp_path / "two", devices=2, **files, **SETTINGS)
    assert (two.trained, two.skipped, two.genes) == (one.trained, one.skipped, one.genes)
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-5)
    for name, array in weights(tmp_path / "one").items():
        np.testing.assert_allclose(weights(tmp_path / "two")[name], array, rtol=1e-3, atol=1e-5)
    assert json.loads((tmp_path / "two/folds/1/seed-0/done.json").read_text())["processes"] == 2
    again = train(inputs.genes, output=tmp_path / "two", devices=2, **files, **SETTINGS)
    assert (again.trained, again.skipped) == (0, one.trained)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are searched in /proc")
def test_a_killed_process_ends_the_run_with_a_complete_state(inputs, tmp_path):
    run = tmp_path / "run"
    command = [
        sys.executable, "-m", "kanseq", "train", inputs.genes, "--labels", inputs.labels, "--splits", inputs.splits,
        "-o", run, "--model", "kan", "--set", "hidden=4", "--batch-size", "5", "--no-baseline", "--holdout", "1",
        "--epochs", "400", "--threads", "1", "--precision", "float32", "--devices", "2",
    ]  # fmt: skip
    started = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    log = run / "folds/1/seed-0/log.jsonl"
    until = time.monotonic() + 120
    while not (log.exists() and len(log.read_text().splitlines()) > 2) and time.monotonic() < until:
        time.sleep(0.1)
    os.kill(rank_of(run, 1), signal.SIGKILL)
    errors = started.communicate(timeout=120)[1]
    assert started.returncode == RankFailed.exit_code
    last = errors.splitlines()[-1]
    assert last.startswith("kanseq: a training process ended: killed by signal 9")
    assert "a bug in kanseq" not in errors
    assert last.endswith("run the command again: it continues from the last state")
    _, position = load_arrays(run / "folds/1/seed-0/state.safetensors")
    assert 0 < position["epoch"] < 400
    assert not (run / "folds/1/seed-0/done.json").exists()


def rank_of(run, rank):
    """Find the process of a rank that trains into a run."""
    for place in Path("/proc").iterdir():
        try:
            environment = (place / "environ").read_bytes().split(b"\0")
            command = (place / "cmdline").read_bytes()
        except OSError:
            continue
        files = [part for part in command.split(b"\0") if part.endswith(b"specification.json")]
        if f"RANK={rank}".encode() in environment and files and str(run) in Path(files[0].decode()).read_text():
            return int(place.name)
    raise AssertionError("no such process")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"devices": 0}, "devices is 0; it must be at least 1"),
        ({"nodes": 0}, "nodes is 0; it must be at least 1"),
        ({"devices": 2, "nodes": 2}, "several nodes need a common address; use --rendezvous HOST:PORT"),
    ],
)
def test_invalid_numbers_of_processes_and_a_missing_rendezvous_are_refused(inputs, tmp_path, options, words):
    with pytest.raises(BadOption, match=words):
        train(inputs.genes, labels=inputs.labels, splits=inputs.splits, output=tmp_path / "run", **options, **SETTINGS)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_two_nodes_train_like_one_and_one_of_them_reports_the_result(inputs, tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "kanseq", "train", inputs.genes, "--labels", inputs.labels, "--splits", inputs.splits,
        "-o", tmp_path / "two", "--model", "kan", "--set", "hidden=4", "--holdout", "1", "--epochs", "2",
        "--batch-size", "5", "--threads", "1", "--precision", "float32", "--no-baseline", "--json",
        "--nodes", "2", "--rendezvous", f"localhost:{port}",
    ]  # fmt: skip
    nodes = [subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) for _ in range(2)]
    results = [json.loads(node.communicate(timeout=240)[0]) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0]
    assert sorted(each["trained"] for each in results) == [0, 1]
    assert sum("the first node reports the results" in each["verdict"] for each in results) == 1
    files = {"labels": inputs.labels, "splits": inputs.splits, "threads": 1, "epochs": 2, "precision": "float32"}
    model = {"model": "kan", "options": {"hidden": 4}, "holdout": "1", "batch_size": 5, "baseline": False}
    train(inputs.genes, output=tmp_path / "one", **files, **model)
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-5)
