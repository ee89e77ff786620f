"""Trainings as processes of their own, several at a time; what one of them says does not get lost.

In: command lines of ``kanseq``. Out: they are done, or an error names those that failed.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock
from typing import NamedTuple

from kanseq.errors import JobsFailed
from kanseq.files import disk_errors

logger = logging.getLogger(__name__)

PREFIX = "kanseq: "
"""What stands before the one line by which a process says why it failed."""


class Job(NamedTuple):
    """A process.

    Attributes:
        title: what it is called.
        arguments: of ``kanseq``.
        log: the file that takes what it says.
    """

    title: str
    arguments: Sequence[str]
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
        raise JobsFailed(f"{title} failed{others} ({reason})", where=log, mend="mend it and run the command again")


class _Crew:
    """The processes at work."""

    def __init__(self, threads: int, count: int) -> None:
        self.environment = {**os.environ, "OMP_NUM_THREADS": str(threads)} if threads else dict(os.environ)
        self.stopping, self.lock, self.count, self.done = Event(), Lock(), count, 0
        self.running: set[subprocess.Popen[bytes]] = set()
        self.failed: list[tuple[str, str, Path]] = []

    def do(self, job: Job) -> None:
        """Run one job to its end."""
        if self.stopping.is_set():
            return
        with disk_errors(job.log), open(job.log, "ab") as log:
            with self.lock:
                if self.stopping.is_set():
                    return
                command = [sys.executable, "-m", "kanseq", *job.arguments]
                process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
                self.running.add(process)
            code = process.wait()
        with self.lock:
            self.running.discard(process)
            self.done += 1
            if self.stopping.is_set():
                return
            if code:
                self.failed.append((job.title, _reason(job.log, code), job.log))
            said = "failed" if code else "done"
            logger.info("%s: %s (%d of %d)", job.title, said, self.done, self.count)

    def stop(self) -> None:
        """Ask what runs to stop, and let nothing begin."""
        with self.lock:
            self.stopping.set()
            for process in self.running:
                process.terminate()


def _reason(log: Path, code: int) -> str:
    """Find the line by which a process said why it failed."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = [line.removeprefix(PREFIX) for line in lines if line.startswith(PREFIX)]
    return said[-1] if said else lines[-1] if lines else f"exit code {code}"
