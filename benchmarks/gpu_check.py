"""Check that kanseq runs on a GPU with the same results as on a processor. Takes under eight minutes on one GPU.

    python benchmarks/gpu_check.py -o FOLDER [--device cuda] [--only layers,train,explain,team] [--json FILE]

`layers` compares the outputs and gradients of every KAN layer with the same layer in float64 on the processor, and
times it next to a linear layer on as many basis functions. `train` trains every network of `kanseq models` on a
simulated genome for two epochs, on the device and on the processor, and one of them twice on the device. `explain`
attributes genes by two models on both. `team` trains with two processes: on two GPUs if there are two, else on the
processor. `--device cpu` runs the same checks without a GPU, to check the script itself.

Each line is a check: what was compared, the number, the bound, and `ok` or `FAIL`. The exit code is 1 if any failed.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

import kanseq
from kanseq.nn import (
    BSplineLinear,
    Chebyshev,
    Fourier,
    Gaussians,
    KANConv1d,
    KANLinear,
    MexicanHats,
    RBFLinear,
    set_precision,
)
from kanseq.runs.parts import part_folder

CHECKS = ("layers", "train", "explain", "team")
ROWS, WIDTH, ROUNDS = 4096, 128, 7
BASES = 8
BOUNDS = {"float32": (1e-5, 1e-4), "bfloat16": (1e-2, 5e-2)}
"""Largest difference to float64 of outputs and of gradients, relative to their norm."""

LAYERS: dict[str, Callable[[], nn.Module]] = {
    "RBFLinear": lambda: RBFLinear(WIDTH, WIDTH, BASES),
    "BSplineLinear": lambda: BSplineLinear(WIDTH, WIDTH, intervals=5, order=3, low=-2.0, high=2.0),
    "KANLinear(Gaussians)": lambda: KANLinear(WIDTH, WIDTH, Gaussians()),
    "KANLinear(Chebyshev)": lambda: KANLinear(WIDTH, WIDTH, Chebyshev(7), layer_norm=True),
    "KANLinear(Fourier)": lambda: KANLinear(WIDTH, WIDTH, Fourier(4)),
    "KANLinear(MexicanHats)": lambda: KANLinear(WIDTH, WIDTH, MexicanHats()),
    "KANConv1d": lambda: KANConv1d(WIDTH // 4, WIDTH // 4, 5, padding="same"),
}
NETWORKS = ("kan-words", "kan-mixer", "kan", "mlp", "deepcre", "legnet", "legnet-lkan", "legnet-ckan")
SMALL = {
    **{name: {"hidden": 16} for name in ("kan", "mlp")},
    **{name: {"widths": "32,32,32"} for name in ("legnet", "legnet-lkan", "legnet-ckan")},
}


class Report:
    """The checks so far."""

    def __init__(self, device: str) -> None:
        self.device, self.rows, self.started = device, [], time.monotonic()

    def add(self, check: str, value: float, bound: float, more: str = "") -> None:
        """Record a check, which passes if ``value`` is at most ``bound``."""
        passed = bool(np.isfinite(value) and value <= bound)
        self.rows.append({"check": check, "value": float(value), "bound": bound, "passed": passed, "more": more})
        print(f"{'ok  ' if passed else 'FAIL'} {check}: {value:.3g} (at most {bound:g}) {more}", flush=True)

    @property
    def failed(self) -> int:
        """Return the number of failed checks."""
        return sum(not row["passed"] for row in self.rows)


@contextmanager
def stated(report: Report, what: str) -> Iterator[None]:
    """Turn an exception in one part into a failed check, so that the other parts still run."""
    try:
        yield
    except Exception as error:
        report.add(what, float("nan"), 0, f"{type(error).__name__}: {str(error).splitlines()[0][:200]}")


def relative(found: Tensor, expected: Tensor) -> float:
    """Return the norm of the difference as a fraction of the expected norm."""
    return float((found.double().cpu() - expected).norm() / expected.norm().clamp(min=1e-12))


def run_layer(layer: nn.Module, x: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return a layer's outputs, and its gradients for a fixed random gradient of the outputs."""
    layer.zero_grad(set_to_none=True)
    x = x.clone().requires_grad_(True)
    out = layer(x)
    out.backward(torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(out))
    return out.detach(), [x.grad, *(parameter.grad for parameter in layer.parameters() if parameter.grad is not None)]


def milliseconds(step: Callable[[], object], device: str) -> float:
    """Return the median time of a step, after two to warm up."""
    times = []
    for _ in range(ROUNDS + 2):
        start = time.perf_counter()
        step()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(1000 * (time.perf_counter() - start))
    return median(times[2:])


def check_layers(report: Report, folder: Path) -> None:
    """Compare every layer with itself in float64 on the processor."""
    for name, make in LAYERS.items():
        torch.manual_seed(0)
        layer = make()
        shape = (64, WIDTH // 4, ROWS // 64) if isinstance(layer, KANConv1d) else (ROWS, WIDTH)
        x = torch.randn(shape)
        expected, expected_gradients = run_layer(layer.double(), x.double())
        layer, x = layer.float().to(report.device), x.to(report.device)
        for precision, (of_output, of_gradients) in BOUNDS.items():
            with stated(report, f"{name} {precision}"):
                set_precision(layer, precision)
                out, gradients = run_layer(layer, x)
                worst = max(relative(one, other) for one, other in zip(gradients, expected_gradients, strict=True))
                took = milliseconds(partial(run_layer, layer, x), report.device)
                report.add(f"{name} {precision} output", relative(out, expected), of_output)
                report.add(f"{name} {precision} gradients", worst, of_gradients, f"{took:.2f} ms forward and backward")
    wide = nn.Linear(WIDTH * BASES, WIDTH).to(report.device)
    x = torch.randn(ROWS, WIDTH * BASES, device=report.device)
    print(
        f"     nn.Linear on {BASES} times the inputs: {milliseconds(partial(run_layer, wide, x), report.device):.2f} ms"
    )


class Inputs:
    """A simulated genome as a set, with labels and splits; made once."""

    def __init__(self, folder: Path) -> None:
        place = folder / "simulated"
        if not (place / "labels.tsv").exists():
            kanseq.simulate(place, genes=300, contigs=3, seed=1)
            # Short windows: the largest of these networks keep gigabytes of activations for a batch of 3,020 columns.
            size = {"upstream": 200, "downstream": 100}
            kanseq.extract(place / "genome.fa.gz", place / "genes.gtf.gz", output=place / "genes.parquet", **size)
            kanseq.split(place / "genes.parquet", output=place / "splits.tsv", min_genes=10)
            kanseq.label(place / "tpm.csv", splits=place / "splits.tsv", output=place / "labels.tsv")
        self.genes, self.splits, self.labels = (place / name for name in ("genes.parquet", "splits.tsv", "labels.tsv"))
        self.fold = str(pd.read_csv(self.splits, sep="\t", dtype=str)["fold"].iloc[0])

    def train(self, model: str, output: Path, device: str, **more: object) -> Path:
        """Train one fold for two epochs; return the fold's folder."""
        same = {"labels": self.labels, "splits": self.splits, "holdout": self.fold, "options": SMALL.get(model)}
        short = {"epochs": 2, "batch_size": 16, "precision": "float32", "baseline": False}
        kanseq.train(self.genes, output=output, model=model, device=device, **same, **short, **more)
        return part_folder(output, self.fold, 0)


def logits(fold: Path) -> np.ndarray:
    """Read a fold's logits."""
    return pd.read_csv(fold / "predictions.tsv", sep="\t")["logit"].to_numpy()


def check_training(report: Report, folder: Path) -> None:
    """Train every network on the device and on the processor."""
    inputs = Inputs(folder)
    for model in NETWORKS:
        with stated(report, f"train {model}"):
            start = time.monotonic()
            there = inputs.train(model, folder / f"{model}.device", report.device)
            took = time.monotonic() - start
            here = inputs.train(model, folder / f"{model}.processor", "cpu")
            pair = logits(there), logits(here)
            loss, other = (json.loads((f / "log.jsonl").read_text().splitlines()[0])["loss"] for f in (there, here))
            report.add(f"train {model}: first epoch's loss", abs(loss - other), 0.05, f"{took:.1f} s on the device")
            # Dropout differs on a GPU and rounding errors grow with every step, so only the correlation is checked.
            report.add(f"train {model}: 1 - correlation of logits", 1 - np.corrcoef(*pair)[0, 1], 0.3)
    with stated(report, "same bytes"):
        one, two = (inputs.train("kan-words", folder / f"again-{at}", report.device) for at in (1, 2))
        same = (one / "model.safetensors").read_bytes() == (two / "model.safetensors").read_bytes()
        report.add("kan-words twice on the device: different bytes", float(not same), 0)


def check_explain(report: Report, folder: Path) -> None:
    """Attribute genes by the same models on the device and on the processor."""
    inputs = Inputs(folder)
    for model in ("kan-words", "kan-mixer"):
        with stated(report, f"explain {model}"):
            run = folder / f"{model}.processor"
            if not (run / "run.json").exists():
                inputs.train(model, run, "cpu")
            several = {"held_out_only": True, "reference": "shuffle:3"}
            found = [kanseq.explain(run, inputs.genes, device=device, **several) for device in (report.device, "cpu")]
            report.add(f"explain {model}: completeness error", found[0].max_completeness_error, 1e-4)
            there, here = (np.stack(one.table["attributions"].to_numpy()) for one in found)
            report.add(
                f"explain {model}: difference to the processor", np.abs(there - here).max() / np.abs(here).max(), 1e-3,
                f"{found[0].seconds:.1f} s, {found[1].seconds:.1f} s on the processor",
            )  # fmt: skip


def check_team(report: Report, folder: Path) -> None:
    """Compare training in two processes with training in one."""
    inputs = Inputs(folder)
    several = report.device != "cpu" and torch.cuda.device_count() > 1
    device = "cuda" if several else "cpu"
    with stated(report, "two processes"):
        alone = inputs.train("kan-mixer", folder / "alone", device)
        together = inputs.train("kan-mixer", folder / "together", device, devices=2, threads=1)
        report.add("two processes: difference of logits", np.abs(logits(alone) - logits(together)).max(), 1e-2, device)


def main() -> None:
    """Run the checks and print them; exit with 1 if any failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="new folder for trained models")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--only", default=",".join(CHECKS), help="comma-separated checks to run")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("PyTorch finds no GPU; use --device cpu to check the script")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    options.output.mkdir(parents=True, exist_ok=True)
    report = Report(options.device)
    where = torch.cuda.get_device_name() if options.device == "cuda" else "processor"
    print(f"kanseq {kanseq.__version__}, torch {torch.__version__}, {where}")
    checks = {"layers": check_layers, "train": check_training, "explain": check_explain, "team": check_team}
    for name in options.only.split(","):
        start = time.monotonic()
        checks[name](report, options.output)
        print(f"     {name}: {time.monotonic() - start:.0f} s", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"device": where, "checks": report.rows}, indent=2) + "\n")
    passed, seconds = len(report.rows) - report.failed, time.monotonic() - report.started
    print(f"{passed} of {len(report.rows)} checks passed, {seconds:.0f} s")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
