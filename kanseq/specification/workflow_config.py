"""Training options in the config file of the Snakemake workflow: check them, and convert them to arguments.

In: the fields of :class:`~kanseq.specification.training.TrainSpec`. Out: JSON schema, and arguments of ``kanseq train``
and ``kanseq tune``. This module must not import torch or other packages that may be missing in the environment of
Snakemake.
"""

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence

from kanseq.specification.fields import Option, options_of
from kanseq.specification.training import TrainSpec, TuneSpec

JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def model_options() -> dict[str, Option]:
    """Return the options that a model in the config file can have (key -> option); the workflow sets all others.

    >>> sorted(model_options())[:3]
    ['balance', 'batch_size', 'calibrate']
    """
    found = [each for each in options_of(TrainSpec) if each.group or each.name in ("options", "match_parameters")]
    return {each.key: each for each in found}


def model_schema() -> dict[str, dict[str, object]]:
    """Return the JSON schema of the value of each option in :func:`model_options` (key -> schema)."""
    return {key: _schema(each) for key, each in model_options().items()}


def words_of(values: Mapping[str, object]) -> list[str]:
    """Convert a model's options in the config file to command-line arguments; unknown keys are ignored.

    The value false becomes ``--no-NAME`` if the option has this form; otherwise the option is left out, see also
    :func:`without_switched_off`.

    >>> words_of({"learning_rate": 0.01, "tune": True, "compile": False, "set": {"hidden": 8}, "seeds": [0]})
    ['--learning-rate', '0.01', '--tune', '--set', 'hidden=8']
    """
    known = model_options()
    words: list[str] = []
    for key, value in values.items():
        if key not in known or value is None:
            continue
        flag, _, off = known[key].names[0].partition("/")
        if isinstance(value, bool):
            words += [word for word in (flag if value else off,) if word]
        else:
            items = [f"{name}={each}" for name, each in value.items()] if isinstance(value, Mapping) else value
            several = items if isinstance(items, list) else [items]
            words += [word for each in several for word in (flag, str(each))]
    return words


def without_switched_off(text: str, values: Mapping[str, object]) -> str:
    """Return the arguments that all models share, after removing flags that one model sets to false.

    >>> without_switched_off("--tune --epochs 3", {"tune": False})
    '--epochs 3'

    Args:
        text: shared arguments of ``kanseq train``, as in a shell; returned unchanged if nothing is removed.
        values: options of one model, by key.
    """
    off = {each.names[0] for key, each in model_options().items() if values.get(key) is False}
    parts = list(_parts_of(shlex.split(text)))
    kept = [part for part in parts if part[0] not in off]
    return text if kept == parts else shlex.join(word for part in kept for word in part)


def parted_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split arguments of ``kanseq train`` into those that ``kanseq tune`` also accepts, and all others.

    >>> parted_words(["--epochs", "3", "--tune", "--set=a=1", "--calibrate", "platt"])
    (['--epochs', '3', '--set=a=1'], ['--tune', '--calibrate', 'platt'])
    """
    options = [each for each in options_of(TuneSpec) if each.key in model_options()]
    searched = {flag for each in options for name in each.names for flag in name.split("/")}
    both: list[str] = []
    others: list[str] = []
    for part in _parts_of(words):
        (both if part[0].partition("=")[0] in searched else others).extend(part)
    return both, others


def _parts_of(words: Sequence[str]) -> Iterator[list[str]]:
    """Yield the arguments of ``kanseq train`` as lists: a flag with its value, or a single argument."""
    with_value = {name for each in options_of(TrainSpec) if each.kind is not bool for name in each.names}
    left = list(words)
    while left:
        # --flag=value is a single argument, which already includes the value.
        size = 2 if left[0] in with_value else 1
        yield left[:size]
        del left[:size]


def _schema(option: Option) -> dict[str, object]:
    """Return the JSON schema of the values that an option can have in the config file."""
    about: dict[str, object] = {"description": option.about["help"]}
    if option.flag.metavar == "KEY=VALUE":
        return {**about, "type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
    value: dict[str, object] = {"type": JSON_TYPES[option.kind]}
    limits = {"minimum": option.about["least"], "exclusiveMinimum": option.about["above"]}
    limits["maximum"] = option.about["most"]
    value |= {name: limit for name, limit in limits.items() if math.isfinite(limit)}
    value |= {"enum": list(option.about["choices"])} if option.about["choices"] else {}
    return {**about, **value} if not option.flag.repeatable else {**about, "anyOf": [value, _list_of(value)]}


def _list_of(value: dict[str, object]) -> dict[str, object]:
    """Return the JSON schema of a non-empty list, from the schema of a single value."""
    return {"type": "array", "items": value, "minItems": 1}
