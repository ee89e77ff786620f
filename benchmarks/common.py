"""Shared by the benchmarks: the folder of the real data, and time and peak memory of a complete process."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

KANSEQ = [sys.executable, "-m", "kanseq"]


class Measured(NamedTuple):
    """One finished process."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def data_folder() -> Path:
    """Find the real genomes: ``$KANSEQ_DATA``, or the folder ``shared/data`` next to the checkout."""
    folder = Path(os.environ.get("KANSEQ_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not (folder / "arabidopsis-chr1").is_dir():
        sys.exit(
            f"{folder} has no folder arabidopsis-chr1: set KANSEQ_DATA to a folder with genome.fa.gz, genes.gtf.gz and "
            "leaf_tpm.csv.gz of Arabidopsis chromosome 1 under arabidopsis-chr1/ and the same of yeast under yeast/"
        )
    return folder


def run(command: Sequence[str | Path], shell: bool = False) -> Measured:
    """Run a command; return its times, and the peak memory of its largest process, from the operating system."""
    # os.wait4 accounts for one child; RUSAGE_CHILDREN would report the largest of all children so far.
    start = time.perf_counter()
    process = subprocess.Popen(
        command if not shell else str(command[0]), shell=shell, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    errors = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(map(str, command))}\n{errors.decode()}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, _megabytes(usage))


def _megabytes(usage: resource.struct_rusage) -> float:
    """Return peak resident memory in MB; Linux counts in kB, macOS in bytes."""
    return usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def medians(runs: Sequence[Measured]) -> Measured:
    """Return the median of every number."""
    return Measured(*(median(figure) for figure in zip(*runs, strict=True)))
