"""The program ``kanseq``: register all commands, run one, and turn errors and interrupts into exit codes."""

import errno
import os
import signal
import sys
from types import FrameType
from typing import Annotated, cast

import typer

from kanseq import __version__
from kanseq.cli.own_command import Command, message_of
from kanseq.errors import KanseqError, NotWritable

app = typer.Typer(
    name="kanseq",
    help="Train Kolmogorov-Arnold Networks to predict gene expression from DNA, and write attribution tracks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

INTERRUPTED = 130

ON_TENSORS = ("train", "tune", "predict", "explain", "figures", "benchmark", "ablation", "scaling", "demo")
"""Commands that compute with large tensors. While they run, the process keeps freed memory and reuses it."""

# Some releases of typer bundle their own copy of click, so take click's error class from typer's.
ClickError: type[Exception] = typer.BadParameter.__mro__[2]


def _version(requested: bool) -> None:
    """Print the version and exit, if ``--version`` is used."""
    if requested:
        sys.stdout.write(f"kanseq {__version__}\n")
        raise typer.Exit


@app.callback()
def _common(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Declare the options that precede the command's name, and set up memory allocation for the command."""
    if context.invoked_subcommand in ON_TENSORS:
        from kanseq.io.allocator import keep_freed_memory

        keep_freed_memory()


def _terminate(signal_number: int, frame: FrameType | None) -> None:
    """Treat SIGTERM like an interrupt, so that training writes a checkpoint."""
    raise KeyboardInterrupt


def run(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its code: 0 success, 1 internal error, 2 usage error, 3 bad input, 130 interrupted.

    ``arguments`` are the command-line arguments after ``kanseq``; None uses the arguments of this process.
    """
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    """Run one command and return its exit code; errors and interrupts are reported on standard error."""
    try:
        code = app(arguments, standalone_mode=False)
        # Flush here, so that write errors are handled below. Otherwise Python reports them when it flushes at exit.
        sys.stdout.flush()
    except typer.Exit as exit_request:
        return exit_request.exit_code
    except typer.Abort:
        return _complain("interrupted", INTERRUPTED)
    except ClickError as usage:
        usage.show()  # type: ignore[attr-defined]
        return usage.exit_code  # type: ignore[attr-defined]
    except KanseqError as error:
        return _complain(message_of(error, arguments, _program), error.exit_code)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except SystemExit as leaving:
        # Newer versions of typer raise SystemExit with an error code if the program that reads our output has ended.
        if isinstance(leaving.__context__, BrokenPipeError):
            return 0
        raise
    except BrokenPipeError:
        # The program that reads our output, such as head, has ended: exit without a message.
        _close_standard_output()
        return 0
    except OSError as error:
        # Functions that write files raise NotWritable instead, so this error is from writing to standard output.
        if error.errno != errno.ENOSPC:
            raise
        _close_standard_output()
        return _complain(f"standard output: cannot write ({os.strerror(error.errno)})", NotWritable.exit_code)
    if code == INTERRUPTED:
        # Newer versions of typer catch interrupts, and return this code without a message.
        return _complain("interrupted", INTERRUPTED)
    return code if isinstance(code, int) else 0


def _program() -> Command:
    """Return the program as click knows it, with the options of all commands."""
    return cast(Command, typer.main.get_command(app))


def _close_standard_output() -> None:
    """Redirect standard output to the null device, so that Python's flush at exit cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str, code: int) -> int:
    """Write ``text`` as one line to standard error, and return ``code``, the exit code."""
    sys.stderr.write(f"kanseq: {text}\n")
    return code


def _add_verbs() -> None:
    """Register all commands with ``app``, in the order in which an analysis uses them."""
    from kanseq.cli.benchmarking import ablation, benchmark, scaling
    from kanseq.cli.explaining import explain, figures
    from kanseq.cli.modelling import evaluate, predict, train, tune
    from kanseq.cli.modelling import list_models as models
    from kanseq.cli.preparing import combine, extract, import_, simulate
    from kanseq.cli.project import demo, inspect, workflow
    from kanseq.cli.splitting import homology, label, leaks, split

    analysis = (
        extract, import_, combine, homology, split, leaks, label, tune, train, evaluate, predict, explain, figures,
    )  # fmt: skip
    for verb in (*analysis, benchmark, ablation, scaling, inspect, models, simulate, demo, workflow):
        verb.add_to(app)


_add_verbs()
