"""The program ``kanseq``: its verbs, and what becomes of errors, interrupts and closed pipes."""

import errno
import os
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from kanseq import __version__
from kanseq.errors import KanseqError, NotWritable

app = typer.Typer(
    name="kanseq",
    help="From a genome, an annotation and TPM tables to Kolmogorov-Arnold Networks and attribution tracks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

INTERRUPTED = 130

ON_TENSORS = ("train", "tune", "predict", "explain", "figures", "benchmark", "ablation", "scaling", "demo")
"""Verbs that compute with large tensors, whose memory the process keeps from step to step."""

# typer carries its own copy of click in some releases, so click's errors are reached through typer's.
ClickError: type[Exception] = typer.BadParameter.__mro__[2]


def _version(wanted: bool) -> None:
    """Print one line and stop."""
    if wanted:
        sys.stdout.write(f"kanseq {__version__}\n")
        raise typer.Exit


@app.callback()
def _common(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Hold the options that stand before a verb, and prepare the process for the verb."""
    if context.invoked_subcommand in ON_TENSORS:
        from kanseq.io.allocator import keep_freed_memory

        keep_freed_memory()


def _terminate(signal_number: int, frame: FrameType | None) -> None:
    """Let SIGTERM end like an interrupt, so that a training writes its checkpoint."""
    raise KeyboardInterrupt


def run(arguments: list[str] | None = None) -> None:
    """Run one command and leave: 0 done, 1 a fault of kanseq, 2 usage, 3 bad input, 130 interrupted."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    """Map every way a command can end to its exit code."""
    try:
        code = app(arguments, standalone_mode=False)
        # What cannot be written should not be met first by Python's own flush at exit.
        sys.stdout.flush()
    except typer.Exit as exit_request:
        return exit_request.exit_code
    except typer.Abort:
        return _complain("interrupted", INTERRUPTED)
    except ClickError as usage:
        usage.show()  # type: ignore[attr-defined]
        return usage.exit_code  # type: ignore[attr-defined]
    except KanseqError as error:
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except SystemExit as leaving:
        # Newer versions of typer leave by this, with the code of a fault, when the reader of a pipe has gone.
        if isinstance(leaving.__context__, BrokenPipeError):
            return 0
        raise
    except BrokenPipeError:
        # The reader of a pipe has gone: leave quietly.
        _close_standard_output()
        return 0
    except OSError as error:
        # Files are written where this becomes an error of their own; what is left is standard output.
        if error.errno != errno.ENOSPC:
            raise
        _close_standard_output()
        return _complain(f"standard output: cannot write ({os.strerror(error.errno)})", NotWritable.exit_code)
    if code == INTERRUPTED:
        # Newer versions of typer turn an interrupt into this code, and say nothing.
        return _complain("interrupted", INTERRUPTED)
    return code if isinstance(code, int) else 0


def _close_standard_output() -> None:
    """Let Python's own flush at exit go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str, code: int) -> int:
    """Say one line on standard error."""
    sys.stderr.write(f"kanseq: {text}\n")
    return code


def _add_verbs() -> None:
    """Register one file per verb, in the order of the walk."""
    from kanseq.cli.benchmarking import ablation, benchmark, scaling
    from kanseq.cli.explaining import explain, figures
    from kanseq.cli.modelling import evaluate, predict, train, tune
    from kanseq.cli.modelling import list_models as models
    from kanseq.cli.preparing import combine, extract, import_, simulate
    from kanseq.cli.project import demo, inspect, workflow
    from kanseq.cli.splitting import homology, label, leaks, split

    walk = (extract, import_, combine, homology, split, leaks, label, tune, train, evaluate, predict, explain, figures)
    for verb in (*walk, benchmark, ablation, scaling, inspect, models, simulate, demo, workflow):
        verb.add_to(app)


_add_verbs()
