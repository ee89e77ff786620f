from argparse import Namespace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

FOLDER = Path(__file__).parents[1] / "benchmarks"

FASTKAN = """
from torch import nn

class FastKANLayer(nn.Linear):
    pass
"""


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(FOLDER))
    import kan_layers
    import peers
    import train_step

    return SimpleNamespace(kan_layers=kan_layers, peers=peers, train_step=train_step)


@pytest.fixture
def options() -> Namespace:
    return Namespace(fastkan=None, efficient_kan=None, pykan=None, device="cpu", rounds=1, max_gb=8.0, compile=False)


@pytest.fixture(autouse=True)
def threads() -> None:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_layer_benchmark_runs_without_peers_and_names_them(
    benchmarks: SimpleNamespace, options: Namespace, capfd: pytest.CaptureFixture[str]
) -> None:
    options.shapes, options.layers = [(12, 4, 3)], ["RBFLinear", "fastkan", "pykan", "linear8"]
    rows = benchmarks.kan_layers.job(1, options)
    found = [(row["layer"], row["precision"], row["shape"], row["threads"]) for row in rows]
    assert found == [
        ("RBFLinear", "float32", "12x4x3", 1),
        ("linear8", "float32", "12x4x3", 1),
        ("RBFLinear", "bfloat16", "12x4x3", 1),
        ("linear8", "bfloat16", "12x4x3", 1),
    ]
    assert all(row["seconds"] > 0 for row in rows)
    assert "pykan: not measured, give --pykan PATH" in capfd.readouterr().err


def test_a_step_needs_the_tensors_that_live_at_the_same_time_but_not_its_gradients(benchmarks: SimpleNamespace) -> None:
    x = torch.randn(1000, requires_grad=True)

    def step() -> None:
        x.grad = None
        y = x.exp()
        y.mul(3.0).backward(torch.ones(1000))

    # exp(x), 3·exp(x), ones, and the gradient by exp(x): 4,000 bytes each; the last product is the gradient by x.
    contender = benchmarks.peers.Contender("exp", "float32", step, [x])
    assert benchmarks.peers.peak_mb(contender, "cpu") == pytest.approx(4 * 4000e-6, abs=100e-6)


def test_a_peer_too_large_is_measured_on_fewer_rows_and_scaled(
    benchmarks: SimpleNamespace, options: Namespace, tmp_path: Path
) -> None:
    (tmp_path / "fastkan").mkdir()
    (tmp_path / "fastkan" / "fastkan.py").write_text(FASTKAN)
    (tmp_path / "fastkan" / "__init__.py").write_text("import nothing_that_is_installed")
    # The output, of 64,000 numbers, is all that a linear layer's step adds.
    options.fastkan, options.max_gb = tmp_path, 64e-6
    options.shapes, options.layers = [(6400, 4, 10)], ["fastkan"]
    whole, _ = benchmarks.kan_layers.job(1, options)
    assert whole["scaled_rows"] == pytest.approx(1600, rel=0.01)
    assert whole["peak_mb"] == pytest.approx(0.256, rel=0.01)


def test_a_step_of_a_network_is_measured(benchmarks: SimpleNamespace, options: Namespace) -> None:
    network = benchmarks.train_step.contender("kan-mixer", "bfloat16", 2, "cpu", None)
    (row,) = benchmarks.peers.measure([network], 1, shape="2x3020", threads=1, device="cpu")
    assert (row["layer"], row["precision"], row["clock"]) == ("kan-mixer", "bfloat16", "process CPU time")
    assert row["seconds"] > 0
    assert row["peak_mb"] > 0
