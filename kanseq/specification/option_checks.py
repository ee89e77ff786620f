"""Checks of options: types, ranges and choices, as their fields declare them.

In: objects whose fields are made by :func:`kanseq.specification.fields.option`. Out: errors that name the option.
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
    str: ((str,), "a text"),
}
"""Allowed Python types of a value and their name in messages, by the declared type."""


def settle(values: object, specification: type) -> None:
    """Check types, ranges and choices of a frozen specification, and convert NumPy values to Python values.

    Call it from ``__post_init__``, so that every specification is valid, whatever the source of its values.

    Args:
        values: the specification; fields whose type the check converts are replaced.
        specification: the dataclass whose options to check: the class of ``values``, or a base class of it.

    Raises:
        BadOption: a value has a wrong type, is out of range or not a choice, or a setting is unknown.
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
            told = {name: _settled(known[name], value) for name, value in given.items() if value is not None}
            object.__setattr__(values, field.name, told)


def _settled(option: Option, value: object) -> Any:
    """Check an option's value, or each value of a sequence if the option is repeatable, and return it."""
    if option.annotation is object or (value is None and NoneType in get_args(option.annotation)):
        return value
    if get_origin(option.kind) is Mapping:
        if not isinstance(value, Mapping):
            raise _wrong(option, value, "names with their values")
        return {name: _as_python(each) for name, each in value.items()}
    value = _as_python(value)
    if option.flag.repeatable and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        several = [_settled_one(option, each) for each in value]
        return tuple(several) if isinstance(value, tuple) else several
    if not option.takes_one:
        raise _wrong(option, value, "a list")
    return _settled_one(option, value)


def _settled_one(option: Option, value: Any) -> object:
    """Check a single value against the declared type, range and choices, and return it."""
    value = _as_python(value)
    kinds, said = _KINDS[option.kind]
    if not isinstance(value, kinds) or (isinstance(value, bool) and option.kind is not bool):
        raise _wrong(option, value, said)
    _check_one(option.name, value, option.about)
    return value


def _as_python(value: Any) -> Any:
    """Convert values of NumPy and pandas to Python numbers, strings and lists; return others unchanged."""
    return value.tolist() if hasattr(value, "tolist") else value


def _wrong(option: Option, value: object, wanted: str) -> BadOption:
    """Return the error for a value of a wrong type."""
    return BadOption(f"{option.name} is {value!r}", hint=f"it must be {wanted}")


def check(values: object, declared: Sequence[dataclasses.Field]) -> None:
    """Check the values of an object against the ranges and choices of its fields; None is allowed.

    Raises:
        BadOption: a value is out of range or not a choice; the message names the option and the allowed values.
    """
    for field in declared:
        value = getattr(values, field.name)
        if "help" in field.metadata and value is not None:
            _check_one(field.name, value, field.metadata)


def _check_one(name: str, value: object, about: Mapping[str, Any]) -> None:
    """Check a value against its range or choices."""
    if about.get("choices") and value not in about["choices"]:
        raise BadOption(f"{name} '{value}' is unknown", hint=f"choose {', '.join(about['choices'])}")
    if not isinstance(value, Real):
        return
    within = max(value, about["least"]) == value == min(value, about["most"]) and value > about["above"]
    if not (within and math.isfinite(value)):
        raise BadOption(f"{name} is {value}", hint=f"it must be {_range(about)}")


def _range(about: Mapping[str, Any]) -> str:
    """Describe a range in words."""
    words = {"least": "at least", "above": "above", "most": "at most"}
    said = [f"{word} {about[key]}" for key, word in words.items() if math.isfinite(about[key])]
    return " and ".join(said) or "a finite number"
