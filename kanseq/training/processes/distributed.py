"""Data-parallel training: each process computes a share of every batch, and all processes apply the same gradient.

In: environment variables of torchrun. Out: a process's share of a batch, sums of gradients over all processes.

Batches and gradients are the same as in a single process, so losses differ only by rounding. The exception is
BatchNorm: on CPUs it normalises each share separately; on GPUs it normalises all shares together (SyncBatchNorm).
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, distributed, nn

logger = logging.getLogger(__name__)

PATIENCE = timedelta(days=2)
"""Maximum time that processes wait for each other, for example while the first one scores or trains the baseline."""


@dataclass
class Team:
    """The processes that train a network together. A single process is a team of size 1.

    Attributes:
        rank: number of this process, from 0.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1
    _asks: Callable[[], bool] | None = field(default=None, init=False, repr=False, compare=False)
    _agreed: bool | None = field(default=None, init=False, repr=False, compare=False)

    def watch(self, asks: Callable[[], bool]) -> None:
        """Set the function that returns whether this process was asked to stop; :meth:`add_up` calls it every step."""
        # A single process has no others to inform, and its team ALONE must not change: all threads share it.
        if self.size > 1:
            self._asks, self._agreed = asks, None

    def share(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows of a batch that this process computes."""
        return np.array_split(rows, self.size)[self.rank]

    def seed(self, seed: int, epoch: int, step: int) -> None:
        """Seed torch for the dropout of a batch, differently in each process; do nothing in a single process."""
        if self.size > 1:
            torch.manual_seed(int(np.random.default_rng([seed, epoch, step, self.rank]).integers(2**63)))

    def ready(self, network: nn.Module) -> nn.Module:
        """Return the network to train; for several processes on GPUs, BatchNorm is replaced by SyncBatchNorm."""
        norms = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
        if self.size == 1 or not norms:
            return network
        if next(network.parameters()).device.type == "cuda":
            return nn.SyncBatchNorm.convert_sync_batchnorm(network)
        logger.warning("each of %d processes normalises its own share of a batch (BatchNorm)", self.size)
        return network

    @staticmethod
    def normalises_together(network: nn.Module) -> bool:
        """Return whether a forward pass must wait for the forward passes of all other processes (SyncBatchNorm)."""
        return any(isinstance(layer, nn.SyncBatchNorm) for layer in network.modules())

    def add_up(self, network: nn.Module, loss: Tensor) -> Tensor:
        """Replace the network's gradients by their sums over all processes, and return the sum of all losses.

        The same collective operation also finds out, for :meth:`any`, whether any process was asked to stop.
        """
        if self.size == 1:
            return loss
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in parameters]
        stop_request = loss.new_tensor([float(self._asks is not None and self._asks())])
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), loss.detach().view(1), stop_request])
        distributed.all_reduce(flat)
        for gradient, summed in zip(gradients, flat[:-2].split([each.numel() for each in gradients]), strict=True):
            gradient.copy_(summed.view_as(gradient))
        self._agreed = None if self._asks is None else bool(flat[-1] > 0)
        return flat[-2]

    def any(self, requested: bool, device: torch.device) -> bool:
        """Return whether any process was asked to stop. All processes must call this after the same step.

        Args:
            requested: whether this process was asked to stop; ignored if :meth:`add_up` already exchanged this.
            device: device for the exchange, if :meth:`add_up` has not done it.
        """
        if self.size == 1:
            return requested
        agreed, self._agreed = self._agreed, None
        if agreed is None:
            flag = torch.full((1,), float(requested), device=device)
            distributed.all_reduce(flag)
            agreed = bool(flag > 0)
        return agreed


ALONE = Team()


def is_member() -> bool:
    """Return whether torchrun started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and distributed.is_torchelastic_launched()


@contextmanager
def join_team(output: Path, device: str) -> Iterator[tuple[Team, Path, str]]:
    """Connect to the other processes that torchrun started, if any; yield the team, an output folder, and the device.

    Only the first process writes to ``output``. Every other process gets a temporary copy of it, so that all
    processes find the same finished folds and checkpoints. The device ``cuda`` is replaced by the process's GPU.
    """
    if not is_member():
        yield ALONE, output, device
        return
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=PATIENCE)
    with tempfile.TemporaryDirectory() as spare:
        place = output
        if rank:
            logging.getLogger("kanseq").setLevel(logging.ERROR)
            place = Path(spare) / output.name
            if output.exists():
                shutil.copytree(output, place, ignore=shutil.ignore_patterns("lock", ".*.part.*"))
        distributed.barrier()
        try:
            yield Team(rank, size), place, device
            # No process may leave while another one still communicates.
            distributed.barrier()
        finally:
            distributed.destroy_process_group()
