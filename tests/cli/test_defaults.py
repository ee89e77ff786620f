"""Defaults of each command are those of its Python function."""

import inspect
from pathlib import Path

import pytest
import typer

import kanseq
from kanseq import api
from kanseq.cli.main import _run, app

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
FUNCTIONS = {"import": "import_sequences", "models": "list_models"}
OF_THE_COMMAND = {"log_level", "config", "as_json", "help"}
"""Options of every command that only affect its messages and output."""

# explain requires some output; only the command leaks can end with an error (--strict).
BESIDES = {"explain": ["--output", "x"]}
ONLY_COMMAND = {"leaks": {"strict"}}


def least(command, name):
    """Return the required arguments of a command, and the parameters that they set."""
    required = [each for each in command.params if each.required]
    given = []
    for each in required:
        value = {"search": "hidden=1..2"}.get(each.name, "x")
        given += [each.opts[0], value] if each.param_type_name == "option" else [value]
    besides = BESIDES.get(name, [])
    return [*given, *besides], {*(each.name for each in required), *(word[2:] for word in besides if word[:2] == "--")}


def plain(value):
    """Convert lists to tuples, and paths to strings."""
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    return str(value) if isinstance(value, Path) else value


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"workflow"}))
def test_defaults_of_the_command_line_are_those_of_the_function(name, monkeypatch):
    function = FUNCTIONS.get(name, name)
    signature = inspect.signature(getattr(kanseq, function))
    calls = []

    def record(*arguments, **keywords):
        calls.append(signature.bind(*arguments, **keywords))
        raise KeyboardInterrupt

    monkeypatch.setattr(api, function, record, raising=False)
    arguments, given = least(COMMANDS[name], name)
    assert _run([name, *arguments]) == 130
    (bound,) = calls
    bound.apply_defaults()
    for parameter in signature.parameters.values():
        if parameter.name not in given:
            assert plain(bound.arguments[parameter.name]) == plain(parameter.default), parameter.name
    shared = {each.name for each in COMMANDS[name].params} - OF_THE_COMMAND - ONLY_COMMAND.get(name, set())
    assert shared <= set(signature.parameters)
