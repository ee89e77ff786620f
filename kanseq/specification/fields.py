"""Options as fields of dataclasses: each option is declared once, and all its forms are derived from the field.

In: frozen dataclasses whose fields are made by :func:`option` and :func:`group`. Out: a flat list of options, checked
values, keywords of Python functions, JSON.
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
"""Default of a required option."""

FORMAT = 1
"""Version of the JSON of :func:`to_json`."""

Specification = TypeVar("Specification")


class Flag(NamedTuple):
    """The command-line form of an option.

    Attributes:
        names: its flags; ``()`` makes a positional argument, None derives ``--some-name`` from the field's name.
        metavar: placeholder of the value in the help; None for the name of its type.
        repeatable: whether it can be used several times.
        panel: heading in the help; None for the main list.
        is_path: whether its values are files or folders.
    """

    names: tuple[str, ...] | None = None
    metavar: str | None = None
    repeatable: bool = False
    panel: str | None = None
    is_path: bool = False


class Option(NamedTuple):
    """One option of a command, derived from a field.

    Attributes:
        name: the keyword in Python and the key in YAML.
        annotation: type of the keyword.
        default: default of the keyword; :data:`REQUIRED` if there is none.
        help: help text, one line.
        flag: its command-line form.
        about: metadata of its field, see :func:`option`.
        group: name of the group field that holds it; empty if the option is a field of the specification itself.
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
        """Type of a single value: the first of the annotation's types that is not None."""
        members = [each for each in get_args(self.annotation) if each is not NoneType]
        return members[0] if members else self.annotation

    @property
    def takes_one(self) -> bool:
        """Whether the keyword also accepts a single value where the command line accepts several."""
        return get_origin(self.annotation) is not Sequence

    @property
    def key(self) -> str:
        """Key in a YAML file: the name of the flag, or of the field for an argument."""
        return self.names[0].partition("/")[0].lstrip("-").replace("-", "_") if self.names else self.name

    @property
    def names(self) -> tuple[str, ...]:
        """Flags on the command line; empty for an argument. ``--name/--no-name`` if a switch is on by default."""
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
        default: its default, or :data:`REQUIRED`.
        help: help text, one line.
        least, above, most: the range of a number; ``above`` is exclusive.
        choices: all allowed strings.
        flag: its command-line form.
        recipe: in a group of settings, whether a model's recipe may set it; the keyword's default is then None.
        searched: whether ``kanseq tune`` can search it.
        later: whether it was added after the first release. Files omit it while it has its default, so that files of
            older versions stay comparable.
    """
    about = {"help": help, "least": least, "above": above, "most": most, "choices": choices, "flag": flag}
    about |= {"recipe": recipe, "searched": searched, "later": later}
    return dataclasses.field(default=default, metadata=about)  # type: ignore[call-overload]


def group(kind: type, *, panel: str, helps: Mapping[str, str] | None = None, settings: bool = False) -> Any:
    """Declare a field that holds the options of another dataclass.

    Args:
        kind: the dataclass.
        panel: heading of its options in the help.
        helps: help texts of its options for this command; other options are left out. None takes all options.
        settings: hold only the specified values, as a dict; a model's recipe fills in the others.
    """
    about = {"group": kind, "panel": panel, "helps": helps, "settings": settings}
    return dataclasses.field(default_factory=dict if settings else kind, metadata=about)


def options_of(specification: type) -> list[Option]:
    """List all options of a specification, with those of each group in place of the group's field."""
    return list(_options_of(specification))


@functools.cache
def _options_of(specification: type) -> tuple[Option, ...]:
    """List the options, cached because every new specification is checked with them."""
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
    """List the options of a group as keywords; the default is None if the model's recipe may set the value."""
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
    """Build a specification from keywords of a Python function; missing keywords get their defaults.

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
            given = {name: value for name, value in values.items() if value != known[name].default}
            own[field.name] = given if field.metadata["settings"] else field.metadata["group"](**values)
    return specification(**own)


def keywords_of(specification: object) -> dict[str, object]:
    """Return the values of a specification that differ from the defaults, by keyword."""
    found = {}
    for each in options_of(type(specification)):
        holder = getattr(specification, each.group) if each.group else specification
        value = holder.get(each.name) if isinstance(holder, Mapping) else getattr(holder, each.name)
        # Tables in memory cannot be compared with a default; options that take tables are required or default to None.
        if value is not None and (each.default is REQUIRED or each.default is None or value != each.default):
            found[each.name] = value
    return found


def as_config(specification: type, keywords: Mapping[str, object]) -> dict[str, object]:
    """Return keywords in the form of ``--config``: options by the names of their flags, without None.

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
    """Return a specification as JSON: ``format``, ``kind``, and ``options`` by keyword, without defaults.

    Raises:
        BadOption: an input is in memory and not a file.
    """
    options = {name: _plain(value) for name, value in keywords_of(specification).items()}
    return {"format": FORMAT, "kind": type(specification).__name__, "options": options}


def from_json(specification: type[Specification], content: object) -> Specification:
    """Build a specification from the JSON of :func:`to_json`.

    Raises:
        BadTable: the JSON is of another kind or a newer format, or has an unknown option.
    """
    kind = specification.__name__
    if not isinstance(content, dict) or content.get("kind") != kind or not isinstance(content.get("options"), dict):
        raise BadTable(f"this is not a {kind}")
    if content.get("format") != FORMAT:
        raise BadTable(f"its format {content.get('format')} is unknown to this kanseq")
    try:
        return gather(specification, content["options"])
    except TypeError as error:
        raise BadTable(str(error)) from error


def _plain(value: object) -> object:
    """Convert a value to types that JSON supports."""
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
