"""How a process that trains is told its specification, and how it reports its end: files in a folder.

In: a specification. Out: arguments of a worker; reports by rank.
"""

import json
from pathlib import Path
from typing import NamedTuple

from kanseq.files import write_json
from kanseq.specification.fields import to_json
from kanseq.specification.training import TrainSpec

DONE, ERROR, INTERRUPTED = "done", "error", "interrupted"
"""How a worker ends."""


DISTRIBUTED = "DistError"
"""Kind of a report of a rank whose connection to the others failed: as a rule another rank has ended before."""


LAUNCH_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "TORCHELASTIC_RUN_ID")
"""Environment variables by which torchrun tells a process its rank. Some launchers of clusters set the first ones."""


class Report(NamedTuple):
    """How a worker ended.

    Attributes:
        status: one of :data:`DONE`, :data:`ERROR`, :data:`INTERRUPTED`.
        error: the line that says why; empty unless the status is :data:`ERROR`.
        kind: name of the exception, or :data:`DISTRIBUTED`; empty as ``error`` is.
    """

    status: str
    error: str = ""
    kind: str = ""


def arguments_for(spec: TrainSpec, folder: Path) -> list[str]:
    """Write a specification into a folder, and return the arguments of a worker that reports into it.

    Raises:
        BadOption: an input is in memory, not a file.
    """
    path = folder / "specification.json"
    write_json(path, to_json(spec))
    return [str(path), str(folder)]


def read_reports(folder: Path) -> dict[int, Report]:
    """Read the reports in a folder by rank (0 for a worker alone); a worker that was killed has left none."""
    found = {}
    for path in sorted(folder.glob("rank-*.json")):
        found[int(path.stem.removeprefix("rank-"))] = Report(**json.loads(path.read_text(encoding="utf-8")))
    return found


EXIT_CODES = "exit_codes.json"
"""File in which :mod:`kanseq.training.launcher` writes how processes ended: rank -> exit code."""
