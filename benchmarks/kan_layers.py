"""Forward and backward of one KAN layer: time and memory beside other implementations and beside plain products.

    python benchmarks/kan_layers.py --threads 1,2 --json layers.json
        --fastkan fast-kan --efficient-kan efficient-kan --pykan pykan

Paths are clones of github.com/ZiyaoLi/fast-kan, Blealtan/efficient-kan and KindXiaoming/pykan; a peer without one is
left out. `linear8` is a linear layer on eight times the inputs, what a layer of eight functions per edge costs at
least. In bfloat16 kanseq rounds the operands of products, the peers run under autocast, and `linear8` is bfloat16
throughout. A peer whose step would need more than `--max-gb` takes fewer rows, and its figures are scaled up to all.

Inputs are standard normal; weights, inputs and LayerNorm all get gradients. Contenders take turns, and the median is
given. `--accuracy` compares RBFLinear with FastKAN in float64: the largest error by the largest value of each tensor.
"""

import argparse
from argparse import BooleanOptionalAction
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TypeAlias

import torch
from peers import (
    Contender,
    Row,
    environment,
    in_fresh_processes,
    measure,
    numbers,
    peak_mb,
    peer_layer,
    say,
    show,
    wide_console,
    write,
)
from rich.table import Table
from torch import Tensor, nn

from kanseq.nn import PRECISIONS, BSplineLinear, RBFLinear, set_precision

Shape: TypeAlias = tuple[int, int, int]
SHAPES = "24192x128x128,8192x378x378,8192x378x512"
LAYERS = ("RBFLinear", "BSplineLinear", "fastkan", "efficient_kan", "pykan", "linear8")
CENTRES = 8
ACCURACY_ROWS = 2048
CASES = ("normal", "far outside", "constant rows")


def makers(options: argparse.Namespace) -> dict[str, Callable[..., nn.Module]]:
    """Give what makes each wanted layer from numbers of inputs and outputs."""
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
    """Make a layer, its inputs, and the step on them."""
    torch.manual_seed(0)
    rows, inputs, outputs = shape
    layer = make(inputs, outputs).to(device)
    blur_norms(layer)
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
        # pykan gives what it plots, too.
        y = y[0] if isinstance(y, tuple) else y
        if not gradient:
            gradient.append(torch.randn(y.shape, device=device).to(y.dtype))
        y.backward(gradient[0])

    return Contender(name, precision, step, leaves)


def blur_norms(layer: nn.Module) -> None:
    """Give a layer's LayerNorms weights that are not the first ones."""
    for norm in layer.modules():
        if isinstance(norm, nn.LayerNorm):
            nn.init.normal_(norm.weight, mean=1.0, std=0.3)
            nn.init.normal_(norm.bias, std=0.3)


def fitting(
    name: str, make: Callable[..., nn.Module], precision: str, shape: Shape, options: argparse.Namespace
) -> Contender | None:
    """Make a peer's contender with as many rows as its memory allows, judged by a step on few."""
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


def accuracy(threads: int, options: argparse.Namespace) -> list[Row]:
    """Compare RBFLinear and FastKAN, in both precisions, with FastKAN in float64 on the same weights."""
    torch.set_num_threads(threads)
    make = peer_layer("fastkan", options.fastkan)
    if make is None:
        return []
    _, inputs, outputs = options.shapes[0]
    torch.manual_seed(0)
    device = options.device
    first = make(inputs, outputs)
    blur_norms(first)
    exact = twin(first, make(inputs, outputs)).double().to(device)
    # Its centres were rounded to float32.
    exact.rbf.grid.data.copy_(torch.linspace(-2, 2, CENTRES, dtype=torch.float64))
    g = torch.randn(ACCURACY_ROWS, outputs).to(device)
    rows: list[Row] = []
    for case in CASES:
        x = samples(case, inputs).to(device)
        wanted = tensors(exact, x.double(), g.double())
        for precision in PRECISIONS:
            for name in ("RBFLinear", "fastkan"):
                layer = twin(first, RBFLinear(inputs, outputs) if name == "RBFLinear" else make(inputs, outputs))
                set_precision(layer.to(device), precision)
                half = precision == "bfloat16" and name == "fastkan"
                with torch.autocast(device, torch.bfloat16, enabled=half):
                    found = tensors(layer, x, g)
                for tensor, value in wanted.items():
                    error = (found[tensor].double().reshape(value.shape) - value).abs().max() / value.abs().max()
                    about = {"layer": name, "precision": precision, "case": case, "tensor": tensor}
                    rows.append({**about, "error": error.item()})
    return rows


def samples(case: str, inputs: int) -> Tensor:
    """Draw rows that are easy, whose values lie far outside the grid even when normalised, or that do not vary."""
    x = torch.randn(ACCURACY_ROWS, inputs)
    if case == "far outside":
        x[torch.arange(len(x)), torch.arange(len(x)) % inputs] *= 1e3
    elif case == "constant rows":
        x[::2] = x[::2, :1]
    return x


def named(layer: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Give the parameters of RBFLinear or FastKAN by the names of the former."""
    ours = isinstance(layer, RBFLinear)
    norm = layer.norm if ours else layer.layernorm
    yield "spline_weight", layer.spline_weight if ours else layer.spline_linear.weight
    yield "base_weight", layer.base_weight if ours else layer.base_linear.weight
    yield "base_bias", layer.base_bias if ours else layer.base_linear.bias
    yield "norm.weight", norm.weight
    yield "norm.bias", norm.bias


@torch.no_grad()
def twin(source: nn.Module, target: nn.Module) -> nn.Module:
    """Give one layer the other's weights."""
    for (_, value), (_, parameter) in zip(named(source), named(target), strict=True):
        parameter.copy_(value.reshape(parameter.shape))
    return target


def tensors(layer: nn.Module, x: Tensor, g: Tensor) -> dict[str, Tensor]:
    """Give the output and every gradient."""
    x = x.clone().requires_grad_()
    parameters = dict(named(layer))
    y = layer(x)
    by_x, *others = torch.autograd.grad(y, [x, *parameters.values()], g.to(y.dtype))
    return {"output": y.detach(), "input": by_x, **dict(zip(parameters, others, strict=True))}


def show_accuracy(rows: list[Row]) -> None:
    """Print the errors of all layers side by side."""
    table = Table(title="largest error / largest value, against FastKAN in float64", title_justify="left")
    found = {(row["case"], row["tensor"], row["layer"], row["precision"]): row["error"] for row in rows}
    columns = list(dict.fromkeys(key[2:] for key in found))
    table.add_column("inputs")
    table.add_column("output, or gradient by")
    for column in columns:
        table.add_column(" ".join(column), justify="right")
    for case, tensor in dict.fromkeys(key[:2] for key in found):
        table.add_row(case, tensor, *(f"{found[(case, tensor, *column)]:.1e}" for column in columns))
    wide_console().print(table)


def read_shapes(text: str) -> list[Shape]:
    """Read rows, inputs and outputs.

    >>> read_shapes("24192x128x128,8192x378x512")
    [(24192, 128, 128), (8192, 378, 512)]
    """
    shapes = [tuple(int(number) for number in shape.split("x")) for shape in text.split(",")]
    if any(len(shape) != 3 for shape in shapes):
        raise argparse.ArgumentTypeError(f"shapes are ROWSxINPUTSxOUTPUTS: {text}")
    return shapes


def read_layers(text: str) -> list[str]:
    """Read names of layers."""
    names = text.split(",")
    if unknown := [name for name in names if name not in LAYERS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(LAYERS)}")
    return names


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", type=read_shapes, default=SHAPES, help=f"default {SHAPES}")
    parser.add_argument("--layers", type=read_layers, default=",".join(LAYERS), help="only these")
    parser.add_argument("--fastkan", type=Path)
    parser.add_argument("--efficient-kan", type=Path)
    parser.add_argument("--pykan", type=Path)
    parser.add_argument("--threads", type=numbers, default="1", help="one number, or several as in 1,2")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--max-gb", type=float, default=8.0, help="most memory for a peer's step")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--accuracy", action=BooleanOptionalAction, default=True)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows = in_fresh_processes(job, options.threads, options)
    errors = in_fresh_processes(accuracy, options.threads[:1], options) if options.accuracy else []
    show(rows, ("fastkan", "float32"), "linear8")
    if errors:
        show_accuracy(errors)
    write(options.json, {"rows": rows, "accuracy": errors, "environment": environment(options.device)})


if __name__ == "__main__":
    main()
