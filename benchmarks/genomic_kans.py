"""Compare training steps of LegNet, LKAN and CKAN with the same networks on the layers of the public notebooks.

    python benchmarks/genomic_kans.py --efficient-kan efficient-kan --kan-conv KANsforgenomic/models --json steps.json

The networks have the published widths (2.65 million weights in LegNet), one output and sequences of 101 columns. The
notebooks' LegNet is a straightforward implementation of their figure: convolutions, BatchNorm, SiLU. Its LKAN has the
layers of github.com/Blealtan/efficient-kan in squeeze-and-excitation. Its CKAN has the convolutional layer of
github.com/powidla/KANsforgenomic, which calls a KAN layer for each output, input and position, as last convolution
(like the notebooks) or as first and last. Steps alternate. A profiler cannot follow the thousands of small operations
of that layer; in comparisons with it each step runs in a separate process, and memory is the growth of the process's
peak.
`--large` adds a step of each of kanseq's networks at 22 million parameters.
"""

import argparse
import importlib
import resource
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch
from peers import (
    Contender,
    Row,
    clock_for,
    environment,
    in_fresh_processes,
    measure,
    numbers,
    peer_layer,
    say,
    seconds_of,
    show,
    write,
)
from torch import Tensor, nn
from torch.nn import functional

from kanseq.geometry import Geometry
from kanseq.models.registry import architecture, make_config
from kanseq.models.sizes import match_parameters
from kanseq.nn import set_precision

BATCH, COLUMNS = 32, 101
WIDTHS = (256, 256, 128, 128, 64, 64, 32, 32)
LARGE = 22_000_000

Layer = Callable[..., nn.Module]


class PlainLegNet(nn.Module):
    """The notebooks' network, with given layers in squeeze-and-excitation and at the end."""

    def __init__(self, dense: Layer, between: nn.Module, final: nn.Module) -> None:
        super().__init__()
        self.stem = self.convolved(4, WIDTHS[0], 5)
        self.blocks = nn.ModuleList()
        for inputs, outputs in pairwise(WIDTHS):
            wide, narrow = 4 * outputs, inputs // 4
            parts = {
                "expand": self.convolved(inputs, wide, 1),
                "grouped": self.convolved(wide, wide, 5, wide // 2),
                "excitation": nn.Sequential(dense(wide, narrow), between, dense(narrow, wide)),
                "project": self.convolved(wide, inputs, 1),
                "resize": self.convolved(2 * inputs, outputs, 5),
            }
            self.blocks.append(nn.ModuleDict(parts))
        self.final = final

    @staticmethod
    def convolved(inputs: int, outputs: int, kernel: int, groups: int = 1) -> nn.Module:
        convolution = nn.Conv1d(inputs, outputs, kernel, padding="same", groups=groups, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm1d(outputs), nn.SiLU())

    def forward(self, codes: Tensor) -> Tensor:
        x = functional.one_hot(codes.long(), 4).transpose(1, 2).float()
        x = self.stem(x)
        for block in self.blocks:
            h = block["grouped"](block["expand"](x))
            h = h * block["excitation"](h.mean(-1)).sigmoid()[..., None]
            x = block["resize"](torch.cat([x, block["project"](h)], dim=1))
        return self.final(x).mean(-1)


def own(name: str, parameters: int | None = None, **options: object) -> nn.Module:
    """Build one of kanseq's networks at the published widths, or with a number of parameters."""
    kind = architecture(name)
    config = make_config(name, Geometry.plain(COLUMNS), {"widths": ",".join(map(str, WIDTHS)), **options}, 1)
    return kind.build(config if parameters is None else match_parameters(kind, config, parameters))


def contender(name: str, network: nn.Module, precision: str = "float32") -> Contender:
    """Return the contender whose step trains a network on a batch of codes."""
    network.train()
    set_precision(network, precision)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-4)
    codes = torch.randint(0, 4, (BATCH, COLUMNS), dtype=torch.uint8)
    targets = torch.randint(0, 2, (BATCH,)).float()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        functional.binary_cross_entropy_with_logits(network(codes)[:, 0], targets).backward()
        optimizer.step()

    more = {"parameters": sum(each.numel() for each in network.parameters() if each.requires_grad)}
    return Contender(name, precision, step, list(network.parameters()), more=more)


def public_convolution(folder: Path | None) -> Layer | None:
    """Return the notebooks' convolutional layer; if it is not available, report why and return ``None``."""
    if folder is None:
        return say("KAN convolution: not measured, use --kan-conv PATH")
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("KANConv").KAN_Convolutional_Layer_1D
    except ImportError as error:
        return say(f"KAN convolution: not measured, {error}")
    finally:
        sys.path.remove(str(folder))


def linear(inputs: int, outputs: int) -> nn.Module:
    """Return a dense layer without KAN."""
    return nn.Linear(inputs, outputs, bias=False)


def job(threads: int, options: argparse.Namespace) -> list[Row]:
    """Measure all networks with one number of threads."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    about = {"threads": threads, "device": "cpu"}
    efficient = peer_layer("efficient_kan", options.efficient_kan)
    last = nn.Conv1d(WIDTHS[-1], 1, 1)
    pairs = [contender("legnet (plain)", PlainLegNet(linear, nn.SiLU(), last))]
    if efficient is not None:
        pairs.append(contender("lkan (efficient-KAN)", PlainLegNet(efficient, nn.Identity(), nn.Conv1d(32, 1, 1))))
    for precision in ("float32", "bfloat16"):
        pairs += [contender(name, own(name), precision) for name in ("legnet", "legnet-lkan")]
        pairs.append(contender("legnet-ckan (final)", own("legnet-ckan", replaced="final"), precision))
        pairs.append(contender("legnet-ckan", own("legnet-ckan"), precision))
    rows = measure(pairs, options.rounds, shape=f"{BATCH}x{COLUMNS}", **about)
    if options.large:
        for name in ("legnet", "legnet-lkan", "legnet-ckan"):
            rows += measure([contender(name, own(name, LARGE))], 1, shape=f"{BATCH}x{COLUMNS}, 22 million", **about)
    return rows


PAIRS = (
    ("ckan (notebooks), last", "legnet-ckan, last"),
    ("ckan (notebooks), first and last", "legnet-ckan, first and last"),
)


def slow_contender(name: str, public: Layer) -> Contender:
    """Return the step of a CKAN on the notebooks' convolution, or of kanseq's CKAN."""
    last = name.endswith(", last")
    if "notebooks" not in name:
        return contender(name, own("legnet-ckan", replaced="final" if last else "both"))
    network = PlainLegNet(linear, nn.SiLU(), public(WIDTHS[-1], 1, 1))
    if not last:
        network.stem[0] = public(4, WIDTHS[0], 5, padding=2)
    return contender(name, network)


def slow_job(threads: int, options: argparse.Namespace, name: str, rounds: int) -> list[Row]:
    """Time steps of a network of :data:`PAIRS`; the first step also measures the memory."""
    public = public_convolution(options.kan_conv)
    if public is None:
        return []
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    made = slow_contender(name, public)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made.step()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    clock = clock_for(threads, "cpu")
    times = [seconds_of(made.step, clock, "cpu") for _ in range(rounds)]
    shape = f"{BATCH}x{COLUMNS}, a process each"
    row = {"layer": name, "precision": "float32", "shape": shape, "threads": threads, "seconds": median(times)}
    # Linux counts in kilobytes.
    more = {"fastest": min(times), "slowest": max(times), "clock": clock, "device": "cpu", **(made.more or {})}
    return [{**row, "peak_mb": grown / 1e3, **more}]


def slow_rows(options: argparse.Namespace) -> list[Row]:
    """Time the notebooks' convolution and kanseq's in turns, each in a new process; return medians over the turns."""
    rows = []
    for threads in options.threads:
        turns = [
            [
                row
                for pair in PAIRS
                for name, rounds in zip(pair, (1, 7), strict=True)
                for row in in_fresh_processes(slow_job, [threads], options, name, rounds)
            ]
            for _ in range(options.slow_rounds)
        ]
        for each in zip(*turns, strict=True):
            medians = {column: median(row[column] for row in each) for column in ("seconds", "peak_mb")}
            rows.append({**each[0], **medians})
    return rows


def main() -> None:
    """Run the measurements, print their tables, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--efficient-kan", type=Path, metavar="PATH")
    parser.add_argument("--kan-conv", type=Path, metavar="PATH", help="folder of KANConv.py and KANLinear.py")
    parser.add_argument("--threads", type=numbers, default="1", help="one number, or several: 1,2")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slow-rounds", type=int, default=3, help="rounds with the notebooks' convolution")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows = in_fresh_processes(job, options.threads, options) + slow_rows(options)
    show(rows, ("lkan (efficient-KAN)", "float32"), "legnet")
    for public, own in PAIRS:
        for row in (row for row in rows if row["layer"] == public):
            fast = next(each for each in rows if (each["layer"], each["threads"]) == (own, row["threads"]))
            print(f"{own}: {row['seconds'] / fast['seconds']:.1f} times as fast as {public}, {row['threads']} threads")
    write(options.json, {"rows": rows, "environment": environment("cpu")})


if __name__ == "__main__":
    main()
