"""Start the processes that train one network together, on one or several nodes, and wait until they have ended.

In: a specification. Out: the run folder that the first process wrote, or the error that most likely caused a failure.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

from kanseq import errors
from kanseq.errors import BadOption, KanseqError, RankFailed
from kanseq.specification.training import TrainSpec
from kanseq.training.processes.worker_reports import (
    DISTRIBUTED,
    ERROR,
    EXIT_CODES,
    INTERRUPTED,
    Report,
    arguments_for,
    read_reports,
)

_NO_MEMORY = ("MemoryError", "OutOfMemoryError")
"""Names of the exceptions that Python and torch raise if there is too little memory."""


def launch(spec: TrainSpec) -> bool:
    """Train in ``spec.devices`` processes on this node with torchrun, and wait until all have ended.

    Returns:
        Whether the process that wrote the run folder (rank 0 of all nodes) ran on this node.

    Raises:
        BadOption: an input is an object in memory, not a file; or there are several nodes but no rendezvous address.
        RankFailed: a process ended with an error.
        KeyboardInterrupt: the processes were asked to stop. They have written a checkpoint.
    """
    devices, nodes, rendezvous = spec.devices, spec.nodes, spec.rendezvous
    if nodes > 1 and rendezvous is None:
        raise BadOption("several nodes need a common address", hint="use --rendezvous HOST:PORT, the same on all")
    meeting = ["--standalone"] if nodes == 1 else [f"--nnodes={nodes}", "--rdzv-backend=c10d"]
    meeting += [] if rendezvous is None or nodes == 1 else [f"--rdzv-endpoint={rendezvous}", "--rdzv-id=kanseq"]
    with tempfile.TemporaryDirectory() as folder:
        each = replace(spec, devices=1, nodes=1, rendezvous=None, baseline=False)
        worker = arguments_for(each, Path(folder))
        command = [
            sys.executable,
            "-m",
            "kanseq.training.processes.quiet_torchrun",
            folder,
            *meeting,
            f"--nproc-per-node={devices}",
        ]
        command += ["-m", "kanseq.verbs.modelling.worker", *worker]
        environment = {**os.environ, "OMP_NUM_THREADS": str(spec.threads)}
        code = _wait(subprocess.Popen(command, env=environment))
        reports = read_reports(Path(folder))
        if code:
            raise _failure(reports, _killed_by(Path(folder) / EXIT_CODES), code)
        return 0 in reports


def _wait(process: subprocess.Popen) -> int:
    """Wait for a process and return its exit code; on KeyboardInterrupt, terminate it and wait until it has ended."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def _killed_by(path: Path) -> int | None:
    """Read a file of exit codes, and return the signal that killed a process; None if no process was killed.

    SIGINT and SIGTERM are ignored, because they only request a stop.
    """
    codes = json.loads(path.read_text(encoding="utf-8")).values() if path.exists() else ()
    signals = [-code for code in codes if code < 0 and -code not in (signal.SIGINT, signal.SIGTERM)]
    # If a process is killed, NCCL aborts the processes that were connected to it.
    return min(signals, key=lambda number: number == signal.SIGABRT, default=None)


def _failure(reports: Mapping[int, Report], killed: int | None, code: int) -> BaseException:
    """Return the exception to raise after a failure, with the error of the process that most likely caused it.

    When a process fails, torchrun asks the others to stop, and these report that they were interrupted. A
    KeyboardInterrupt is returned only if no process failed.

    Args:
        reports: the reports by rank.
        killed: the signal that killed a process, or None.
        code: exit code of torchrun, for the message if there is no other reason.
    """
    reasons = [(_remoteness(report), report.error) for report in reports.values() if report.status == ERROR]
    if killed is not None:
        reasons.append((2 if killed == signal.SIGABRT else 0, f"killed by signal {killed}"))
    if not reasons and any(report.status == INTERRUPTED for report in reports.values()):
        return KeyboardInterrupt()
    _, reason = min(reasons, key=itemgetter(0), default=(0, f"code {code}"))
    return RankFailed(
        f"a training process ended: {reason}", hint="run the command again: it continues from the last state"
    )


def _remoteness(report: Report) -> int:
    """Return a number by which to order error reports; the lowest one is most likely the cause of a failure.

    The number is 1 for bad input or too little memory, 3 for a bug, and 4 for a lost connection (whenever a process
    ends, the others lose their connection to it). The caller uses 0 and 2 for signals.
    """
    known = getattr(errors, report.kind, None)
    if report.kind in _NO_MEMORY or (isinstance(known, type) and issubclass(known, KanseqError)):
        return 1
    return 4 if report.kind == DISTRIBUTED else 3
