"""Add the options of a specification to Python functions, as keywords with signature, checks and documentation."""

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from kanseq.specification.fields import REQUIRED, Option, options_of

P = ParamSpec("P")
Result = TypeVar("Result")

MARK = "{settings}"
"""Placeholder in the docstring of a function; :func:`takes` replaces it with a list of the optimisation options."""


def takes(specification: type) -> Callable[[Callable[P, Result]], Callable[P, Result]]:
    """Return a decorator that adds the options of a specification to a function's signature, after its own parameters.

    The function receives these options as ``**options``. Its signature (and so ``help()``) shows each option with its
    default. If the decorated function is called with an unknown keyword, it raises a ``TypeError`` that names it.
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
    """Return an option as a keyword-only parameter of a signature."""
    default = inspect.Parameter.empty if option.default is REQUIRED else option.default
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option.annotation)


def _is_setting(option: Option) -> bool:
    """Return whether an option is one of the optimisation settings."""
    return option.group == "settings"


def _line(option: Option) -> str:
    """Return the line that documents an option in the ``Args`` section of a docstring."""
    text = f"{option.name}: {option.about['help']}"
    return text if option.default is None else f"{text}; {option.default!r} by default"
