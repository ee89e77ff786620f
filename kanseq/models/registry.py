"""Find architectures by name: those of kanseq, and those of plugins (Python entry points ``kanseq.models``).

In: the name of an architecture, and hyper-parameters. Out: the architecture, and its checked configuration.
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
"""Group of Python entry points of plugins. Each refers to an :class:`~kanseq.models.architecture.Architecture`."""

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
    """Return all architectures by name. Warn about and skip plugins that cannot be loaded or whose name is in use."""
    found = {each.name: each for each in OWN}
    for point in entry_points(group=GROUP):
        # An error in a third-party package must not stop kanseq.
        try:
            plugin = point.load()
        except Exception as error:
            logger.warning("the model plugin '%s' cannot be loaded: %s", point.value, error)
            continue
        if not isinstance(plugin, Architecture):
            logger.warning("the model plugin '%s' is not a kanseq Architecture", point.value)
        elif plugin.name in found:
            logger.warning("the model plugin '%s' has the name '%s', which is already used", point.value, plugin.name)
        else:
            found[plugin.name] = plugin
    return found


def architecture(name: str) -> Architecture:
    """Return the architecture with the given name.

    Raises:
        BadOption: there is no such architecture; the message lists similar names.
    """
    known = architectures()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.5) or list(known)
        raise BadOption(f"no model is called '{name}'", hint=f"choose {', '.join(close)} (see kanseq models)")
    return known[name]


def make_config(
    name: str, geometry: Geometry, options: Mapping[str, Value] | None = None, outputs: int | None = None
) -> Hyperparameters:
    """Build the configuration of an architecture from hyper-parameters, such as those of ``--set NAME=VALUE``.

    Args:
        name: the name of the architecture.
        geometry: the layout of the input columns; ignored if the inputs are vectors.
        options: hyper-parameters by name (with ``_`` or ``-``). Text is converted to the type of the hyper-parameter.
            Missing hyper-parameters have their default values.
        outputs: number of outputs per sequence; None for the default. Ignored if the architecture has no such
            hyper-parameter (estimators).

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
    """Return the fields of a configuration as written to files, for :func:`config_from_json`."""
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    return {**fields, "geometry": config.geometry.to_json()} if isinstance(config, Config) else fields


def config_from_json(name: str, fields: Mapping[str, object]) -> Hyperparameters:
    """Rebuild the configuration of architecture ``name`` from the result of :func:`config_to_json`.

    Missing fields have their default values.

    Raises:
        BadOption: the architecture or a field is unknown, or a value is invalid.
    """
    options = {key: value for key, value in fields.items() if key != "geometry"}
    geometry = Geometry.from_json(fields.get("geometry", {}))  # type: ignore[arg-type]
    return make_config(name, geometry, options)  # type: ignore[arg-type]


def parameter_count(model: Network | Estimator) -> int:
    """Return the number of learned values of a model."""
    if isinstance(model, Estimator):
        return model.parameters
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def option_types(kind: type[Hyperparameters]) -> dict[str, type]:
    """Return the type of each hyper-parameter of a configuration class, by name."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind) if field.name != "geometry"}


def _choices(kind: type) -> tuple[type, ...]:
    """Return the members of a union type, or the type itself."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def type_name(kind: type) -> str:
    """Return the name of a type for messages.

    >>> type_name(int | None)
    'int or none'
    """
    return " or ".join("none" if choice is type(None) else choice.__name__ for choice in _choices(kind))


def parse_option(key: str, kind: type, value: Value) -> Value:
    """Convert a value, such as text from the command line, to the type ``kind`` of the hyper-parameter ``key``.

    Raises:
        BadOption: the value cannot be converted.

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
