"""Train in a separate process: ``python -m kanseq.verbs.modelling.worker SPECIFICATION.json FOLDER``.

In: the file of a :class:`~kanseq.specification.training.TrainSpec`. Out: a report in the folder, and an exit code:
0 done, 1 a bug in kanseq, 3 bad input, 130 interrupted. Jobs of a benchmark and the processes of a team are such
workers.
"""

import json
import logging
import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType

from kanseq.errors import KanseqError
from kanseq.io.allocator import keep_freed_memory
from kanseq.io.files import write_json
from kanseq.io.messages import show_messages
from kanseq.specification.fields import from_json
from kanseq.specification.training import TrainSpec
from kanseq.training.processes.worker_reports import DISTRIBUTED, DONE, ERROR, INTERRUPTED, Report

# The name of this module is __main__ when it runs as a program.
logger = logging.getLogger("kanseq.verbs.modelling.worker")


INTERRUPT_CODE = 130


def main(arguments: list[str]) -> int:
    """Train as specified in a file; return the exit code."""
    show_messages("info")
    keep_freed_memory()
    path, folder = map(Path, arguments)
    rank = _rank()
    code, report = _train(path, alone=rank is None)
    write_json(folder / f"rank-{rank or 0}.json", report._asdict())
    return code


def _rank() -> int | None:
    """Return this process's rank if torchrun started it; None for a single worker."""
    # The check of torch.distributed.is_torchelastic_launched(), without importing torch.
    return int(os.environ["RANK"]) if "TORCHELASTIC_RUN_ID" in os.environ else None


def _train(path: Path, alone: bool) -> tuple[int, Report]:
    """Train, and return exit code and report. A single worker also writes its error to stderr."""
    try:
        try:
            # SIGTERM acts like an interrupt, so that the training writes its state.
            signal.signal(signal.SIGTERM, _interrupt)
            spec = from_json(TrainSpec, json.loads(path.read_text(encoding="utf-8")))
            from kanseq.verbs.modelling.train import train_specified

            result = train_specified(spec)
        finally:
            # The training has ended: a further request to stop would only interrupt the report.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        return INTERRUPT_CODE, Report(INTERRUPTED)
    except KanseqError as error:
        if alone:
            sys.stderr.write(f"kanseq: {error}\n")
        return error.exit_code, Report(ERROR, str(error), type(error).__name__)
    except Exception as error:
        line = " ".join(f"{type(error).__name__}: {error}".split("\n"))
        if not alone and _is_distributed(error):
            return 1, Report(ERROR, line, DISTRIBUTED)
        logger.exception("a bug in kanseq")
        return 1, Report(ERROR, line, type(error).__name__)
    if alone:
        logger.info(result.verdict)
    return 0, Report(DONE)


def _is_distributed(error: Exception) -> bool:
    """Return whether torch.distributed raised an error; gloo's RuntimeErrors are known by the raising module."""
    *_, (innermost, _) = traceback.walk_tb(error.__traceback__)
    places = [type(error).__module__]
    if type(error) is RuntimeError:
        places.append(innermost.f_globals.get("__name__", ""))
    return any(place.startswith("torch.distributed") for place in places)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, as Ctrl-C does."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
