"""``kanseq models``."""

from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, pairs, show


def models(
    name: Annotated[str | None, typer.Argument(help="show only this model, with its hyper-parameters")] = None,
    upstream: Annotated[int, typer.Option(help="number of bases before the TSS, and after the TTS")] = 1000,
    downstream: Annotated[
        int, typer.Option(help="number of transcribed bases after the TSS, and before the TTS")
    ] = 500,
    pad: Annotated[int, typer.Option(help="number of columns with N between the TSS window and the TTS window")] = 20,
    length: Annotated[
        int | None, typer.Option("--length", help="length of the input sequences, instead of two windows per gene")
    ] = None,
    match: Annotated[
        int | None,
        typer.Option(
            "--match-parameters", min=1, help="choose layer widths so that networks have about this many parameters"
        ),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="hyper-parameter of the named model; repeatable"),
    ] = None,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the models with their exact numbers of parameters, for windows of the specified sizes.

    Example: kanseq models legnet-lkan --length 101 --match-parameters 500000

    Example: kanseq models kan-mixer --set token_hidden=189
    """
    from kanseq import api

    result = api.list_models(
        name,
        upstream=upstream,
        downstream=downstream,
        pad=pad,
        length=length,
        match=match,
        options=pairs(options) or None,
    )
    if as_json:
        show(result, as_json)
    elif name is None and match is not None:
        _table(("name", "parameters", "set"), [{**model, "set": _set(model["set"])} for model in result.models])
    elif name is None:
        _table(("name", "parameters", "summary", "source"), result.models)
    else:
        (model,) = result.models
        _table(("name", "parameters", "summary", "source"), [model])
        if model["set"]:
            heading = "for this count" if match is None else "for this size"
            _table((heading,), [{heading: _set(model["set"])}])
        rows = [{"option": option, **about} for option, about in model["options"].items()]
        if rows:
            _table(("option", "type", "default", "help"), rows)
        if model["recipe"]:
            given = model["recipe"].items()
            recipe = [{"kanseq train": f"--{name.replace('_', '-')}", "default here": value} for name, value in given]
            _table(("kanseq train", "default here"), recipe)


def _set(options: dict[str, object]) -> str:
    """Format hyper-parameters as options of ``kanseq train``: ``--set KEY=VALUE …``."""
    return " ".join(f"--set {key}={value}" for key, value in options.items())


def _table(columns: tuple[str, ...], rows: list[dict[str, object]]) -> None:
    """Print rows as a table to standard output; lines are truncated or wrapped only if it is a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 1000
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        shown = [row[column] for column in columns]
        table.add_row(
            *(
                f"{value:,}" if type(value) is int else str(value).lower() if value is None else str(value)
                for value in shown
            )
        )
    console.print(table)


def add_to(app: typer.Typer) -> None:
    """Register the command with the program."""
    app.command("models")(models)
