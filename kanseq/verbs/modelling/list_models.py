"""``kanseq models``: list the architectures with their hyper-parameters and exact numbers of parameters.

In: the sizes of the windows that models read. Out: a description of each architecture.
"""

import dataclasses
import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.architecture import Architecture
from kanseq.models.registry import (
    Value,
    architecture,
    architectures,
    config_to_json,
    make_config,
    option_types,
    type_name,
)
from kanseq.models.sizes import count_parameters, match_parameters
from kanseq.verbs.short_repr import brief

logger = logging.getLogger(__name__)


@brief
class ModelList(NamedTuple):
    """Result of :func:`list_models`.

    Attributes:
        models: a dictionary per model: ``name``, ``parameters`` (number of parameters), ``summary``, ``source``
            (publication), ``options`` (type, default and help text of each hyper-parameter), ``recipe`` (the model's
            defaults for options of ``kanseq train``) and ``set``. The last contains the hyper-parameters that differ
            from their defaults, because they were specified or chosen to match the requested number of parameters.
    """

    models: list[dict[str, object]]


def list_models(
    name: str | None = None,
    *,
    upstream: int = 1000,
    downstream: int = 500,
    pad: int = 20,
    length: int | None = None,
    match: int | None = None,
    options: Mapping[str, Value] | None = None,
) -> ModelList:
    """List the architectures with their exact numbers of parameters, for sequences of the specified size.

    Args:
        name: describe only this architecture.
        upstream, downstream, pad: sizes of the gene windows in columns, as in ``kanseq extract``.
        length: length of the sequences that models read instead of gene windows, as in ``kanseq import``.
        match: choose layer widths so that networks have about this number of parameters; omit architectures for which
            this is not possible.
        options: hyper-parameters of the model ``name``, as in ``kanseq train --set``.

    Raises:
        BadOption: the model, geometry or a hyper-parameter is invalid, or the number of parameters of the model
            ``name`` cannot be matched.
    """
    if length is not None and length < 1:
        raise BadOption(f"length is {length}", hint="it must be at least 1")
    try:
        geometry = Geometry(upstream, downstream, pad) if length is None else Geometry.plain(length)
    except ValueError as error:
        raise BadOption(str(error)) from error
    if name is not None:
        return ModelList([_describe(architecture(name), geometry, match, options or {})])
    if options:
        raise BadOption("options belong to one model", hint="specify the model: kanseq models NAME --set KEY=VALUE")
    found = []
    for each in architectures().values():
        if match is not None and each.resized is None:
            continue
        try:
            found.append(_describe(each, geometry, match))
        except BadOption as error:
            if match is None:
                raise
            logger.info("%s", error.what)
    return ModelList(found)


def _describe(
    each: Architecture, geometry: Geometry, match: int | None, given: Mapping[str, Value] = MappingProxyType({})
) -> dict[str, object]:
    """Return the entry of one architecture in :class:`ModelList`, without allocating its network.

    ``given`` are the specified hyper-parameters. ``match`` is the number of parameters to match; None keeps the
    widths."""
    default, config = make_config(each.name, geometry), make_config(each.name, geometry, given)
    if match is not None:
        config = match_parameters(each, config, match)
    before, after = config_to_json(default), config_to_json(config)
    options = {
        field.name: {
            "type": type_name(option_types(each.config)[field.name]),
            "default": getattr(default, field.name),
            "help": field.metadata.get("help", ""),
        }
        for field in dataclasses.fields(each.config)
        if field.name != "geometry"
    }
    return {
        "name": each.name,
        "parameters": count_parameters(each, config),
        "summary": each.summary,
        "source": each.source,
        "options": options,
        "recipe": dict(each.recipe),
        "set": {key: value for key, value in after.items() if value != before[key]},
    }
