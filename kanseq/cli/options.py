"""Options that every verb shares, and how a verb's result is shown."""

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
    """Send the package's messages of this level and above to standard error."""
    if level.upper() not in LEVELS:
        raise typer.BadParameter("choose debug, info, warning or error")
    show_messages(level)
    return level


def _load_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take a YAML file's ``option: value`` lines as this command's defaults; the command line wins."""
    if path is None:
        return None
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path}: cannot be read as YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(content, dict):
        raise typer.BadParameter(f"{path}: lines of the form 'option: value' are wanted")
    parameters = context.command.params
    known = {flag: one for one in parameters for flag in (*map(_key, one.opts), one.name or "")}
    negated = {flag: one for one in parameters for flag in map(_key, one.secondary_opts)}
    defaults = {}
    for key, value in content.items():
        name = _key(str(key))
        parameter = known.get(name) or negated.get(name)
        if parameter is None:
            raise typer.BadParameter(f"{path}: '{key}' is no option of kanseq {context.info_name}")
        if name in negated and not isinstance(value, bool):
            raise typer.BadParameter(f"{path}: '{key}' is true or false")
        repeatable = getattr(parameter, "multiple", False) or parameter.nargs == -1
        lonely = repeatable and not isinstance(value, list)
        defaults[parameter.name] = not value if name in negated else [value] if lonely else value
    context.default_map = {**(context.default_map or {}), **defaults}
    return path


def _key(flag: str) -> str:
    """Write an option's flag as a key of a YAML file."""
    return flag.lstrip("-").replace("-", "_")


def typer_option(option: Option) -> Any:
    """Return what typer reads of an option that a specification declares."""
    # Only counts outside of groups are the command line's to refuse, as wrong use; the specification checks all others.
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
    """Return what typer reads of one option of a specification, for a command that does not take all of them.

    Args:
        specification: the dataclass that declares the option.
        name: its keyword.
        panel: its heading in the help.
        help: its line of help for this command; None takes the declared one.
    """
    option = next(each for each in options_of(specification) if each.name == name)
    flag = option.flag._replace(panel=panel)
    return typer_option(option._replace(group="", flag=flag, help=option.help if help is None else help))


LogLevel = Annotated[
    str,
    typer.Option("--log-level", callback=_set_log_level, help="debug, info, warning or error", rich_help_panel=COMMON),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        callback=_load_config,
        is_eager=True,
        help="the same options from a YAML file",
        rich_help_panel=COMMON,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="a machine-readable summary on standard output", rich_help_panel=COMMON)
]
Threads = Annotated[int, declared(TrainSpec, "threads", panel=COMMON)]
# Of a training several seeds can be given, of all other commands one.
Seed = Annotated[int, declared(TuneSpec, "seed", panel=COMMON)]
Device = Annotated[str, declared(TrainSpec, "device", panel=COMMON)]


def pairs(texts: list[str] | None) -> dict[str, str]:
    """Read ``--set KEY=VALUE``."""
    parted = [text.partition("=") for text in texts or []]
    for key, equals, _ in parted:
        if not (key and equals):
            raise typer.BadParameter(f"'{key}': KEY=VALUE is wanted", param_hint="--set")
    return {key: value for key, _, value in parted}


def check_standard_output(as_json: bool, *outputs: Path | None) -> None:
    """Refuse an output on standard output where the summary is to stand there alone."""
    if as_json and any(str(output) == "-" for output in outputs):
        raise typer.BadParameter("--json takes standard output: give the output a name")


def show(result: NamedTuple, as_json: bool) -> None:
    """Print a result's fields: to standard output as one JSON object, or to standard error a line each."""
    # A table or a set in the result is for callers from Python; its file is what the command line gives.
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
    """Make a value fit for JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value.item() if hasattr(value, "item") else value
