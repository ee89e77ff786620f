"""Several processes that train one network: each takes a share of every batch, and all follow the same gradient.

In: what torchrun tells each process. Out: shares of batches, sums over processes, and the whole team's start and end.

The global batch is what it is for one process: gradients are those of its mean loss, so that losses are equal to
rounding whatever the number of processes. What looks at a whole batch is not: a BatchNorm normalises each share
by itself on processors, and all shares together on GPUs (SyncBatchNorm).
"""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from operator import itemgetter
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, distributed, nn

from kanseq import errors
from kanseq.errors import BadOption, KanseqError, RankFailed
from kanseq.specification.training import TrainSpec
from kanseq.training.worker import DISTRIBUTED, ERROR, INTERRUPTED, Report, arguments_for, read_reports

logger = logging.getLogger(__name__)

EXIT_CODES = "exit_codes.json"
"""File in which :mod:`kanseq.training.launcher` writes how processes ended: rank -> exit code."""

_NO_MEMORY = ("MemoryError", "OutOfMemoryError")
"""Python's exception, and torch's."""

PATIENCE = timedelta(days=2)
"""How long processes wait for each other: the first one also scores, and trains the plain model."""


@dataclass
class Team:
    """The processes of one training; a process alone is a team, too.

    Attributes:
        rank: this process's number, from 0.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1
    _asks: Callable[[], bool] | None = field(default=None, init=False, repr=False, compare=False)
    _agreed: bool | None = field(default=None, init=False, repr=False, compare=False)

    def watch(self, asks: Callable[[], bool]) -> None:
        """Take what says whether this process was asked to stop, so that :meth:`add_up` can tell the others."""
        # A process alone tells nobody; and ALONE is one object for all threads.
        if self.size > 1:
            self._asks, self._agreed = asks, None

    def share(self, rows: np.ndarray) -> np.ndarray:
        """Take this process's share of a batch's rows."""
        return np.array_split(rows, self.size)[self.rank]

    def seed(self, seed: int, epoch: int, step: int) -> None:
        """Draw dropout anew for a batch, in each process its own; a process alone goes on with what it has."""
        if self.size > 1:
            torch.manual_seed(int(np.random.default_rng([seed, epoch, step, self.rank]).integers(2**63)))

    def ready(self, network: nn.Module) -> nn.Module:
        """Prepare a network for training in shares."""
        norms = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
        if self.size == 1 or not norms:
            return network
        if next(network.parameters()).device.type == "cuda":
            return nn.SyncBatchNorm.convert_sync_batchnorm(network)
        logger.warning("each of %d processes normalises its own share of a batch (BatchNorm)", self.size)
        return network

    @staticmethod
    def normalises_together(network: nn.Module) -> bool:
        """Whether a forward pass waits for those of all other processes."""
        return any(isinstance(layer, nn.SyncBatchNorm) for layer in network.modules())

    def add_up(self, network: nn.Module, loss: Tensor) -> Tensor:
        """Sum all processes' gradients in place, and return the sum of their losses.

        The same collective tells all processes whether one was asked to stop; :meth:`any` then needs none of its own.
        """
        if self.size == 1:
            return loss
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in parameters]
        asked = loss.new_tensor([float(self._asks is not None and self._asks())])
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), loss.detach().view(1), asked])
        distributed.all_reduce(flat)
        for gradient, summed in zip(gradients, flat[:-2].split([each.numel() for each in gradients]), strict=True):
            gradient.copy_(summed.view_as(gradient))
        self._agreed = None if self._asks is None else bool(flat[-1] > 0)
        return flat[-2]

    def any(self, asked: bool, device: torch.device) -> bool:
        """Whether any process was asked to stop, after a step; all processes call this together.

        Args:
            asked: whether this one was; passed over where the step's :meth:`add_up` has told the others.
            device: of the tensor that is exchanged where it has not.
        """
        if self.size == 1:
            return asked
        agreed, self._agreed = self._agreed, None
        if agreed is None:
            flag = torch.full((1,), float(asked), device=device)
            distributed.all_reduce(flag)
            agreed = bool(flag > 0)
        return agreed


ALONE = Team()


def is_member() -> bool:
    """Whether torchrun has started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and distributed.is_torchelastic_launched()


@contextmanager
def joined(output: Path, device: str) -> Iterator[tuple[Team, Path, str]]:
    """Meet the other processes, if there are any; hands out the team, where to write, and the device.

    Only the first process writes into ``output``. The others go the same way in a copy that is thrown away, so that all
    find the same folds finished and the same states.
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
            # Nobody leaves while another one may still have something to say.
            distributed.barrier()
        finally:
            distributed.destroy_process_group()


def launch(spec: TrainSpec) -> bool:
    """Train in ``spec.devices`` processes on this node, by torchrun; returns when all have ended.

    Returns whether the first of all nodes' processes, the one that has written the run, was one of them.

    Raises:
        BadOption: inputs are no files, or several nodes have no place to meet.
        RankFailed: a process ended with an error.
        KeyboardInterrupt: they were asked to stop, and have written their state.
    """
    devices, nodes, rendezvous = spec.devices, spec.nodes, spec.rendezvous
    if nodes > 1 and rendezvous is None:
        raise BadOption("several nodes need a place to meet", hint="give --rendezvous HOST:PORT of one of them to all")
    meeting = ["--standalone"] if nodes == 1 else [f"--nnodes={nodes}", "--rdzv-backend=c10d"]
    meeting += [] if rendezvous is None or nodes == 1 else [f"--rdzv-endpoint={rendezvous}", "--rdzv-id=kanseq"]
    with tempfile.TemporaryDirectory() as folder:
        each = replace(spec, devices=1, nodes=1, rendezvous=None, baseline=False)
        worker = arguments_for(each, Path(folder))
        command = [sys.executable, "-m", "kanseq.training.launcher", folder, *meeting, f"--nproc-per-node={devices}"]
        command += ["-m", "kanseq.training.worker", *worker]
        environment = {**os.environ, "OMP_NUM_THREADS": str(spec.threads)}
        code = _wait(subprocess.Popen(command, env=environment))
        reports = read_reports(Path(folder))
        if code:
            raise _failure(reports, _killed_by(Path(folder) / EXIT_CODES), code)
        return 0 in reports


def _wait(process: subprocess.Popen) -> int:
    """Wait for the end; an interrupt is passed on, and its end awaited."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def _killed_by(path: Path) -> int | None:
    """Return the number of the signal that ended a process, unless that was a request to stop."""
    codes = json.loads(path.read_text(encoding="utf-8")).values() if path.exists() else ()
    signals = [-code for code in codes if code < 0 and -code not in (signal.SIGINT, signal.SIGTERM)]
    # NCCL aborts a process whose connection to a killed one failed.
    return min(signals, key=lambda number: number == signal.SIGABRT, default=None)


def _failure(reports: Mapping[int, Report], killed: int | None, code: int) -> BaseException:
    """Say why processes ended. When one of them fails, torchrun asks the others to stop, and they report that."""
    reasons = [(_remoteness(report), report.error) for report in reports.values() if report.status == ERROR]
    if killed is not None:
        reasons.append((2 if killed == signal.SIGABRT else 0, f"killed by signal {killed}"))
    if not reasons and any(report.status == INTERRUPTED for report in reports.values()):
        return KeyboardInterrupt()
    _, reason = min(reasons, key=itemgetter(0), default=(0, f"code {code}"))
    return RankFailed(
        f"a process of the training ended: {reason}", hint="run the command again: it goes on from the last state"
    )


def _remoteness(report: Report) -> int:
    """Return how far a report may be from the cause: 1 bad input or no memory, 3 a fault, 4 a lost connection.

    Signals are 0 and 2. When a process ends, however it does, the others lose their connection to it.
    """
    known = getattr(errors, report.kind, None)
    if report.kind in _NO_MEMORY or (isinstance(known, type) and issubclass(known, KanseqError)):
        return 1
    return 4 if report.kind == DISTRIBUTED else 3
