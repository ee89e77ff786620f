"""Compose the command that fixes an error: the user's own command line with changed options.

In: an error and the words of the command line. Out: the message to print.
"""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

from kanseq.errors import KanseqError
from kanseq.io.files import free_name


class _Option(Protocol):
    """The parts of click's options that are used here."""

    opts: list[str]
    secondary_opts: list[str]
    is_flag: bool
    nargs: int


class Command(Protocol):
    """The parts of click's commands that are used here; a group has ``commands``."""

    params: Sequence[object]


def message_of(error: KanseqError, arguments: Sequence[str] | None, find_program: Callable[[], Command]) -> str:
    """Return the message of an error; if it has a remedy, with the complete command that fixes it.

    Args:
        error: the error.
        arguments: the words of the command line after ``kanseq``; None means those of this process.
        find_program: returns the program with all commands.
    """
    remedy = error.remedy
    if remedy is None:
        return str(error)
    words, program = list(sys.argv[1:] if arguments is None else arguments), find_program()
    if not set(remedy.options) <= set(_options(words, program)):
        # A command that runs others, such as demo, may not have the option.
        return str(error)
    table = str(free_name(remedy.table)) if remedy.table else ""
    options = {name: table if value == remedy.table else value for name, value in remedy.options.items()}
    started = ["kanseq"] if arguments is not None else _started_as()
    command = shlex.join([*started, *with_options(words, options, program)])
    written = [f"{_print_rows(remedy.rows)} > {shlex.quote(table)}"] if remedy.rows else []
    lead = remedy.lead.replace("{table}", table)
    return str(KanseqError(error.what, where=error.where, hint=f"{lead}: {' && '.join([*written, command])}"))


def with_options(words: Sequence[str], options: Mapping[str, str | None], program: Command) -> list[str]:
    """Return the words of a command line with these options; earlier values of the same options are removed."""
    known = _options(words, program)
    replaced = {id(known[name]) for name in options}
    kept: list[str] = []
    end = len(words)
    for start, stop, option in _parts(words, known):
        if option is None and words[start] == "--":
            end = len(kept)
            kept += words[start:]
            break
        if id(option) not in replaced:
            kept += words[start:stop]
    added = [word for name, value in options.items() for word in ([name] if value is None else [name, value])]
    return [*kept[:end], *added, *kept[end:]]


def _parts(words: Sequence[str], known: Mapping[str, _Option]) -> Iterator[tuple[int, int, _Option | None]]:
    """Yield start, stop and option (None for an argument) of the parts of a command line; ``--`` is the last part."""
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            yield at, len(words), None
            return
        # Values are separate words, or follow in the same word: --aliases=FILE, -oFILE.
        name = word.partition("=")[0] if word.startswith("--") else word[:2]
        option = known.get(name) if word.startswith("-") else None
        takes = 0 if option is None or option.is_flag or name != word else option.nargs
        yield at, min(at + 1 + takes, len(words)), option
        at += 1 + takes


def _options(words: Sequence[str], program: Command) -> dict[str, _Option]:
    """Return the options of the command that the words name, by all their spellings."""
    command = program
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
    options = [cast(_Option, one) for one in command.params if hasattr(one, "is_flag")]
    return {name: one for one in options for name in (*one.opts, *one.secondary_opts)}


def _print_rows(rows: Sequence[Sequence[str]]) -> str:
    """Return the shell command that prints rows, with tabs between their cells."""
    widths = dict.fromkeys(len(row) for row in rows)
    commands = []
    for width in widths:
        # printf repeats its format; cells are not part of it, because they may contain % and backslashes.
        pattern = "\\t".join(["%s"] * width) + "\\n"
        cells = [shlex.quote(cell) for row in rows if len(row) == width for cell in row]
        commands.append(f"printf '{pattern}' {' '.join(cells)}")
    return commands[0] if len(commands) == 1 else f"{{ {'; '.join(commands)}; }}"


def _started_as() -> list[str]:
    """Return the words that started this process, before the arguments: ``kanseq``, or ``python -m kanseq``."""
    script = sys.argv[0]
    if Path(script).name != "kanseq":
        return sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    found = shutil.which("kanseq")
    return ["kanseq"] if found and os.path.samefile(found, script) else [script]
