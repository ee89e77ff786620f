"""Train models in separate processes, several in parallel, each with a log file.

In: specifications of training runs. Out: finished runs, or an error that names the first run that failed.
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
    """The hardware for training.

    Attributes:
        jobs: number of training processes that run in parallel.
        threads: processor threads per process; 0 for the default of torch.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: precision of the products of spline layers; None for each model's default.
    """

    jobs: int = 1
    threads: int = 0
    device: str = "auto"
    precision: str | None = None


class Job(NamedTuple):
    """A training run to be executed in a separate process.

    Attributes:
        title: name of the training run in messages.
        spec: specification of the training run.
        log: file to which the output of the process is appended.
    """

    title: str
    spec: TrainSpec
    log: Path


def work_off(jobs: Sequence[Job], *, at_once: int, threads: int) -> None:
    """Run all jobs. If a job fails, the others continue. On an interrupt, stop all jobs and wait until they end.

    Args:
        jobs: the jobs, in the order in which they start.
        at_once: number of jobs that run in parallel.
        threads: processor threads per job.

    Raises:
        JobsFailed: some jobs failed; the message shows the first failed job, its reason, and the number of other failed
            jobs.
        KeyboardInterrupt: the user interrupted the jobs; the next call resumes them.
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
    """Run jobs as processes from several threads, count finished jobs, and collect failures."""

    def __init__(self, threads: int, count: int) -> None:
        # A cluster launcher may have set a rank for this process; its jobs must not inherit it.
        self.environment = {name: value for name, value in os.environ.items() if name not in LAUNCH_VARIABLES}
        self.environment |= {"OMP_NUM_THREADS": str(threads)} if threads else {}
        self.stopping, self.lock, self.count, self.done = Event(), Lock(), count, 0
        self.running: set[subprocess.Popen[bytes]] = set()
        self.failed: list[tuple[str, str, Path]] = []

    def do(self, job: Job) -> None:
        """Run one job in a new process, wait until it ends, and record whether it failed."""
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
        """Terminate the running jobs, and do not start any others."""
        with self.lock:
            self.stopping.set()
            for process in self.running:
                process.terminate()


def _ended(code: int) -> str:
    """Describe how a process without a report ended, from its exit code."""
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
