"""Communication with worker processes by files in a folder: the specification, and a report by each worker.

A worker is a process that trains. In: a specification. Out: a worker's command-line arguments, and reports by rank.
"""

import json
from pathlib import Path
from typing import NamedTuple

from kanseq.io.files import write_json
from kanseq.specification.fields import to_json
from kanseq.specification.training import TrainSpec

DONE, ERROR, INTERRUPTED = "done", "error", "interrupted"
"""The possible values of :attr:`Report.status`."""

DISTRIBUTED = "DistError"
"""Value of :attr:`Report.kind` if a rank lost its connection to the others, usually because one of them has ended."""

LAUNCH_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "TORCHELASTIC_RUN_ID")
"""Environment variables that torchrun sets for each process. Some cluster launchers also set the first three."""


class Report(NamedTuple):
    """The report that a worker writes when it ends.

    Attributes:
        status: one of :data:`DONE`, :data:`ERROR`, :data:`INTERRUPTED`.
        error: the error message in one line; empty unless the status is :data:`ERROR`.
        kind: class name of the exception, or :data:`DISTRIBUTED`; empty unless the status is :data:`ERROR`.
    """

    status: str
    error: str = ""
    kind: str = ""


def arguments_for(spec: TrainSpec, folder: Path) -> list[str]:
    """Write a specification to a folder, and return the command-line arguments of the worker that trains it.

    Raises:
        BadOption: an input is an object in memory, not a file.
    """
    path = folder / "specification.json"
    write_json(path, to_json(spec))
    return [str(path), str(folder)]


def read_reports(folder: Path) -> dict[int, Report]:
    """Return the reports in a folder, by rank (0 for a single worker); killed workers leave no report."""
    found = {}
    for path in sorted(folder.glob("rank-*.json")):
        found[int(path.stem.removeprefix("rank-"))] = Report(**json.loads(path.read_text(encoding="utf-8")))
    return found


EXIT_CODES = "exit_codes.json"
"""File in which :mod:`kanseq.training.processes.quiet_torchrun` writes the exit code of each failed rank."""
