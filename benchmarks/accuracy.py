"""Compare kanseq's layers with other implementations on the same weights: errors of the output and all gradients.

    python benchmarks/accuracy.py --json errors.json
        --fastkan fast-kan --efficient-kan efficient-kan --pykan pykan

Paths are clones of github.com/ZiyaoLi/fast-kan, Blealtan/efficient-kan and KindXiaoming/pykan; a peer without a path
is left out. `RBFLinear` is compared with FastKAN's layer; `BSplineLinear`, with a factor per edge, with efficient-KAN's
and pykan's layers on the same knots. The reference is the peer's layer in float64, with knots or centres that were not
rounded to float32, so the peer in float64 is not listed. An error is the largest difference divided by the largest
value of the tensor; the table shows the worst seed. In bfloat16 kanseq rounds the operands of products, and the peers
run under autocast. FastKAN's initial weights are used; those of LayerNorms and of splines are drawn with a larger
spread.
"""

import argparse
import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from peers import PEERS, Row, add_peers, environment, in_fresh_processes, peer_layer, peer_paths, wide_console, write
from rich.table import Table
from torch import Tensor, nn

from kanseq.nn import BSplineLinear, KANLinear, RBFLinear, set_precision

ROWS, SEEDS = 2048, 3
PRECISIONS = ("float64", "float32", "bfloat16")

FEATURES = {"fastkan": (128, 128), "efficient_kan": (48, 32), "pykan": (48, 32)}
"""Inputs and outputs; small for splines, because pykan holds a number per row and edge."""

NAMES = {
    "fastkan": {
        "spline_weight": "spline_linear.weight",
        "base_weight": "base_linear.weight",
        "base_bias": "base_linear.bias",
        "norm.weight": "layernorm.weight",
        "norm.bias": "layernorm.bias",
    },
    "efficient_kan": {
        "spline_weight": "spline_weight",
        "base_weight": "base_weight",
        "spline_scale": "spline_scaler",
    },
    "pykan": {"spline_weight": "coef", "base_weight": "scale_base", "spline_scale": "scale_sp"},
}
"""The peers' names for the parameters that both layers learn."""

CASES = ("normal", "all × 50", "one per row × 1000", "constant rows")
NO_NORM, UNEVEN = "no LayerNorm", "uneven knots"


def errors(threads: int, paths: dict[str, Path | None], device: str, seeds: int = SEEDS, rows: int = ROWS) -> list[Row]:
    """Compare with every available peer: ``layer, peer, precision, case, tensor, error``."""
    torch.set_num_threads(threads)
    made = {peer: peer_layer(peer, paths.get(peer)) for peer in PEERS}
    return [
        row
        for peer, make in made.items()
        if make is not None
        for case in (*CASES, NO_NORM if peer == "fastkan" else UNEVEN)
        for row in worst(peer, make, case, device, seeds, rows)
    ]


def worst(peer: str, make: Callable[..., nn.Module], case: str, device: str, seeds: int, rows: int) -> Iterator[Row]:
    """Yield the largest error over seeds of each tensor."""
    found: dict[tuple[str, str, str], list[Tensor]] = {}
    for seed in range(seeds):
        torch.manual_seed(seed)
        for key, error in compare(peer, make, case, device, rows):
            found.setdefault(key, []).append(error)
    for (layer, precision, tensor), each in found.items():
        # Unlike Python's max, this maximum propagates NaN.
        error = torch.stack(each).max().item()
        yield {"layer": layer, "peer": peer, "precision": precision, "case": case, "tensor": tensor, "error": error}


def compare(
    peer: str, make: Callable[..., nn.Module], case: str, device: str, rows: int
) -> Iterator[tuple[tuple[str, str, str], Tensor]]:
    """Yield errors by layer, precision and tensor, for randomly drawn weights and inputs."""
    inputs, outputs = FEATURES[peer]
    kanseq_layer, peer_layer = twins(peer, make, case)
    knots = places(peer, case)
    x, g = samples(case, rows, inputs).to(device), torch.randn(rows, outputs).to(device)
    exact = prepared(peer_layer, "float64", knots, device)
    truth = tensors(exact, shared(peer, case, kanseq_layer, exact), peer, x.double(), g.double())
    for precision in PRECISIONS:
        for layer in (kanseq_layer, peer_layer):
            is_peer = layer is peer_layer
            if is_peer and precision == "float64":
                continue
            with torch.autocast(device, torch.bfloat16, enabled=is_peer and precision == "bfloat16"):
                kind = torch.float64 if precision == "float64" else torch.float32
                copied = prepared(layer, precision, knots, device)
                found = tensors(copied, shared(peer, case, kanseq_layer, copied), peer, x.to(kind), g.to(kind))
            for tensor, value in truth.items():
                error, largest = (found[tensor].double() - value).abs().max(), value.abs().max()
                # The largest value is 0 if no row is on the grid, which can happen with few rows.
                error = error / largest if largest else error
                yield (peer if is_peer else type(layer).__name__, precision, tensor), error


@torch.no_grad()
def twins(peer: str, make: Callable[..., nn.Module], case: str) -> tuple[KANLinear, nn.Module]:
    """Return kanseq's layer and the peer's layer with the same weights."""
    inputs, outputs = FEATURES[peer]
    if peer == "fastkan":
        has_norm = case != NO_NORM
        kanseq_layer, peer_layer = (
            RBFLinear(inputs, outputs, layer_norm=has_norm),
            make(inputs, outputs, use_layernorm=has_norm),
        )
    else:
        kanseq_layer, peer_layer = BSplineLinear(inputs, outputs, edge_scale=True), make(inputs, outputs)
    for name, (own, other) in shared(peer, case, kanseq_layer, peer_layer).items():
        if name in ("norm.weight", "spline_scale"):
            nn.init.normal_(other, mean=1.0, std=0.3)
        elif name == "norm.bias" or peer != "fastkan":
            # The initial curves of efficient-KAN and pykan are almost 0.
            nn.init.normal_(other, std=0.3)
        own.copy_(in_kanseq_layout(other, peer, own))
    return kanseq_layer, peer_layer


def shared(peer: str, case: str, *layers: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Return the parameters of each layer by kanseq's names, in the layer's own layout; only those that both learn."""
    return {
        name: [layer.get_parameter(name if isinstance(layer, KANLinear) else peer_name) for layer in layers]
        for name, peer_name in NAMES[peer].items()
        if not (case == NO_NORM and name.startswith("norm"))
    }


def in_kanseq_layout(tensor: Tensor, peer: str, like: Tensor) -> Tensor:
    """Convert a peer's tensor to kanseq's layout: pykan has inputs first, FastKAN merges inputs and functions."""
    return (tensor.transpose(0, 1) if peer == "pykan" else tensor).reshape(like.shape)


def places(peer: str, case: str) -> Tensor:
    """Return knots, or FastKAN's centres, in float64."""
    if peer == "fastkan":
        return torch.linspace(-2, 2, 8, dtype=torch.float64)
    if case != UNEVEN:
        return torch.arange(-3, 9, dtype=torch.float64) * 0.4 - 1
    knots = (torch.rand(FEATURES[peer][0], 12) + 0.2).cumsum(1)
    first, last = knots[:, :1], knots[:, -1:]
    return (4.4 * (knots - first) / (last - first) - 2.2).double()


def samples(case: str, rows: int, inputs: int) -> Tensor:
    """Draw inputs: standard normal, far outside the grid, or with every second row constant."""
    x = torch.randn(rows, inputs)
    if case == "all × 50":
        x *= 50
    elif case == "one per row × 1000":
        x[torch.arange(rows), torch.arange(rows) % inputs] *= 1000
    elif case == "constant rows":
        x[::2] = x[::2, :1]
    return x


@torch.no_grad()
def prepared(layer: nn.Module, precision: str, knots: Tensor, device: str) -> nn.Module:
    """Return a copy of a layer in a precision, with knots that were not rounded to another precision before."""
    layer = copy.deepcopy(layer).to(device)
    if precision == "float64":
        layer = layer.double()
    else:
        set_precision(layer, precision)
    if isinstance(layer, BSplineLinear):
        layer.set_grid(knots)
    elif not isinstance(layer, RBFLinear):
        getattr(layer, "rbf", layer).grid.copy_(knots)
    return layer


def tensors(
    layer: nn.Module, parameters: dict[str, list[nn.Parameter]], peer: str, x: Tensor, g: Tensor
) -> dict[str, Tensor]:
    """Return the output and every gradient, in kanseq's layout."""
    x = x.clone().requires_grad_()
    y = layer(x)
    # pykan also returns its values for plots.
    y = y[0] if isinstance(y, tuple) else y
    by_x, *others = torch.autograd.grad(y, [x, *(own for _, own in parameters.values())], g.to(y.dtype))
    if not isinstance(layer, KANLinear):
        likes = [like for like, _ in parameters.values()]
        others = [in_kanseq_layout(other, peer, like) for other, like in zip(others, likes, strict=True)]
    return {"output": y.detach(), "input": by_x, **dict(zip(parameters, others, strict=True))}


def show_errors(rows: list[Row]) -> None:
    """Print a table per peer, with a column per layer and precision."""
    for peer in dict.fromkeys(row["peer"] for row in rows):
        table = Table(
            title=f"largest error / largest value, against {peer} in float64, worst of the seeds", title_justify="left"
        )
        here = [row for row in rows if row["peer"] == peer]
        found = {(row["case"], row["tensor"], row["layer"], row["precision"]): row["error"] for row in here}
        columns = list(dict.fromkeys(key[2:] for key in found))
        table.add_column("inputs or layer", no_wrap=True)
        table.add_column("output, or\ngradient by", no_wrap=True)
        for column in columns:
            table.add_column("\n".join(column), justify="right")
        for case, tensor in dict.fromkeys(key[:2] for key in found):
            table.add_row(case, tensor, *(f"{found[(case, tensor, *column)]:.1e}" for column in columns))
        wide_console().print(table)


def main() -> None:
    """Run the comparison, print its tables, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_peers(parser)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    found = in_fresh_processes(errors, [1], peer_paths(options), options.device, options.seeds, options.rows)
    show_errors(found)
    write(options.json, {"accuracy": found, "environment": environment(options.device)})


if __name__ == "__main__":
    main()
