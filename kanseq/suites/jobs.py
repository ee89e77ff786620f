"""Trainings as processes of their own, several at a time; what one of them says does not get lost.

In: specifications of trainings. Out: they are done, or an error names those that failed.
"""

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock
from typing import NamedTuple

from kanseq.errors import JobsFailed
from kanseq.io.files import disk_errors
from kanseq.specification.training import TrainSpec
from kanseq.training.processes.worker_reports import LAUNCH_VARIABLES, arguments_for, read_reports

logger = logging.getLogger(__name__)


class Machine(NamedTuple):
    """Where trainings run.

    Attributes:
        jobs: how many run at once.
        threads: processor threads of each; 0 for as many as torch finds.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: of the products of spline layers; None for each model's own.
    """

    jobs: int = 1
    threads: int = 0
    device: str = "auto"
    precision: str | None = None


class Job(NamedTuple):
    """A training in a process of its own.

    Attributes:
        title: what it is called.
        spec: what is trained.
        log: the file that takes what it says.
    """

    title: str
    spec: TrainSpec
    log: Path


def work_off(jobs: Sequence[Job], *, at_once: int, threads: int) -> None:
    """Run all jobs; one that fails does not stop the others. An interrupt asks all of them to stop, and waits.

    Args:
        jobs: the jobs, in the order in which they begin.
        at_once: how many run beside each other.
        threads: processor threads of each.

    Raises:
        JobsFailed: some failed; the message says which, and why the first did.
        KeyboardInterrupt: it was asked to stop; what is trained goes on when it is called again.
    """
    crew = _Crew(threads, len(jobs))
    with ThreadPoolExecutor(max(1, at_once)) as pool:
        futures = [pool.submit(crew.do, job) for job in jobs]
        try:
            for future in futures:
                future.result()
        except BaseException:
            crew.stop()
            raise
    if crew.failed:
        title, reason, log = crew.failed[0]
        others = f", and so did {len(crew.failed) - 1} more" if len(crew.failed) > 1 else ""
        raise JobsFailed(f"{title} failed{others} ({reason})", where=log, hint="mend it and run the command again")


class _Crew:
    """The processes at work."""

    def __init__(self, threads: int, count: int) -> None:
        # A cluster's launcher may have told this process a rank; its jobs are no ranks.
        self.environment = {name: value for name, value in os.environ.items() if name not in LAUNCH_VARIABLES}
        self.environment |= {"OMP_NUM_THREADS": str(threads)} if threads else {}
        self.stopping, self.lock, self.count, self.done = Event(), Lock(), count, 0
        self.running: set[subprocess.Popen[bytes]] = set()
        self.failed: list[tuple[str, str, Path]] = []

    def do(self, job: Job) -> None:
        """Run one job to its end."""
        if self.stopping.is_set():
            return
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "kanseq.verbs.modelling.worker", *arguments_for(job.spec, Path(folder))]
            with disk_errors(job.log), open(job.log, "ab") as log:
                with self.lock:
                    if self.stopping.is_set():
                        return
                    process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
                    self.running.add(process)
                code = process.wait()
            report = read_reports(Path(folder)).get(0)
        with self.lock:
            self.running.discard(process)
            self.done += 1
            if self.stopping.is_set():
                return
            if code:
                # A process that was killed has left no report.
                reason = (report and (report.error or report.status)) or _ended(code)
                self.failed.append((job.title, reason, job.log))
            said = "failed" if code else "done"
            logger.info("%s: %s (%d of %d)", job.title, said, self.done, self.count)

    def stop(self) -> None:
        """Ask what runs to stop, and let nothing begin."""
        with self.lock:
            self.stopping.set()
            for process in self.running:
                process.terminate()


def _ended(code: int) -> str:
    """Say how a process ended that left no report."""
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
