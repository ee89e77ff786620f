"""Entries of a benchmark: models with their options, matched in size if requested.

In: names of models, and options ``MODEL.KEY=VALUE``. Out: entries, and their hyper-parameters and sizes on a set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import NamedTuple, TypeAlias, get_type_hints

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.registry import Value, architecture, config_to_json, make_config, parse_option
from kanseq.models.sizes import Cost, cost_of, match_parameters
from kanseq.training.settings import Settings, settings_for

VARIANTS = ("legnet", "legnet-lkan", "legnet-ckan")
"""LegNet, which is the baseline of benchmarks, and its two KAN variants."""


class Entry(NamedTuple):
    """A model in a benchmark.

    Attributes:
        name: name of the model's row in tables, and of its folder.
        model: an architecture that ``kanseq models`` lists.
        options: the hyper-parameters that the user set.
        settings: the training options that the user set, fields of :class:`kanseq.training.settings.Settings`.
        parameters: number of parameters that the model should have; None to keep the size that its options define.
    """

    name: str
    model: str
    options: Mapping[str, Value]
    settings: Mapping[str, Value]
    parameters: int | None = None

    def on(self, geometry: Geometry, classes: int) -> "Competitor":
        """Determine all hyper-parameters for a set with this geometry and number of classes.

        Raises:
            BadOption: the model does not have an option, or its size cannot be matched.
        """
        kind = architecture(self.model)
        config = make_config(self.model, geometry, self.options, classes if classes > 2 else None)
        options = dict(self.options)
        if self.parameters is not None:
            matched = match_parameters(kind, config, self.parameters)
            before, after = config_to_json(config), config_to_json(matched)
            options |= {key: value for key, value in after.items() if value != before[key]}  # type: ignore[misc]
            config = matched
        return Competitor(self, options, config_to_json(config), cost_of(kind, config))


class Competitor(NamedTuple):
    """An entry with its hyper-parameters for one set.

    Attributes:
        entry: the entry.
        options: all hyper-parameters that differ from the model's defaults.
        config: all hyper-parameters, as in ``run.json``.
        cost: numbers of parameters and operations of the network; None for a model without a network.
    """

    entry: Entry
    options: Mapping[str, Value]
    config: Mapping[str, object]
    cost: Cost | None


def make_entries(models: Sequence[str], options: Sequence[str] = (), *, parameters: int | None = None) -> list[Entry]:
    """Return an entry for each model.

    Args:
        models: names of architectures, each once.
        options: hyper-parameters and training options, as ``MODEL.KEY=VALUE``, or ``KEY=VALUE`` for all models that
            have the option.
        parameters: number of parameters that models should have; ignored for models whose widths cannot be changed.

    Raises:
        BadOption: a model or an option is unknown, or a model is named twice.
    """
    if not models or len(set(models)) < len(models):
        raise BadOption("--model: no model is named, or one is named twice", hint="name each model once")
    own, settings = parted_options(options, models)
    return [
        Entry(name, name, own[name], settings[name], None if architecture(name).resized is None else parameters)
        for name in models
    ]


Parted: TypeAlias = dict[str, dict[str, Value]]
"""Options of several models: model -> option -> value."""


def parted_options(options: Sequence[str], models: Sequence[str]) -> tuple[Parted, Parted]:
    """Parse the options of several models; return their hyper-parameters, and their training options.

    Args:
        options: ``MODEL.KEY=VALUE``, or ``KEY=VALUE`` for all models that have the option.
        models: names of architectures.

    Raises:
        BadOption: a model or an option is unknown.
    """
    known = {name: {each.name for each in fields(architecture(name).config)} - {"geometry"} for name in models}
    own: Parted = {name: {} for name in models}
    settings: Parted = {name: {} for name in models}
    for text in options:
        left, equals, value = text.partition("=")
        model, dot, key = left.rpartition(".")
        field = key.replace("-", "_")
        if not (equals and key) or (dot and model not in known):
            raise BadOption(f"--set {text}", hint=f"use [MODEL.]KEY=VALUE; the models are {', '.join(models)}")
        requested = [model] if dot else list(models)
        takers = requested if field in _SETTINGS else [name for name in requested if field in known[name]]
        if not takers:
            raise BadOption(f"--set {text}: {f'{model} has no' if dot else 'no model has an'} option '{key}'")
        for name in takers:
            if field in _SETTINGS:
                settings[name][field] = parse_option(f"--set {key}", _SETTINGS[field], value)
            else:
                own[name][field] = value
    for name in models:
        # Reject invalid values before anything is written.
        settings_for(architecture(name), **settings[name])
    return own, settings


_SETTINGS = {name: kind for name, kind in get_type_hints(Settings).items() if name != "tune"}
"""Training options with their types. ``tune`` is excluded: the best epoch is used for all models."""
