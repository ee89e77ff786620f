"""Options of a training in the config of the Snakemake workflow: their schema, and the words of commands made of them.

In: the fields of :class:`~kanseq.specification.training.TrainSpec`. Out: JSON schema, and arguments of ``kanseq train``
and ``kanseq tune``. Imports neither torch nor anything else that Snakemake's own environment may lack.
"""

import math
from collections.abc import Mapping, Sequence

from kanseq.specification.fields import Option, options_of
from kanseq.specification.training import TrainSpec, TuneSpec

JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def model_options() -> dict[str, Option]:
    """Return the options that a model of the config may have, by key: all that the workflow does not set itself.

    >>> sorted(model_options())[:3]
    ['balance', 'batch_size', 'calibrate']
    """
    found = [each for each in options_of(TrainSpec) if each.group or each.name in ("options", "match_parameters")]
    return {each.key: each for each in found}


def model_schema() -> dict[str, dict[str, object]]:
    """Return the JSON schema of each of :func:`model_options`, by key."""
    return {key: _schema(each) for key, each in model_options().items()}


def words_of(values: Mapping[str, object]) -> list[str]:
    """Return options of a model as words of the command line; keys that are no options are left out.

    >>> words_of({"learning_rate": 0.01, "tune": True, "compile": False, "set": {"hidden": 8}, "seeds": [0]})
    ['--learning-rate', '0.01', '--tune', '--set', 'hidden=8']
    """
    known = model_options()
    words: list[str] = []
    for key, value in values.items():
        if key not in known or value is None or value is False:
            continue
        if value is True:
            words.append(known[key].names[0])
        else:
            given = [f"{name}={each}" for name, each in value.items()] if isinstance(value, Mapping) else value
            several = given if isinstance(given, list) else [given]
            words += [word for each in several for word in (known[key].names[0], str(each))]
    return words


def parted_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part words of ``kanseq train`` into those that ``kanseq tune`` takes, too, and all others.

    >>> parted_words(["--epochs", "3", "--tune", "--set=a=1", "--calibrate", "platt"])
    (['--epochs', '3', '--set=a=1'], ['--tune', '--calibrate', 'platt'])
    """
    searched = {each.names[0] for each in options_of(TuneSpec) if each.names and each.key in model_options()}
    both: list[str] = []
    others: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        flag, equals, _ = word.partition("=")
        values = [left.pop(0)] if flag in searched and not equals and left else []
        (both if flag in searched else others).extend([word, *values])
    return both, others


def _schema(option: Option) -> dict[str, object]:
    """Return the JSON schema of an option's value."""
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
    """Return the schema of a list of values."""
    return {"type": "array", "items": value, "minItems": 1}
