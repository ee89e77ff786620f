"""Shared by the benchmarks of layers: layers of other packages, and time and memory of alternating steps.

In: the path of a clone; steps to compare. Out: a layer's class; seconds and megabytes per step.
"""

import argparse
import gc
import importlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import NamedTuple, TypeAlias

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

Row: TypeAlias = dict[str, str | int | float]
"""One line of the result: ``layer, precision, shape, threads, seconds, peak_mb``, and further columns."""

UNITS = ("amx_tile", "amx_bf16", "avx512_bf16", "avx512f", "avx2")
"""Processor flags that determine the speed of products."""


class Peer(NamedTuple):
    """The location of a layer in a clone."""

    package: str
    module: str
    layer: str


PEERS = {
    "fastkan": Peer("fastkan", "fastkan", "FastKANLayer"),
    "efficient_kan": Peer("efficient_kan", "kan", "KANLinear"),
    "pykan": Peer("kan", "KANLayer", "KANLayer"),
}


@dataclass(frozen=True)
class Contender:
    """A step to measure.

    Attributes:
        layer: name in the result.
        precision: ``float32`` or ``bfloat16``.
        step: forward and backward; drops the gradients of the previous step.
        leaves: tensors that have a gradient after a step.
        share: fraction of the rows that the step uses; results are divided by it.
        more: further columns of its row.
    """

    layer: str
    precision: str
    step: Callable[[], None]
    leaves: Sequence[Tensor]
    share: float = 1.0
    more: Row | None = None


def add_peers(parser: argparse.ArgumentParser) -> None:
    """Add an option for the path of each peer's clone."""
    for name in PEERS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path, metavar="PATH")


def peer_paths(options: argparse.Namespace) -> dict[str, Path | None]:
    """Return the paths of the clones from the options."""
    return {name: getattr(options, name) for name in PEERS}


def peer_layer(name: str, path: Path | None) -> Callable[..., nn.Module] | None:
    """Return a peer's layer class; if it is not available, report why and return ``None``."""
    peer = PEERS[name]
    option = f"--{name.replace('_', '-')}"
    if path is None:
        return say(f"{name}: not measured, use {option} PATH")
    folders = [path, path / peer.package, path / "src" / peer.package]
    folder = next((folder for folder in folders if (folder / f"{peer.module}.py").is_file()), None)
    if folder is None:
        return say(f"{name}: not measured, {option} {path} has no {peer.package}/{peer.module}.py")
    # An empty package instead of the peer's, whose __init__ may import packages that the layer does not need.
    package = ModuleType(f"peer_{name}")
    package.__path__ = [str(folder)]
    sys.modules[package.__name__] = package
    try:
        return getattr(importlib.import_module(f"{package.__name__}.{peer.module}"), peer.layer)
    except ImportError as error:
        return say(f"{name}: not measured, {error}")


def say(line: str) -> None:
    """Print a line to standard error, separately from the tables."""
    print(line, file=sys.stderr, flush=True)


def clock_for(threads: int, device: str) -> str:
    """Return the clock: CPU time for one thread, which other processes do not disturb; it adds up over several threads.

    >>> clock_for(1, "cpu"), clock_for(2, "cpu")
    ('process CPU time', 'wall clock')
    """
    return "process CPU time" if threads == 1 and device == "cpu" else "wall clock"


def measure(contenders: Sequence[Contender], rounds: int, *, shape: str, threads: int, device: str) -> list[Row]:
    """Measure the memory of all contenders, then time them in turns; each round starts with another contender."""
    peaks = [peak_mb(each, device) for each in contenders]
    clock = clock_for(threads, device)
    times: list[list[float]] = [[] for _ in contenders]
    for turn in range(rounds):
        for place in range(len(contenders)):
            number = (turn + place) % len(contenders)
            times[number].append(seconds_of(contenders[number].step, clock, device))
    return [
        {
            "layer": each.layer,
            "precision": each.precision,
            "shape": shape,
            "threads": threads,
            "seconds": median(runs) / each.share,
            "peak_mb": peak / each.share,
            "fastest": min(runs) / each.share,
            "slowest": max(runs) / each.share,
            "clock": clock,
            "device": device,
            **(each.more or {}),
        }
        for each, runs, peak in zip(contenders, times, peaks, strict=True)
    ]


def peak_mb(contender: Contender, device: str) -> float:
    """Return the peak memory in MB that a second step allocates.

    On the processor this is the exact sum of the tensors allocated by torch, including temporary ones within its
    operations, but not the scratch memory of underlying libraries. The output is counted. The final gradients, by
    parameters and by inputs, are not; on a GPU, where torch's counter is read, they are.
    """
    contender.step()
    for leaf in contender.leaves:
        leaf.grad = None
    gc.collect()
    if device != "cpu":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        contender.step()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as profiler:
        contender.step()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "trace.json")
        profiler.export_chrome_trace(str(file))
        trace = json.loads(file.read_text())["traceEvents"]
    events = [event["args"] for event in trace if event.get("name") == "[memory]"]
    changes = [(event["Addr"], event["Bytes"]) for event in sorted(events, key=lambda event: event["Ev Idx"])]
    kept = {leaf.grad.untyped_storage().data_ptr() for leaf in contender.leaves if leaf.grad is not None}
    return _highest(changes, kept) / 1e6


def _highest(changes: Sequence[tuple[int, int]], kept: set[int]) -> int:
    """Return the largest number of bytes allocated at once, without the last allocations at the addresses ``kept``.

    >>> _highest([(7, 100), (8, 30), (7, -100), (7, 50), (9, -5)], kept={7})
    130
    """
    last: dict[int, int] = {}
    for number, (address, size) in enumerate(changes):
        if size > 0:
            last[address] = number
        else:
            last.pop(address, None)
    ignored = {last[address] for address in kept if address in last}
    living: dict[int, int] = {}
    total = highest = 0
    for number, (address, size) in enumerate(changes):
        if size < 0:
            # Memory that was allocated before the step was never counted.
            total -= living.pop(address, 0)
        elif number not in ignored:
            living[address] = size
            total += size
            highest = max(highest, total)
    return highest


def seconds_of(step: Callable[[], None], clock: str, device: str) -> float:
    """Time one step."""
    read = time.process_time if clock == "process CPU time" else time.perf_counter
    if device != "cpu":
        torch.cuda.synchronize()
    start = read()
    step()
    if device != "cpu":
        torch.cuda.synchronize()
    return read() - start


def in_fresh_processes(job: Callable[..., list[Row]], threads: Sequence[int], *arguments: object) -> list[Row]:
    """Call ``job(number, *arguments)`` for each number of threads, each in a new process."""
    # Otherwise the profiler's library logs its starts and stops.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    rows = []
    for number in threads:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            rows += process.submit(job, number, *arguments).result()
    return rows


def environment(device: str) -> dict[str, str]:
    """Return the properties of the machine that determine the speed of a layer."""
    found = {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
        facts = {name.strip(): value.strip() for name, value in lines.items()}
        found["processor"] = facts.get("model name", "")
        found["units"] = " ".join(unit for unit in UNITS if unit in facts.get("flags", "").split())
    if device != "cpu":
        found["gpu"] = torch.cuda.get_device_name()
    return found


def numbers(text: str) -> list[int]:
    """Parse a list of thread counts.

    >>> numbers("1,2")
    [1, 2]
    """
    return [int(number) for number in text.split(",")]


def wide_console() -> Console:
    """Return a console that is wide enough for the tables also without a terminal."""
    return Console(width=None if sys.stdout.isatty() else 120)


def show(rows: Sequence[Row], peer: tuple[str, str], floor: str) -> None:
    """Print a table per shape and number of threads.

    Args:
        rows: the measurements.
        peer: layer and precision with which speed and memory of the others are compared.
        floor: layer with whose row of the same precision times are compared.
    """
    console = wide_console()
    for shape, threads in dict.fromkeys((row["shape"], row["threads"]) for row in rows):
        here = [row for row in rows if (row["shape"], row["threads"]) == (shape, threads)]
        found = {(row["layer"], row["precision"]): row for row in here}
        table = Table(
            title=f"{shape}, {threads} thread{'s' * (threads != 1)}, {here[0]['clock']}", title_justify="left"
        )
        for column in ("layer", "precision"):
            table.add_column(column, no_wrap=True)
        against = f"{peer[0]} {peer[1]}"
        for column in ("seconds", "ms", f"faster than {against}", f"time / {floor}", "peak MB", f"memory / {against}"):
            table.add_column(column, justify="right")
        for row in here:
            other, least = found.get(peer), found.get((floor, row["precision"]))
            table.add_row(
                row["layer"],
                row["precision"],
                f"{row['seconds']:.4f}",
                f"{1e3 * row['seconds']:,.1f}",
                f"{other['seconds'] / row['seconds']:.2f}×" if other else "",
                f"{row['seconds'] / least['seconds']:.2f}" if least else "",
                f"{row['peak_mb']:,.1f}",
                f"{row['peak_mb'] / other['peak_mb']:.3f}" if other else "",
            )
        console.print(table)
        for row in here:
            if "scaled_rows" in row:
                console.print(f"{row['layer']} {row['precision']}: scaled up from {row['scaled_rows']:,} rows")


def write(file: Path | None, content: dict[str, object]) -> None:
    """Write the results as JSON, if a file is named."""
    if file is not None:
        file.write_text(json.dumps(content, indent=1) + "\n")
