"""Build commands whose options are declared by a dataclass of :mod:`kanseq.specification`.

In: the dataclass. Out: a function for typer, which passes the options as keywords to the Python function.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from kanseq.cli.options import Config, Json, LogLevel, pairs, typer_option
from kanseq.specification.fields import REQUIRED, Option, options_of

Verb = Callable[[dict[str, Any], bool], None]
"""The body of a command. Its arguments: keywords for the Python function, and whether to print a JSON summary."""

_COMMON = {"log_level": (LogLevel, "info"), "config": (Config, None), "as_json": (Json, False)}


def with_options_of(specification: type) -> Callable[[Verb], Callable[..., None]]:
    """Return a decorator that turns a :data:`Verb` into a command with the options of ``specification``.

    The options ``--log-level``, ``--config`` and ``--json`` are added.
    """
    options = options_of(specification)
    parameters = [_parameter(each.name, *_typed(each)) for each in options]
    parameters += [_parameter(name, *typed) for name, typed in _COMMON.items()]

    def decorate(function: Verb) -> Callable[..., None]:
        def command(**given: Any) -> None:
            keywords = {each.name: _keyword(each, given[each.name]) for each in options if _is_given(each, given)}
            function(keywords, given["as_json"])

        command.__name__, command.__doc__ = function.__name__, function.__doc__
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return decorate


def _parameter(name: str, annotation: object, default: object) -> inspect.Parameter:
    """Return a keyword-only parameter of a command; it is required if ``default`` is ``REQUIRED``."""
    default = inspect.Parameter.empty if default is REQUIRED else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _typed(option: Option) -> tuple[object, object]:
    """Return the annotation and the default of an option, as typer expects them in a signature."""
    kind: Any = Path if option.flag.is_path else option.kind
    default = option.default
    if option.flag.metavar == "KEY=VALUE":
        kind = str
    if option.flag.repeatable:
        kind, default = list[kind], REQUIRED if default is REQUIRED else None
    if default is None:
        kind = kind | None
    if not option.names:
        return Annotated[kind, typer.Argument(help=option.help)], default
    return Annotated[kind, typer_option(option)], default


def _is_given(option: Option, given: dict[str, Any]) -> bool:
    """Return whether an option has a value. Options that are not repeatable always have one: their default."""
    return bool(given[option.name]) or not option.flag.repeatable


def _keyword(option: Option, value: Any) -> object:
    """Convert an option's value from the command line to the form that the Python function accepts."""
    if option.flag.metavar == "KEY=VALUE":
        return pairs(value)
    return value[0] if option.flag.repeatable and len(value) == 1 and option.takes_one else value
