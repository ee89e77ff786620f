"""Find architectures by name: those of kanseq, and plugins that register the entry point ``kanseq.models``.

In: a name and options. Out: checked configurations, and models.
"""

import dataclasses
import difflib
import logging
import types
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from typing import TypeAlias, Union, get_args, get_origin, get_type_hints

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.architecture import Architecture
from kanseq.models.classical import boosting, kmer_sgd, logistic, ridge
from kanseq.models.config import Config, Hyperparameters
from kanseq.models.estimators import Estimator
from kanseq.models.network import Network
from kanseq.models.networks import deepcre, kan, kan_mixer, kan_words, legnet, mlp

logger = logging.getLogger(__name__)

GROUP = "kanseq.models"
"""Entry points of this group refer to an :class:`~kanseq.models.architecture.Architecture`."""

OWN = (
    kan_words.ARCHITECTURE,
    kan_mixer.ARCHITECTURE,
    kan.ARCHITECTURE,
    mlp.ARCHITECTURE,
    deepcre.ARCHITECTURE,
    *legnet.ARCHITECTURES,
    *logistic.ARCHITECTURES,
    kmer_sgd.ARCHITECTURE,
    boosting.ARCHITECTURE,
    ridge.ARCHITECTURE,
)

Value: TypeAlias = str | int | float | bool | None


@lru_cache(maxsize=1)
def architectures() -> dict[str, Architecture]:
    """Return all architectures by name. Skip a plugin that does not load or has a used name, with a warning."""
    found = {each.name: each for each in OWN}
    for point in entry_points(group=GROUP):
        # An error in a third-party package must not stop this one.
        try:
            plugin = point.load()
        except Exception as error:
            logger.warning("the model plugin '%s' does not load: %s", point.value, error)
            continue
        if not isinstance(plugin, Architecture):
            logger.warning("the model plugin '%s' is not a kanseq Architecture", point.value)
        elif plugin.name in found:
            logger.warning("the model plugin '%s' has the name '%s', which is already used", point.value, plugin.name)
        else:
            found[plugin.name] = plugin
    return found


def architecture(name: str) -> Architecture:
    """Return the architecture of a name.

    Raises:
        BadOption: there is no such architecture; the message shows the closest names.
    """
    known = architectures()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or list(known)
        raise BadOption(f"no model is called '{name}'", hint=f"choose {', '.join(close)} (see kanseq models)")
    return known[name]


def make_config(
    name: str, geometry: Geometry, options: Mapping[str, Value] | None = None, outputs: int | None = None
) -> Hyperparameters:
    """Build an architecture's configuration from options; text is converted to the type of its field.

    Args:
        name: the architecture.
        geometry: the columns to read; ignored by models of vectors.
        options: hyper-parameters by name, with ``_`` or ``-``.
        outputs: outputs per sequence; None for the architecture's default. Estimators ignore it.

    Raises:
        BadOption: an option is unknown, of the wrong type or out of range.
    """
    kind = architecture(name).config
    known = option_types(kind)
    values: dict[str, Value] = {}
    for key, value in (options or {}).items():
        field = key.replace("-", "_")
        if field not in known:
            close = difflib.get_close_matches(field, known, n=3) or list(known)
            hint = f"it has {', '.join(close)}" if known else "it has no options"
            raise BadOption(f"the model '{name}' has no option '{key}'", hint=hint)
        values[field] = parse_option(key, known[field], value)
    if outputs is not None and "outputs" in known:
        values["outputs"] = outputs
    placed = {"geometry": geometry} if issubclass(kind, Config) else {}
    return kind(**placed, **values)


def config_to_json(config: Hyperparameters) -> dict[str, object]:
    """Return a configuration's fields as written to files."""
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    return {**fields, "geometry": config.geometry.to_json()} if isinstance(config, Config) else fields


def config_from_json(name: str, fields: Mapping[str, object]) -> Hyperparameters:
    """Read the fields that :func:`config_to_json` returned; missing fields take their defaults.

    Raises:
        BadOption: the model, a field or its value is unknown or invalid.
    """
    options = {key: value for key, value in fields.items() if key != "geometry"}
    geometry = Geometry.from_json(fields.get("geometry", {}))  # type: ignore[arg-type]
    return make_config(name, geometry, options)  # type: ignore[arg-type]


def parameter_count(model: Network | Estimator) -> int:
    """Return the number of values that the training of a model learns."""
    if isinstance(model, Estimator):
        return model.parameters
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def option_types(kind: type[Hyperparameters]) -> dict[str, type]:
    """Return name and type of a configuration's hyper-parameters."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind) if field.name != "geometry"}


def _choices(kind: type) -> tuple[type, ...]:
    """Return the types that a field accepts: one, or those of a union."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def type_name(kind: type) -> str:
    """Return a field's type in words.

    >>> type_name(int | None)
    'int or none'
    """
    return " or ".join("none" if choice is type(None) else choice.__name__ for choice in _choices(kind))


def parse_option(key: str, kind: type, value: Value) -> Value:
    """Convert an option's value to its field's type.

    >>> parse_option("token-hidden", int | None, "189"), parse_option("base", bool, "no")
    (189, False)
    """
    for choice in _choices(kind):
        text = str(value).strip()
        if choice is type(None) and text.lower() == "none":
            return None
        if choice is bool and text.lower() in _TRUTH:
            return _TRUTH[text.lower()]
        if choice in (int, float) and not isinstance(value, bool):
            try:
                return choice(text)
            except ValueError:
                continue
        if choice is str:
            return text
    raise BadOption(f"option '{key}' is '{value}'", hint=f"{type_name(kind)} is required")


_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
