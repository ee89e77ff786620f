"""A training as a process of its own: ``python -m kanseq.training.worker SPECIFICATION.json FOLDER``.

In: the file of a :class:`~kanseq.specification.training.TrainSpec`. Out: a report in the folder, and an exit code:
0 done, 1 a fault of kanseq, 3 bad input, 130 interrupted. Jobs of a benchmark and the processes of a team are such
workers.
"""

import json
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from kanseq.allocator import keep_freed_memory
from kanseq.errors import KanseqError
from kanseq.files import write_json
from kanseq.messages import show_messages
from kanseq.specification.fields import from_json, to_json
from kanseq.specification.training import TrainSpec

# Run as a program this module has another name.
logger = logging.getLogger("kanseq.training.worker")

DONE, ERROR, INTERRUPTED = "done", "error", "interrupted"
"""How a worker ends."""

INTERRUPT_CODE = 130


class Report(NamedTuple):
    """How a worker ended.

    Attributes:
        status: one of :data:`DONE`, :data:`ERROR`, :data:`INTERRUPTED`.
        error: the line that says why; empty unless the status is :data:`ERROR`.
        kind: name of the exception; empty as ``error`` is.
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


def main(arguments: list[str]) -> int:
    """Train as a specification file says; returns the exit code."""
    # SIGTERM ends like an interrupt, so that the training writes its state.
    signal.signal(signal.SIGTERM, _interrupt)
    show_messages("info")
    keep_freed_memory()
    path, folder = map(Path, arguments)
    rank = os.environ.get("RANK", "0")
    code, report = _train(path, alone="RANK" not in os.environ)
    write_json(folder / f"rank-{rank}.json", report._asdict())
    return code


def _train(path: Path, alone: bool) -> tuple[int, Report]:
    """Train, and return exit code and report. A worker alone says itself why it failed."""
    try:
        spec = from_json(TrainSpec, json.loads(path.read_text(encoding="utf-8")))
        from kanseq.training.fitting import train_specified

        result = train_specified(spec)
    except KeyboardInterrupt:
        return INTERRUPT_CODE, Report(INTERRUPTED)
    except KanseqError as error:
        if alone:
            sys.stderr.write(f"kanseq: {error}\n")
        return error.exit_code, Report(ERROR, str(error), type(error).__name__)
    except Exception as error:
        logger.exception("a fault of kanseq")
        return 1, Report(ERROR, " ".join(f"{type(error).__name__}: {error}".split("\n")), type(error).__name__)
    if alone:
        logger.info(result.verdict)
    return 0, Report(DONE)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    """Raise what an interrupt from the keyboard raises."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
