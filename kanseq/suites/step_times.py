"""Measure the time of training steps of several networks in turn, so that other processes affect all networks equally.

In: architectures with their hyper-parameters. Out: the median time per step of each network.
"""

import time
from collections.abc import Sequence
from statistics import median

import torch
from torch.nn import functional

from kanseq.models.architecture import Architecture
from kanseq.models.config import Config
from kanseq.nn.precision import resolve_precision, set_precision
from kanseq.training.settings import choose_device, processor


def step_times(
    networks: Sequence[tuple[Architecture, Config]],
    *,
    batch_size: int = 32,
    rounds: int = 7,
    threads: int = 0,
    device: str = "auto",
    precision: str | None = None,
    seed: int = 0,
) -> list[float]:
    """Time the forward pass, backward pass and AdamW update on random sequences, in rounds over all networks.

    Args:
        networks: architecture and hyper-parameters of each network; the loss is a cross-entropy.
        batch_size: number of sequences per step.
        rounds: number of timed steps per network, after one untimed step.
        threads, device, precision, seed: as for ``kanseq train``.

    Returns:
        For each network, the median over rounds of the seconds per step.
    """
    device = choose_device(device)
    with processor(threads, seed):
        steps = [_Step(kind, config, batch_size, device, precision or "auto") for kind, config in networks]
        times = [[step.run() for step in steps] for _ in range(1 + rounds)][1:]
    return [median(each) for each in zip(*times, strict=True)]


class _Step:
    """A network with an optimiser and a batch of random sequences, for timing training steps."""

    def __init__(self, kind: Architecture, config: Config, batch_size: int, device: str, precision: str) -> None:
        self.network = kind.build(config).to(device).train()  # type: ignore[union-attr]
        set_precision(self.network, resolve_precision(precision, device))
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-4)
        self.codes = torch.randint(0, 4, (batch_size, config.geometry.columns), dtype=torch.uint8, device=device)
        self.targets = torch.randint(0, 2, (batch_size,), device=device)

    def run(self) -> float:
        """Run one training step, and return its time in seconds."""
        start = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        outputs = self.network(self.codes)
        wide = outputs if outputs.shape[1] > 1 else functional.pad(outputs, (1, 0))
        functional.cross_entropy(wide, self.targets).backward()
        self.optimizer.step()
        if self.codes.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start
