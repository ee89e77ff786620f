"""Check the values of options against the types, ranges and choices that their declarations allow.

In: objects whose fields are declared by :func:`kanseq.specification.fields.option`. Out: errors that name the option.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from types import NoneType
from typing import Any, get_args, get_origin

from kanseq.errors import BadOption
from kanseq.specification.fields import Option, options_of

_KINDS: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "text"),
}
"""Declared type of an option -> (Python types that its value may have, name of these types in messages)."""


def settle(values: object, specification: type) -> None:
    """Check all values of a specification in place, and convert NumPy values to Python values.

    Call this from ``__post_init__`` of a frozen dataclass, so that an instance is always valid.

    Args:
        values: the instance to check; converted values replace the original ones.
        specification: the dataclass that declares the options: the class of ``values``, or one of its base classes.

    Raises:
        BadOption: a value has the wrong type, is out of range or not one of the choices, or a setting is unknown.
    """
    options = options_of(specification)
    for each in options:
        if not each.group:
            object.__setattr__(values, each.name, _settled(each, getattr(values, each.name)))
    for field in dataclasses.fields(specification):
        if field.metadata.get("settings"):
            known = {each.name: each for each in options if each.group == field.name}
            given = getattr(values, field.name)
            for name in given:
                if name not in known:
                    raise BadOption(f"there is no setting '{name}'", hint=f"choose {', '.join(known)}")
            settled = {name: _settled(known[name], value) for name, value in given.items() if value is not None}
            object.__setattr__(values, field.name, settled)


def _settled(option: Option, value: object) -> Any:
    """Check an option's value (each value, if the option is repeatable); return it converted to Python types."""
    if option.annotation is object or (value is None and NoneType in get_args(option.annotation)):
        return value
    if get_origin(option.kind) is Mapping:
        if not isinstance(value, Mapping):
            raise _wrong(option, value, "a dictionary of names and values")
        return {name: _as_python(each) for name, each in value.items()}
    value = _as_python(value)
    if option.flag.repeatable and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        several = [_settled_one(option, each) for each in value]
        return tuple(several) if isinstance(value, tuple) else several
    if not option.takes_one:
        raise _wrong(option, value, "a list")
    return _settled_one(option, value)


def _settled_one(option: Option, value: Any) -> object:
    """Check a single value against the option's type, range and choices, and return it as a Python type."""
    value = _as_python(value)
    kinds, expected = _KINDS[option.kind]
    if not isinstance(value, kinds) or (isinstance(value, bool) and option.kind is not bool):
        raise _wrong(option, value, expected)
    _check_one(option.name, value, option.about)
    return value


def _as_python(value: Any) -> Any:
    """Convert NumPy and pandas values to Python numbers, strings and lists; return any other value unchanged."""
    return value.tolist() if hasattr(value, "tolist") else value


def _wrong(option: Option, value: object, expected: str) -> BadOption:
    """Return the error for a value of the wrong type; ``expected`` describes the expected type."""
    return BadOption(f"{option.name} is {value!r}", hint=f"it must be {expected}")


def check(values: object, declared: Sequence[dataclasses.Field]) -> None:
    """Check the values of an object's ``declared`` fields against their ranges and choices; None is always allowed.

    Raises:
        BadOption: a value is out of range or not one of the choices; the message names the option and what is allowed.
    """
    for field in declared:
        value = getattr(values, field.name)
        if "help" in field.metadata and value is not None:
            _check_one(field.name, value, field.metadata)


def _check_one(name: str, value: object, about: Mapping[str, Any]) -> None:
    """Check that an option's ``value`` is in the range, or one of the choices, in ``about`` (the field's metadata)."""
    if about.get("choices") and value not in about["choices"]:
        raise BadOption(f"{name} '{value}' is unknown", hint=f"choose {', '.join(about['choices'])}")
    if not isinstance(value, Real):
        return
    within = max(value, about["least"]) == value == min(value, about["most"]) and value > about["above"]
    if not (within and math.isfinite(value)):
        raise BadOption(f"{name} is {value}", hint=f"it must be {_range(about)}")


def _range(about: Mapping[str, Any]) -> str:
    """Return a description of an option's range for messages, such as "at least 0 and at most 1"."""
    words = {"least": "at least", "above": "above", "most": "at most"}
    bounds = [f"{word} {about[key]}" for key, word in words.items() if math.isfinite(about[key])]
    return " and ".join(bounds) or "a finite number"
