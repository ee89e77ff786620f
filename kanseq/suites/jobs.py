"""Trainings in separate processes, several in parallel, each with a log file.

In: specifications of trainings. Out: finished trainings, or an error that names those that failed.
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
    """The hardware for trainings.

    Attributes:
        jobs: number of parallel trainings.
        threads: processor threads of each; 0 for as many as torch finds.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: precision of the products of spline layers; None for each model's default.
    """

    jobs: int = 1
    threads: int = 0
    device: str = "auto"
    precision: str | None = None


class Job(NamedTuple):
    """A training in a separate process.

    Attributes:
        title: its name in messages.
        spec: the training.
        log: file for its output.
    """

    title: str
    spec: TrainSpec
    log: Path


def work_off(jobs: Sequence[Job], *, at_once: int, threads: int) -> None:
    """Run all jobs; a failure does not stop the others. On an interrupt, stop all jobs and wait for them.

    Args:
        jobs: the jobs, in the order in which they start.
        at_once: number of jobs in parallel.
        threads: processor threads of each.

    Raises:
        JobsFailed: some failed; the message names the first with its reason, and the number of others.
        KeyboardInterrupt: it was interrupted; the trainings resume in the next call.
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
        raise JobsFailed(f"{title} failed{others} ({reason})", where=log, hint="fix it and run the command again")


class _Crew:
    """The running processes."""

    def __init__(self, threads: int, count: int) -> None:
        # A cluster launcher may have set a rank for this process; its jobs must not inherit it.
        self.environment = {name: value for name, value in os.environ.items() if name not in LAUNCH_VARIABLES}
        self.environment |= {"OMP_NUM_THREADS": str(threads)} if threads else {}
        self.stopping, self.lock, self.count, self.done = Event(), Lock(), count, 0
        self.running: set[subprocess.Popen[bytes]] = set()
        self.failed: list[tuple[str, str, Path]] = []

    def do(self, job: Job) -> None:
        """Run one job until it ends."""
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
                # A killed process leaves no report.
                reason = (report and (report.error or report.status)) or _ended(code)
                self.failed.append((job.title, reason, job.log))
            outcome = "failed" if code else "done"
            logger.info("%s: %s (%d of %d)", job.title, outcome, self.done, self.count)

    def stop(self) -> None:
        """Terminate running jobs, and start no others."""
        with self.lock:
            self.stopping.set()
            for process in self.running:
                process.terminate()


def _ended(code: int) -> str:
    """Describe the end of a process that left no report."""
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
