"""Python functions with keywords from a specification: signature, checks of names, and documentation."""

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from kanseq.specification.fields import REQUIRED, Option, options_of

P = ParamSpec("P")
Result = TypeVar("Result")

MARK = "{settings}"
"""Placeholder in a function's docstring for the list of optimisation options."""


def takes(specification: type) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Add the options of a specification to a function as keywords, after its own parameters.

    The function collects them with ``**options``. Its signature, and so ``help()``, shows each with its default. An
    unknown keyword raises a ``TypeError`` that names it.
    """

    def decorate(function: Callable[P, Result]) -> Callable[P, Result]:
        own = inspect.signature(function)
        named = [each for each in own.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        options = options_of(specification)
        there = {each.name for each in named}
        signature = own.replace(parameters=[*named, *(_parameter(each) for each in options if each.name not in there)])

        @functools.wraps(function)
        def called(*args: P.args, **keywords: P.kwargs) -> Result:
            try:
                signature.bind(*args, **keywords)
            except TypeError as error:
                raise TypeError(f"{function.__name__}() {error}") from None
            return function(*args, **keywords)

        called.__signature__ = signature  # type: ignore[attr-defined]
        if called.__doc__ is not None:
            called.__doc__ = called.__doc__.replace(
                MARK, "\n        ".join(_line(each) for each in options if _is_setting(each))
            )
        return called

    return decorate


def _parameter(option: Option) -> inspect.Parameter:
    """Return the signature parameter of an option."""
    default = inspect.Parameter.empty if option.default is REQUIRED else option.default
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option.annotation)


def _is_setting(option: Option) -> bool:
    """Whether an option belongs to the optimisation."""
    return option.group == "settings"


def _line(option: Option) -> str:
    """Return the line of ``Args`` for an option."""
    text = f"{option.name}: {option.about['help']}"
    return text if option.default is None else f"{text}; {option.default!r} by default"
