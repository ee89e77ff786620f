import sys
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


GAUSSIANS = """
import torch
from torch import nn
from torch.nn import functional

class FastKANLayer(nn.Module):
    def __init__(self, inputs, outputs, use_layernorm):
        super().__init__()
        self.layernorm = nn.LayerNorm(inputs) if use_layernorm else nn.Identity()
        self.rbf = nn.Module()
        self.rbf.register_buffer("grid", torch.linspace(-2, 2, 8))
        self.spline_linear = nn.Linear(8 * inputs, outputs, bias=False)
        self.base_linear = nn.Linear(inputs, outputs)

    def forward(self, x):
        u = (self.layernorm(x)[..., None] - self.rbf.grid) * 7 / 4
        return self.spline_linear(u.square().neg().exp().flatten(1)) + self.base_linear(functional.silu(x))
"""

SPLINES = """
import torch
from torch import nn
from torch.nn import functional

def splines(x, grid, k=3):
    x = x[..., None]
    if k == 0:
        return ((x >= grid[:, :-1]) & (x < grid[:, 1:])).to(x)
    b = splines(x[..., 0], grid, k - 1)
    up = (x - grid[:, : -k - 1]) / (grid[:, k:-1] - grid[:, : -k - 1])
    down = (grid[:, k + 1 :] - x) / (grid[:, k + 1 :] - grid[:, 1:-k])
    return up * b[..., :-1] + down * b[..., 1:]

class KANLinear(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.register_buffer("grid", torch.zeros(inputs, 12))
        self.spline_weight = nn.Parameter(torch.zeros(outputs, inputs, 8))
        self.base_weight = nn.Parameter(torch.zeros(outputs, inputs))
        self.spline_scaler = nn.Parameter(torch.zeros(outputs, inputs))

    def forward(self, x):
        weight = (self.spline_weight * self.spline_scaler[..., None]).flatten(1)
        return functional.linear(splines(x, self.grid).flatten(1), weight) + functional.silu(x) @ self.base_weight.t()

class KANLayer(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.grid = nn.Parameter(torch.zeros(inputs, 12), requires_grad=False)
        self.coef = nn.Parameter(torch.zeros(inputs, outputs, 8))
        self.scale_base = nn.Parameter(torch.zeros(inputs, outputs))
        self.scale_sp = nn.Parameter(torch.zeros(inputs, outputs))

    def forward(self, x):
        curves = torch.einsum("nig,ijg->nij", splines(x, self.grid), self.coef) * self.scale_sp
        edges = curves + functional.silu(x)[..., None] * self.scale_base
        return edges.sum(1), edges
"""

NINTH = torch.tensor([8])


def clone(folder: Path, peer: SimpleNamespace, source: str) -> None:
    (folder / peer.package).mkdir()
    (folder / peer.package / f"{peer.module}.py").write_text(source)


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(FOLDER))
    import accuracy
    import kan_layers
    import peers
    import train_step

    return SimpleNamespace(accuracy=accuracy, kan_layers=kan_layers, peers=peers, train_step=train_step)


@pytest.fixture
def options() -> Namespace:
    return Namespace(fastkan=None, efficient_kan=None, pykan=None, device="cpu", rounds=1, max_gb=8.0, compile=False)


@pytest.fixture(autouse=True)
def threads() -> None:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def no_clone_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [module for module in sys.modules if module.startswith("peer_")]:
        monkeypatch.delitem(sys.modules, module)


def test_the_layer_benchmark_runs_without_peers_and_reports_them(
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
    assert "pykan: not measured, use --pykan PATH" in capfd.readouterr().err


def test_peak_memory_counts_tensors_alive_at_the_same_time_without_gradients(benchmarks: SimpleNamespace) -> None:
    x = torch.randn(1000, requires_grad=True)

    def step() -> None:
        x.grad = None
        y = x.exp()
        y.mul(3.0).backward(torch.ones(1000))

    # exp(x), 3·exp(x), ones, and the gradient by exp(x): 4,000 bytes each; the last product is the gradient by x.
    contender = benchmarks.peers.Contender("exp", "float32", step, [x])
    assert benchmarks.peers.peak_mb(contender, "cpu") == pytest.approx(4 * 4000e-6, abs=100e-6)


def test_a_peer_that_needs_too_much_memory_is_measured_on_fewer_rows_and_scaled(
    benchmarks: SimpleNamespace, options: Namespace, tmp_path: Path
) -> None:
    (tmp_path / "fastkan").mkdir()
    (tmp_path / "fastkan" / "fastkan.py").write_text(FASTKAN)
    (tmp_path / "fastkan" / "__init__.py").write_text("import nothing_that_is_installed")
    # A step of a linear layer allocates only the output of 64,000 numbers.
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


def test_layers_are_timed_with_fresh_normalisation(benchmarks: SimpleNamespace) -> None:
    layer = benchmarks.kan_layers.RBFLinear(4, 3)
    benchmarks.kan_layers.contender("RBFLinear", lambda *_: layer, "float32", (5, 4, 3), "cpu")
    assert layer.norm.weight.tolist() == [1, 1, 1, 1]
    assert layer.norm.bias.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("peer", ["efficient_kan", "pykan"])
def test_errors_of_splines_are_rounding_errors(
    benchmarks: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, peer: str
) -> None:
    clone(tmp_path, benchmarks.peers.PEERS[peer], SPLINES)
    monkeypatch.setattr(benchmarks.accuracy, "FEATURES", {peer: (4, 3)})
    rows = benchmarks.accuracy.errors(1, {peer: tmp_path}, "cpu", seeds=2, rows=20)
    names = ["output", "input", "spline_weight", "base_weight", "spline_scale"]
    layers = [("BSplineLinear", "float64"), ("BSplineLinear", "float32"), (peer, "float32")]
    halves = [("BSplineLinear", "bfloat16"), (peer, "bfloat16")]
    assert [(row["layer"], row["precision"], row["tensor"]) for row in rows] == [
        (*layer, name) for _ in range(5) for layer in layers + halves for name in names
    ]
    assert {row["case"] for row in rows} >= {"normal", "constant rows", "uneven knots"}
    largest = {"float64": 1e-12, "float32": 1e-5, "bfloat16": 3e-2}
    assert not [row for row in rows if not 0 <= row["error"] < largest[row["precision"]]]


def test_errors_of_gaussians_are_rounding_errors_and_nan_is_reported(
    benchmarks: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone(tmp_path, benchmarks.peers.PEERS["fastkan"], GAUSSIANS)
    monkeypatch.setattr(benchmarks.accuracy, "FEATURES", {"fastkan": (4, 3)})
    exact = benchmarks.accuracy.errors(1, {"fastkan": tmp_path}, "cpu", seeds=1, rows=20)
    assert max(row["error"] for row in exact if row["precision"] == "float64") < 1e-12
    assert [row["tensor"] for row in exact if row["precision"] == "float64" and row["case"] == "no LayerNorm"] == [
        "output",
        "input",
        "spline_weight",
        "base_weight",
        "base_bias",
    ]
    draw = benchmarks.accuracy.samples
    monkeypatch.setattr(benchmarks.accuracy, "samples", lambda *about: draw(*about).index_fill_(0, NINTH, torch.nan))
    broken = benchmarks.accuracy.errors(1, {"fastkan": tmp_path}, "cpu", seeds=1, rows=20)
    assert all(row["error"] != row["error"] for row in broken if row["tensor"] == "output")
    benchmarks.accuracy.show_errors(exact)
    assert "one per row × 1000" in capsys.readouterr().out


def test_the_gpu_check_compares_layers_and_counts_failures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    import gpu_check

    for name, small in (("ROWS", 64), ("WIDTH", 16), ("ROUNDS", 1)):
        monkeypatch.setattr(gpu_check, name, small)
    report = gpu_check.Report("cpu")
    gpu_check.check_layers(report, tmp_path)
    assert report.failed == 0
    assert len(report.rows) == 4 * len(gpu_check.LAYERS)
    monkeypatch.setattr(gpu_check, "BOUNDS", {"bfloat16": (1e-7, 1.0)})
    gpu_check.check_layers(report, tmp_path)
    assert report.failed == len(gpu_check.LAYERS)
    assert capsys.readouterr().out.count("FAIL") == len(gpu_check.LAYERS)
