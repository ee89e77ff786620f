"""Declare options as fields of dataclasses, once for the command line, YAML files, Python keywords and JSON.

In: frozen dataclasses (specifications) whose fields are declared by :func:`option` and :func:`group`. Out: a flat list
of their options; conversions between instances and keywords or JSON.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from numbers import Real
from os import PathLike, fspath
from types import NoneType
from typing import Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from kanseq.errors import BadOption, BadTable

REQUIRED = dataclasses.MISSING
"""The ``default`` of an option that is required."""

FORMAT = 1
"""Version of the JSON format that :func:`to_json` writes."""

Specification = TypeVar("Specification")


class Flag(NamedTuple):
    """The command-line form of an option.

    Attributes:
        names: the option's flags; ``()`` for a positional argument; None derives ``--some-name`` from the field's name.
        metavar: placeholder for the value in the help; None for the name of its type.
        repeatable: whether the option can be used several times.
        panel: heading of the help section that lists the option; None for the main section.
        is_path: whether values are files or folders.
    """

    names: tuple[str, ...] | None = None
    metavar: str | None = None
    repeatable: bool = False
    panel: str | None = None
    is_path: bool = False


class Option(NamedTuple):
    """One option of a command, derived from a field of its specification.

    Attributes:
        name: name of the keyword in Python.
        annotation: type of the keyword.
        default: default of the keyword; :data:`REQUIRED` if there is none.
        help: help text, one line.
        flag: command-line form of the option.
        about: metadata of the field, see :func:`option`.
        group: name of the field, declared by :func:`group`, that includes the option; empty if the option is a field of
            the specification itself.
    """

    name: str
    annotation: Any
    default: object
    help: str
    flag: Flag
    about: Mapping[str, Any]
    group: str = ""

    @property
    def kind(self) -> type:
        """Type of a single value: the first type in the annotation that is not None."""
        members = [each for each in get_args(self.annotation) if each is not NoneType]
        return members[0] if members else self.annotation

    @property
    def takes_one(self) -> bool:
        """Whether the keyword accepts a single value; false if it requires a sequence."""
        return get_origin(self.annotation) is not Sequence

    @property
    def key(self) -> str:
        """Key of the option in a YAML file: the name of its flag or, for a positional argument, of its field."""
        return self.names[0].partition("/")[0].lstrip("-").replace("-", "_") if self.names else self.name

    @property
    def names(self) -> tuple[str, ...]:
        """Command-line flags, or ``--name/--no-name`` for a switch that is on by default; empty if positional."""
        if self.flag.names is not None:
            return self.flag.names
        name = self.name.replace("_", "-")
        # A switch that is off by default needs no negative form.
        return (f"--{name}/--no-{name}",) if self.kind is bool and self.default is not False else (f"--{name}",)


def option(
    default: object,
    help: str,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    choices: tuple[str, ...] = (),
    flag: Flag = Flag(),
    recipe: bool = True,
    searched: bool = True,
    later: bool = False,
) -> Any:
    """Declare an option as the field of a dataclass.

    Args:
        default: the default, or :data:`REQUIRED`.
        help: help text, one line.
        least, above, most: bounds of a number; ``above`` is exclusive.
        choices: all allowed strings; empty if any string is allowed.
        flag: command-line form of the option.
        recipe: in a group of settings, whether a model's recipe may set the option; the keyword's default is then None.
        searched: whether ``kanseq tune`` can search values of the option.
        later: whether the option was added after the first release. Such an option is written to files only if its
            value is not the default. Files can then be compared with files of older versions.

    Returns:
        The field.
    """
    about = {"help": help, "least": least, "above": above, "most": most, "choices": choices, "flag": flag}
    about |= {"recipe": recipe, "searched": searched, "later": later}
    return dataclasses.field(default=default, metadata=about)  # type: ignore[call-overload]


def group(kind: type, *, panel: str, helps: Mapping[str, str] | None = None, settings: bool = False) -> Any:
    """Declare a field whose value contains the options of another dataclass.

    Args:
        kind: the other dataclass.
        panel: heading of its options in the help.
        helps: the options to include (name -> help text in this command); None includes all options, with their usual
            help texts.
        settings: if true, the value is a dict with only those options that are specified, because a model's recipe
            sets the others; if false, it is an instance of ``kind``.

    Returns:
        The field.
    """
    about = {"group": kind, "panel": panel, "helps": helps, "settings": settings}
    return dataclasses.field(default_factory=dict if settings else kind, metadata=about)


def options_of(specification: type) -> list[Option]:
    """Return all options of a specification; the field of a :func:`group` is replaced by the group's options."""
    return list(_options_of(specification))


@functools.cache
def _options_of(specification: type) -> tuple[Option, ...]:
    """Return all options of a specification; cached, because every new instance is checked against them."""
    hints = get_type_hints(specification)
    found = []
    for field in dataclasses.fields(specification):
        if "group" in field.metadata:
            found += _options_of_group(field)
        else:
            about = field.metadata
            found.append(Option(field.name, hints[field.name], field.default, about["help"], about["flag"], about))
    return tuple(found)


def _options_of_group(outer: dataclasses.Field) -> list[Option]:
    """Return the options of the group that a field contains; the field was declared by :func:`group`.

    The default of an option is None if a model's recipe may set its value.
    """
    kind, helps, panel = (outer.metadata[name] for name in ("group", "helps", "panel"))
    hints = get_type_hints(kind)
    found = []
    for field in dataclasses.fields(kind):
        about = field.metadata
        if helps is not None and field.name not in helps:
            continue
        is_open = outer.metadata["settings"] and about["recipe"]
        annotation = hints[field.name] | None if is_open else hints[field.name]
        help = about["help"] if helps is None else helps[field.name]
        flag = about["flag"]._replace(panel=panel)
        found.append(Option(field.name, annotation, None if is_open else field.default, help, flag, about, outer.name))
    return found


def gather(specification: type[Specification], keywords: Mapping[str, object]) -> Specification:
    """Create an instance of a specification from keywords (option name -> value); other options get their defaults.

    Raises:
        TypeError: a keyword is unknown.
    """
    known = {each.name: each for each in options_of(specification)}
    own: dict[str, Any] = {}
    groups: dict[str, dict[str, object]] = {}
    for each in known.values():
        value = keywords.get(each.name, each.default)
        if not each.group:
            own |= {} if value is REQUIRED else {each.name: value}
        else:
            groups.setdefault(each.group, {})[each.name] = value
    for name in keywords:
        if name not in known:
            raise TypeError(f"{specification.__name__} has no option '{name}'")
    for field in dataclasses.fields(specification):  # type: ignore[arg-type]
        if field.name in groups:
            values = groups[field.name]
            changed = {name: value for name, value in values.items() if value != known[name].default}
            own[field.name] = changed if field.metadata["settings"] else field.metadata["group"](**values)
    return specification(**own)


def keywords_of(specification: object) -> dict[str, object]:
    """Return the values that differ from their defaults in an instance of a specification, as keyword -> value."""
    found = {}
    for each in options_of(type(specification)):
        holder = getattr(specification, each.group) if each.group else specification
        value = holder.get(each.name) if isinstance(holder, Mapping) else getattr(holder, each.name)
        # Tables in memory cannot be compared with a default. Options for tables are required, or their default is None.
        if value is not None and (each.default is REQUIRED or each.default is None or value != each.default):
            found[each.name] = value
    return found


def as_config(specification: type, keywords: Mapping[str, object]) -> dict[str, object]:
    """Convert Python keywords to the content of a ``--config`` file (flag name -> value); None is left out.

    >>> from kanseq.specification.training import TrainSpec
    >>> as_config(TrainSpec, {"learning_rate": 0.01, "clip": None, "options": {"hidden": 8}})
    {'learning_rate': 0.01, 'set': ['hidden=8']}

    Raises:
        TypeError: a keyword is unknown.
    """
    known = {each.name: each for each in options_of(specification)}
    found: dict[str, object] = {}
    for name, value in keywords.items():
        if name not in known:
            raise TypeError(f"{specification.__name__} has no option '{name}'")
        if value is not None:
            pairs = [f"{key}={each}" for key, each in value.items()] if isinstance(value, Mapping) else _plain(value)
            found[known[name].key] = pairs
    return found


def to_json(specification: object) -> dict[str, object]:
    """Convert a specification's instance to JSON: ``format``, ``kind``, and ``options`` that differ from the defaults.

    Raises:
        BadOption: an input is an object in memory, not a file.
    """
    options = {name: _plain(value) for name, value in keywords_of(specification).items()}
    return {"format": FORMAT, "kind": type(specification).__name__, "options": options}


def from_json(specification: type[Specification], content: object) -> Specification:
    """Create an instance of a specification from JSON that :func:`to_json` returned.

    Raises:
        BadTable: the JSON is from a different specification or format version, or has an unknown option.
    """
    kind = specification.__name__
    if not isinstance(content, dict) or content.get("kind") != kind or not isinstance(content.get("options"), dict):
        raise BadTable(f"this is not a {kind}")
    if content.get("format") != FORMAT:
        raise BadTable(f"its format {content.get('format')} is not supported by this version of kanseq")
    try:
        return gather(specification, content["options"])
    except TypeError as error:
        raise BadTable(str(error)) from error


def _plain(value: object) -> object:
    """Convert a value to types that JSON supports.

    Raises:
        BadOption: the value is an object, such as a table, that has no JSON form.
    """
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, PathLike):
        return fspath(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Real):
        return value.item()  # type: ignore[attr-defined]
    raise BadOption(
        f"a {type(value).__name__} in memory cannot be passed to another process",
        hint="provide files, or use --devices 1",
    )
