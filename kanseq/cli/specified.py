"""Commands whose options come from a specification: no option of them is written down here.

In: a dataclass of :mod:`kanseq.specification`. Out: a function that typer reads, and keywords of the Python function.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from kanseq.cli.options import Config, Json, LogLevel, pairs, typer_option
from kanseq.specification.fields import REQUIRED, Option, options_of

Verb = Callable[[dict[str, Any], bool], None]
"""A verb's function: keywords for Python, and whether the summary is JSON."""

_COMMON = {"log_level": (LogLevel, "info"), "config": (Config, None), "as_json": (Json, False)}


def with_options_of(specification: type) -> Callable[[Verb], Callable[..., None]]:
    """Make a command of a function: its options are the specification's, and the common ones."""
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
    """Make a keyword parameter; one without a default is required."""
    default = inspect.Parameter.empty if default is REQUIRED else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _typed(option: Option) -> tuple[object, object]:
    """Return type and default of an option as typer takes them."""
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
    """Whether a repeatable option was given at all; all others have a value."""
    return bool(given[option.name]) or not option.flag.repeatable


def _keyword(option: Option, value: Any) -> object:
    """Return an option's value as the Python function takes it."""
    if option.flag.metavar == "KEY=VALUE":
        return pairs(value)
    return value[0] if option.flag.repeatable and len(value) == 1 and option.takes_one else value
