"""Train in a separate process: ``python -m kanseq.verbs.modelling.worker SPECIFICATION.json FOLDER``.

Benchmarks use a worker for each model; training in several processes uses one worker per process.

In: a JSON file of a :class:`~kanseq.specification.training.TrainSpec`. Out: the run, a report in FOLDER
(``rank-N.json``), and an exit code: 0 done, 1 a bug in kanseq, 3 bad input, 130 interrupted.
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
    """Train, write the report, and return the exit code; ``arguments`` are SPECIFICATION.json and FOLDER."""
    show_messages("info")
    keep_freed_memory()
    path, folder = map(Path, arguments)
    rank = _rank()
    code, report = _train(path, alone=rank is None)
    write_json(folder / f"rank-{rank or 0}.json", report._asdict())
    return code


def _rank() -> int | None:
    """Return the rank of this process if torchrun started it; return None if it is the only process."""
    # The same check as torch.distributed.is_torchelastic_launched(), but without importing torch.
    return int(os.environ["RANK"]) if "TORCHELASTIC_RUN_ID" in os.environ else None


def _train(path: Path, alone: bool) -> tuple[int, Report]:
    """Train according to the specification in ``path``; return exit code and report.

    If ``alone`` (this is the only process of the training), also write errors in the input to standard error."""
    try:
        try:
            # SIGTERM acts like an interrupt, so that the training writes a checkpoint.
            signal.signal(signal.SIGTERM, _interrupt)
            spec = from_json(TrainSpec, json.loads(path.read_text(encoding="utf-8")))
            from kanseq.verbs.modelling.train import train_specified

            result = train_specified(spec)
        finally:
            # The training has ended: another signal would only prevent the report from being written.
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
    """Return whether torch.distributed raised the error. For a RuntimeError, check the module that raised it."""
    *_, (innermost, _) = traceback.walk_tb(error.__traceback__)
    places = [type(error).__module__]
    if type(error) is RuntimeError:
        places.append(innermost.f_globals.get("__name__", ""))
    return any(place.startswith("torch.distributed") for place in places)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    """Handle a signal: raise KeyboardInterrupt, as Ctrl-C does."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
