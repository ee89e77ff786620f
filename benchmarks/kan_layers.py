"""Compare time and memory of one KAN layer, forward and backward, with other implementations and a linear layer.

    python benchmarks/kan_layers.py --threads 1,2 --json layers.json
        --fastkan fast-kan --efficient-kan efficient-kan --pykan pykan

Paths are clones of github.com/ZiyaoLi/fast-kan, Blealtan/efficient-kan and KindXiaoming/pykan; a peer without a path
is left out. `linear8` is a linear layer on eight times the inputs, the least cost of a layer with eight functions per
edge. In bfloat16 kanseq rounds the operands of products, the peers run under autocast, and `linear8` is entirely
bfloat16. A peer whose step would need more than `--max-gb` runs on fewer rows, and its numbers are scaled up.

Inputs are standard normal and layers newly initialised; weights, inputs and LayerNorm all get gradients. Contenders
alternate; the tables show medians. The comparison of `accuracy.py` follows, unless `--no-accuracy` is used.
"""

import argparse
from argparse import BooleanOptionalAction
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TypeAlias

import torch
from accuracy import errors, show_errors
from peers import (
    Contender,
    Row,
    add_peers,
    environment,
    in_fresh_processes,
    measure,
    numbers,
    peak_mb,
    peer_layer,
    peer_paths,
    say,
    show,
    write,
)
from torch import Tensor, nn

from kanseq.nn import PRECISIONS, BSplineLinear, RBFLinear, set_precision

Shape: TypeAlias = tuple[int, int, int]
SHAPES = "24192x128x128,8192x378x378,8192x378x512"
LAYERS = ("RBFLinear", "BSplineLinear", "fastkan", "efficient_kan", "pykan", "linear8")
CENTRES = 8


def makers(options: argparse.Namespace) -> dict[str, Callable[..., nn.Module]]:
    """Return, for each requested layer, the function that builds it from numbers of inputs and outputs."""
    found = {
        "RBFLinear": lambda: RBFLinear,
        "BSplineLinear": lambda: BSplineLinear,
        "fastkan": lambda: peer_layer("fastkan", options.fastkan),
        "efficient_kan": lambda: peer_layer("efficient_kan", options.efficient_kan),
        "pykan": lambda: peer_layer("pykan", options.pykan),
        "linear8": lambda: lambda inputs, outputs: nn.Linear(CENTRES * inputs, outputs),
    }
    made = {name: found[name]() for name in options.layers}
    return {name: make for name, make in made.items() if make is not None}


def contender(name: str, make: Callable[..., nn.Module], precision: str, shape: Shape, device: str) -> Contender:
    """Return the contender for a layer, with random inputs."""
    torch.manual_seed(0)
    rows, inputs, outputs = shape
    layer = make(inputs, outputs).to(device)
    x = torch.randn(rows, inputs * (CENTRES if name == "linear8" else 1), device=device)
    own = name in ("RBFLinear", "BSplineLinear")
    half = precision == "bfloat16"
    if own:
        set_precision(layer, precision)
    elif name == "linear8" and half:
        layer, x = layer.bfloat16(), x.bfloat16()
    context = torch.autocast(device, torch.bfloat16) if half and not own and name != "linear8" else nullcontext()
    x.requires_grad_()
    leaves = [x, *(parameter for parameter in layer.parameters() if parameter.requires_grad)]
    gradient: list[Tensor] = []

    def step() -> None:
        for leaf in leaves:
            leaf.grad = None
        with context:
            y = layer(x)
        # pykan also returns its values for plots.
        y = y[0] if isinstance(y, tuple) else y
        if not gradient:
            gradient.append(torch.randn(y.shape, device=device).to(y.dtype))
        y.backward(gradient[0])

    return Contender(name, precision, step, leaves)


def fitting(
    name: str, make: Callable[..., nn.Module], precision: str, shape: Shape, options: argparse.Namespace
) -> Contender | None:
    """Return a peer's contender with as many rows as fit into memory, estimated by a step on a few rows."""
    rows, inputs, outputs = shape
    few = max(1, rows // 64)
    needed = peak_mb(contender(name, make, precision, (few, inputs, outputs), options.device), options.device)
    allowed = int(1e3 * options.max_gb / needed * few)
    if allowed >= rows:
        return contender(name, make, precision, shape, options.device)
    if allowed < few:
        return say(f"{name} {precision}: not measured, {few} rows of {inputs}x{outputs} need {needed:,.0f} MB")
    made = contender(name, make, precision, (allowed, inputs, outputs), options.device)
    return Contender(name, precision, made.step, made.leaves, allowed / rows, {"scaled_rows": allowed})


def job(threads: int, options: argparse.Namespace) -> list[Row]:
    """Measure all shapes with one number of threads."""
    torch.set_num_threads(threads)
    rows: list[Row] = []
    layers = makers(options)
    for shape in options.shapes:
        text = "x".join(map(str, shape))
        say(f"{text}, {threads} thread{'s' * (threads != 1)}")
        contenders = [
            fitting(name, make, precision, shape, options)
            if name in ("fastkan", "efficient_kan", "pykan")
            else contender(name, make, precision, shape, options.device)
            for precision in PRECISIONS
            for name, make in layers.items()
        ]
        found = [each for each in contenders if each is not None]
        rows += measure(found, options.rounds, shape=text, threads=threads, device=options.device)
    return rows


def read_shapes(text: str) -> list[Shape]:
    """Parse shapes of rows, inputs and outputs.

    >>> read_shapes("24192x128x128,8192x378x512")
    [(24192, 128, 128), (8192, 378, 512)]
    """
    shapes = [tuple(int(number) for number in shape.split("x")) for shape in text.split(",")]
    if any(len(shape) != 3 for shape in shapes):
        raise argparse.ArgumentTypeError(f"shapes are ROWSxINPUTSxOUTPUTS: {text}")
    return shapes


def read_layers(text: str) -> list[str]:
    """Parse names of layers."""
    names = text.split(",")
    if unknown := [name for name in names if name not in LAYERS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is not in {', '.join(LAYERS)}")
    return names


def main() -> None:
    """Run the measurements, print their tables, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", type=read_shapes, default=SHAPES, help=f"default {SHAPES}")
    parser.add_argument("--layers", type=read_layers, default=",".join(LAYERS), help="layers to measure")
    add_peers(parser)
    parser.add_argument("--threads", type=numbers, default="1", help="one number, or several: 1,2")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--max-gb", type=float, default=8.0, help="largest memory for a peer's step")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--accuracy", action=BooleanOptionalAction, default=True)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows = in_fresh_processes(job, options.threads, options)
    found = (
        in_fresh_processes(errors, options.threads[:1], peer_paths(options), options.device) if options.accuracy else []
    )
    show(rows, ("fastkan", "float32"), "linear8")
    show_errors(found)
    write(options.json, {"rows": rows, "accuracy": found, "environment": environment(options.device)})


if __name__ == "__main__":
    main()
