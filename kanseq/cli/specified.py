"""Commands with the options of a specification: no option is declared here.

In: a dataclass of :mod:`kanseq.specification`. Out: a function for typer, and keywords for the Python function.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from kanseq.cli.options import Config, Json, LogLevel, pairs, typer_option
from kanseq.specification.fields import REQUIRED, Option, options_of

Verb = Callable[[dict[str, Any], bool], None]
"""The function of a command: takes keywords for Python, and whether to print JSON."""

_COMMON = {"log_level": (LogLevel, "info"), "config": (Config, None), "as_json": (Json, False)}


def with_options_of(specification: type) -> Callable[[Verb], Callable[..., None]]:
    """Return a decorator that turns a function into a command with a specification's options and the common ones."""
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
    """Return a keyword parameter; one without a default is required."""
    default = inspect.Parameter.empty if default is REQUIRED else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _typed(option: Option) -> tuple[object, object]:
    """Return the type and the default of an option in typer's form."""
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
    """Whether an option has a value: only a repeatable option may have none."""
    return bool(given[option.name]) or not option.flag.repeatable


def _keyword(option: Option, value: Any) -> object:
    """Return an option's value in the form of the Python function."""
    if option.flag.metavar == "KEY=VALUE":
        return pairs(value)
    return value[0] if option.flag.repeatable and len(value) == 1 and option.takes_one else value
