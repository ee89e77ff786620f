"""What competes in a benchmark: models with their options, made equally large where that is wanted.

In: names and ``MODEL.KEY=VALUE``. Out: entries, and what each of them is on a given set: options, counts.
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
"""The baseline and its two KAN family; the first is what all others are compared with."""


class Entry(NamedTuple):
    """A model in a benchmark.

    Attributes:
        name: of its row, and of its folder.
        model: an architecture of ``kanseq models``.
        options: its hyper-parameters.
        settings: options of its training, fields of :class:`kanseq.training.settings.Settings`.
        parameters: how many it shall have; None for as many as its options give.
    """

    name: str
    model: str
    options: Mapping[str, Value]
    settings: Mapping[str, Value]
    parameters: int | None = None

    def on(self, geometry: Geometry, classes: int) -> "Competitor":
        """Settle its options for sequences of this width and so many classes.

        Raises:
            BadOption: the model does not know an option, or cannot be made so large.
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
        config: all hyper-parameters, as ``run.json`` has them.
        cost: what its network is, counted; None for a model without one.
    """

    entry: Entry
    options: Mapping[str, Value]
    config: Mapping[str, object]
    cost: Cost | None


def make_entries(models: Sequence[str], options: Sequence[str] = (), *, parameters: int | None = None) -> list[Entry]:
    """Make an entry of each model.

    Args:
        models: names of architectures, each once.
        options: ``MODEL.KEY=VALUE``: hyper-parameters and options of the training; ``KEY=VALUE`` is for all models that
            know the key.
        parameters: so many shall each network have whose widths can be chosen.

    Raises:
        BadOption: a model or an option is unknown, or a model is named twice.
    """
    if not models or len(set(models)) < len(models):
        raise BadOption("--model: no name, or one twice", hint="name each model once")
    own, settings = parted_options(options, models)
    return [
        Entry(name, name, own[name], settings[name], None if architecture(name).resized is None else parameters)
        for name in models
    ]


Parted: TypeAlias = dict[str, dict[str, Value]]
"""For each model values by name."""


def parted_options(options: Sequence[str], models: Sequence[str]) -> tuple[Parted, Parted]:
    """Tell hyper-parameters and options of the training apart, and give each model its own.

    Args:
        options: ``MODEL.KEY=VALUE``, or ``KEY=VALUE`` for all models that know the key.
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
            raise BadOption(f"--set {text}", hint=f"[MODEL.]KEY=VALUE is wanted, of {', '.join(models)}")
        asked = [model] if dot else list(models)
        takers = asked if field in _SETTINGS else [name for name in asked if field in known[name]]
        if not takers:
            raise BadOption(f"--set {text}: {f'{model} has no' if dot else 'no model here has an'} option '{key}'")
        for name in takers:
            if field in _SETTINGS:
                settings[name][field] = parse_option(f"--set {key}", _SETTINGS[field], value)
            else:
                own[name][field] = value
    for name in models:
        # What makes no sense is refused before anything is written.
        settings_for(architecture(name), **settings[name])
    return own, settings


_SETTINGS = {name: kind for name, kind in get_type_hints(Settings).items() if name != "tune"}
"""Options of the training, with their types; that the best epoch counts is not for one model to choose."""
