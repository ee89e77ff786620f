"""Measure time and memory of a complete training step of each network, at batch 64 on windows of 3,020 columns.

    python benchmarks/train_step.py --threads 1,2 --fastkan fast-kan --json steps.json

A step clears the gradients, runs the forward pass to the cross-entropy and the backward pass, computes the gradient's
norm, and runs the optimiser of `kanseq train`. `fastkan-mixer` is a straightforward implementation of `kan-mixer` on
the layers of a clone of github.com/ZiyaoLi/fast-kan. In bfloat16 kanseq's layers round the operands of their products,
and `deepcre` and `fastkan-mixer` run under autocast. `--compile` adds `kan-mixer` under `torch.compile`.
"""

import argparse
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from peers import Contender, Row, environment, in_fresh_processes, measure, numbers, peer_layer, say, show, write
from torch import Tensor, nn

from kanseq.geometry import TOKEN, Geometry
from kanseq.models.network import SequenceNetwork, pad_to_tokens
from kanseq.models.registry import architecture, make_config
from kanseq.nn import PRECISIONS, set_precision
from kanseq.tasks.task import Task
from kanseq.training.settings import Settings, make_optimizer

BATCH = 64
NETWORKS = ("kan-mixer", "kan-mixer-compiled", "fastkan-mixer", "deepcre", "kan")


def build(name: str, fastkan: Callable[..., nn.Module] | None) -> tuple[SequenceNetwork, Task]:
    """Return a network with its default configuration, and its task."""
    torch.manual_seed(0)
    if name == "fastkan-mixer":
        return PlainMixer(fastkan), Task(outputs=2)
    own = name.removesuffix("-compiled")
    config = make_config(own, Geometry())
    return architecture(own).build(config), Task(outputs=config.outputs)


class PlainMixer(SequenceNetwork):
    """The default `kan-mixer` on any layer class, without optimisations for speed."""

    def __init__(self, layer: Callable[..., nn.Module]) -> None:
        super().__init__(Geometry())
        self.stem = nn.Conv1d(4, 128, TOKEN, stride=TOKEN)
        self.token = layer(self.geometry.tokens, self.geometry.tokens)
        self.channel = layer(128, 128)
        self.head = nn.Linear(128, 2)

    def forward_encoded(self, x: Tensor) -> Tensor:
        h = self.stem(pad_to_tokens(x))
        h = (h + self.token(h)).transpose(1, 2)
        h = h + self.channel(h)
        return self.head(h.mean(dim=1))


def contender(
    name: str, precision: str, batch: int, device: str, fastkan: Callable[..., nn.Module] | None
) -> Contender:
    """Return the contender for a network, with a random batch."""
    network, task = build(name, fastkan)
    network.to(device).train()
    half = precision == "bfloat16"
    if name == "fastkan-mixer":
        context = torch.autocast(device, torch.bfloat16) if half else nullcontext()
    else:
        set_precision(network, precision)
        context = nullcontext()
    forward = torch.compile(network) if name == "kan-mixer-compiled" else network
    optimizer = make_optimizer(network, Settings(), 1)
    # Codes of the four bases and of unknown bases.
    codes = torch.randint(0, 100, (batch, network.geometry.columns), device=device).remainder(5).to(torch.uint8)
    targets = torch.randint(0, 2, (batch,), device=device)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with context:
            outputs = forward(codes)
        task.loss(outputs, targets).backward()
        nn.utils.get_total_norm([each.grad for each in network.parameters() if each.grad is not None])
        optimizer.step()

    return Contender(name, precision, step, [each for each in network.parameters() if each.requires_grad])


def job(threads: int, options: argparse.Namespace) -> list[Row]:
    """Measure all networks with one number of threads."""
    torch.set_num_threads(threads)
    fastkan = peer_layer("fastkan", options.fastkan)
    names = [name for name in NETWORKS if name != "fastkan-mixer" or fastkan is not None]
    found = []
    for precision in PRECISIONS:
        for name in names if options.compile else [name for name in names if name != "kan-mixer-compiled"]:
            made = contender(name, precision, options.batch, options.device, fastkan)
            try:
                made.step()
            except RuntimeError as error:
                if name != "kan-mixer-compiled":
                    raise
                say(f"{name} {precision}: not measured, {str(error).splitlines()[0]}")
                continue
            found.append(made)
    shape = f"{options.batch}x{Geometry().columns}"
    return measure(found, options.rounds, shape=shape, threads=threads, device=options.device)


def main() -> None:
    """Run the measurements, print their tables, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--fastkan", type=Path)
    parser.add_argument("--compile", action="store_true", help="add kan-mixer under torch.compile")
    parser.add_argument("--threads", type=numbers, default="1", help="one number, or several: 1,2")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows = in_fresh_processes(job, options.threads, options)
    show(rows, ("fastkan-mixer", "float32"), "deepcre")
    write(options.json, {"rows": rows, "environment": environment(options.device)})


if __name__ == "__main__":
    main()
