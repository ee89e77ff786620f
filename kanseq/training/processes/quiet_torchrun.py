"""Run torchrun without its messages: ``python -m kanseq.training.processes.quiet_torchrun FOLDER ARGUMENT...``.

In: arguments of ``torchrun``. Out: the exit codes of failed processes, in ``FOLDER/exit_codes.json``. Messages of
the processes that torchrun starts are shown.
"""

import logging
import sys
from pathlib import Path

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import parse_args, run

from kanseq.io.files import write_json
from kanseq.training.processes.worker_reports import EXIT_CODES


def main(folder: str, arguments: list[str]) -> int:
    """Run torchrun until all of its processes have ended; return 0 if none of them failed, else 1."""
    # Torchrun's table of failures is not needed, because the caller reads exit_codes.json.
    logging.disable(logging.CRITICAL)
    try:
        run(parse_args(arguments))
    except ChildFailedError as error:
        # A negative code is the negative number of a signal.
        codes = {str(rank): failure.exitcode for rank, failure in error.failures.items()}
        write_json(Path(folder) / EXIT_CODES, codes)
        return 1
    except SignalException:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
