"""Entries of a benchmark: models with their options, matched in size if requested.

In: names and ``MODEL.KEY=VALUE``. Out: entries, and the options and counts of each on a given set.
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
"""The baseline and its two KAN variants; all others are compared with the first."""


class Entry(NamedTuple):
    """A model in a benchmark.

    Attributes:
        name: name of its row and of its folder.
        model: an architecture of ``kanseq models``.
        options: its hyper-parameters.
        settings: its training options, fields of :class:`kanseq.training.settings.Settings`.
        parameters: number of parameters to match; None to keep the size that follows from its options.
    """

    name: str
    model: str
    options: Mapping[str, Value]
    settings: Mapping[str, Value]
    parameters: int | None = None

    def on(self, geometry: Geometry, classes: int) -> "Competitor":
        """Resolve its options for sequences of this width and for this number of classes.

        Raises:
            BadOption: an option is unknown to the model, or the size cannot be matched.
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
    """An entry on one set.

    Attributes:
        entry: the entry.
        options: all hyper-parameters that differ from the model's defaults.
        config: all hyper-parameters, as in ``run.json``.
        cost: parameters and operations of its network; None for a model without one.
    """

    entry: Entry
    options: Mapping[str, Value]
    config: Mapping[str, object]
    cost: Cost | None


def make_entries(models: Sequence[str], options: Sequence[str] = (), *, parameters: int | None = None) -> list[Entry]:
    """Return an entry for each model.

    Args:
        models: names of architectures, each once.
        options: ``MODEL.KEY=VALUE``, hyper-parameters and training options; ``KEY=VALUE`` is for all models with this
            option.
        parameters: number of parameters to match by each network with widths to choose.

    Raises:
        BadOption: a model or an option is unknown, or a model is named twice.
    """
    if not models or len(set(models)) < len(models):
        raise BadOption("--model: no name, or a name twice", hint="name each model once")
    own, settings = parted_options(options, models)
    return [
        Entry(name, name, own[name], settings[name], None if architecture(name).resized is None else parameters)
        for name in models
    ]


Parted: TypeAlias = dict[str, dict[str, Value]]
"""Values by name, for each model."""


def parted_options(options: Sequence[str], models: Sequence[str]) -> tuple[Parted, Parted]:
    """Separate hyper-parameters from training options, and return both for each model.

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
            raise BadOption(f"--set {text}: {f'{model} has no' if dot else 'no model here has an'} option '{key}'")
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
