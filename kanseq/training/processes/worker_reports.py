"""How a process that trains is told its specification, and how it reports its end: files in a folder.

In: a specification. Out: arguments of a worker; reports by rank.
"""

import json
from pathlib import Path
from typing import NamedTuple

from kanseq.io.files import write_json
from kanseq.specification.fields import to_json
from kanseq.specification.training import TrainSpec

DONE, ERROR, INTERRUPTED = "done", "error", "interrupted"
"""The possible ends of a worker."""


DISTRIBUTED = "DistError"
"""Kind of report of a rank that lost its connection to the others, usually because another rank has ended."""


LAUNCH_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "TORCHELASTIC_RUN_ID")
"""Environment variables in which torchrun passes its rank to a process. Some cluster launchers set the first ones."""


class Report(NamedTuple):
    """The report of a worker that has ended.

    Attributes:
        status: one of :data:`DONE`, :data:`ERROR`, :data:`INTERRUPTED`.
        error: the error message, one line; empty unless the status is :data:`ERROR`.
        kind: name of the exception, or :data:`DISTRIBUTED`; empty like ``error``.
    """

    status: str
    error: str = ""
    kind: str = ""


def arguments_for(spec: TrainSpec, folder: Path) -> list[str]:
    """Write a specification into a folder, and return the arguments of a worker that reports into it.

    Raises:
        BadOption: an input is in memory and not a file.
    """
    path = folder / "specification.json"
    write_json(path, to_json(spec))
    return [str(path), str(folder)]


def read_reports(folder: Path) -> dict[int, Report]:
    """Read the reports in a folder by rank (0 for a single worker); a killed worker leaves no report."""
    found = {}
    for path in sorted(folder.glob("rank-*.json")):
        found[int(path.stem.removeprefix("rank-"))] = Report(**json.loads(path.read_text(encoding="utf-8")))
    return found


EXIT_CODES = "exit_codes.json"
"""File to which :mod:`kanseq.training.processes.quiet_torchrun` writes how processes ended: rank -> exit code."""
