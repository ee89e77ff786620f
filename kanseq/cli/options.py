"""Options that several commands share, and functions that print the result of a command."""

import json
import math
import sys
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from kanseq.io.messages import LEVELS, show_messages
from kanseq.specification.fields import Option, options_of
from kanseq.specification.training import COMMON, TrainSpec, TuneSpec


def _set_log_level(level: str) -> str:
    """Write log messages of this level and above to standard error; return the level. Callback of ``--log-level``."""
    if level.upper() not in LEVELS:
        raise typer.BadParameter("choose debug, info, warning or error")
    show_messages(level)
    return level


def _load_config(context: typer.Context, path: Path | None) -> Path | None:
    """Read ``option: value`` lines from a YAML file and use them as defaults of the command; callback of ``--config``.

    Options on the command line take precedence.
    """
    if path is None:
        return None
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path}: cannot be read as YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(content, dict):
        raise typer.BadParameter(f"{path}: expected lines of the form 'option: value'")
    parameters = context.command.params
    known = {flag: one for one in parameters for flag in (*map(_key, one.opts), one.name or "")}
    negated = {flag: one for one in parameters for flag in map(_key, one.secondary_opts)}
    defaults = {}
    for key, value in content.items():
        name = _key(str(key))
        parameter = known.get(name) or negated.get(name)
        if parameter is None:
            raise typer.BadParameter(f"{path}: '{key}' is not an option of kanseq {context.info_name}")
        if name in negated and not isinstance(value, bool):
            raise typer.BadParameter(f"{path}: '{key}' must be true or false")
        repeatable = getattr(parameter, "multiple", False) or parameter.nargs == -1
        lonely = repeatable and not isinstance(value, list)
        defaults[parameter.name] = not value if name in negated else [value] if lonely else value
    context.default_map = {**(context.default_map or {}), **defaults}
    return path


def _key(flag: str) -> str:
    """Return the YAML key of a flag: ``batch_size`` for ``--batch-size``."""
    return flag.lstrip("-").replace("-", "_")


def typer_option(option: Option) -> Any:
    """Convert an option of a specification (:mod:`kanseq.specification`) to a typer option."""
    # typer checks the minimum of counts (usage errors), except in groups; the specification checks all other values.
    least = option.about["least"]
    is_count = option.kind is int and not option.group and math.isfinite(least)
    return typer.Option(
        *option.names,
        help=option.help or None,
        metavar=option.flag.metavar,
        rich_help_panel=option.flag.panel,
        min=least if is_count else None,
    )


def declared(specification: type, name: str, *, panel: str, help: str | None = None) -> Any:
    """Convert one option of a specification to a typer option, for commands that use only a few of its options.

    Args:
        specification: the dataclass that declares the option.
        name: the option's keyword in Python.
        panel: heading of the section of the help page that lists the option.
        help: help text for this command; None uses the text in the specification.
    """
    option = next(each for each in options_of(specification) if each.name == name)
    flag = option.flag._replace(panel=panel)
    return typer_option(option._replace(group="", flag=flag, help=option.help if help is None else help))


LogLevel = Annotated[
    str,
    typer.Option(
        "--log-level",
        callback=_set_log_level,
        help="show messages of this level and above: debug, info, warning or error",
        rich_help_panel=COMMON,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        callback=_load_config,
        is_eager=True,
        help="YAML file with lines 'option: value'; options on the command line take precedence",
        rich_help_panel=COMMON,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="print a JSON summary to standard output", rich_help_panel=COMMON)]
Threads = Annotated[int, declared(TrainSpec, "threads", panel=COMMON)]
# kanseq train takes several seeds, all other commands take one.
Seed = Annotated[int, declared(TuneSpec, "seed", panel=COMMON)]
Device = Annotated[str, declared(TrainSpec, "device", panel=COMMON)]


def pairs(texts: list[str] | None) -> dict[str, str]:
    """Parse the values of ``--set``, each ``KEY=VALUE``, into a dictionary."""
    parted = [text.partition("=") for text in texts or []]
    for key, equals, _ in parted:
        if not (key and equals):
            raise typer.BadParameter(f"'{key}': expected KEY=VALUE", param_hint="--set")
    return {key: value for key, _, value in parted}


def check_standard_output(as_json: bool, *outputs: Path | None) -> None:
    """Raise a usage error if ``--json`` is used and an output path is ``-``: both would print to standard output."""
    if as_json and any(str(output) == "-" for output in outputs):
        raise typer.BadParameter("--json prints to standard output: write the output to a file")


def show(result: NamedTuple, as_json: bool) -> None:
    """Print the fields of a result: as one JSON object to standard output, or as lines to standard error.

    Fields that contain tables or sets of sequences are omitted.
    """
    # Tables and sets in a result are for callers from Python; commands write them to files.
    tables = [name for name, value in result._asdict().items() if hasattr(value, "columns") or hasattr(value, "table")]
    fields = {name: _plain(value) for name, value in result._asdict().items() if name not in tables}
    if as_json:
        sys.stdout.write(json.dumps(fields) + "\n")
        return
    for name, value in fields.items():
        if value is not None and (value or not isinstance(value, (dict, list))):
            shown = f"{value:,}" if isinstance(value, int) else value
            sys.stderr.write(f"{name.replace('_', ' ')}: {shown}\n")


def _plain(value: object) -> object:
    """Convert a value to types that JSON supports, including items of lists and dictionaries."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value.item() if hasattr(value, "item") else value
