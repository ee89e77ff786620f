"""``kanseq leaks``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Config, Json, LogLevel, check_standard_output, show


def leaks(
    genes: Annotated[Path, typer.Argument(help="set of genes that --splits refers to", show_default=False)],
    splits: Annotated[Path, typer.Option("--splits", help="splits.tsv, from kanseq split or another tool")],
    homology: Annotated[
        Path | None,
        typer.Option(
            "--homology",
            help="groups or pairs from kanseq homology, to find training genes that are homologs of test genes",
        ),
    ] = None,
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            "--labels",
            help="labels.tsv from kanseq label, to count labels and to check that label thresholds do not "
            "depend on test genes; repeatable",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="report that lists the leaking genes (leaks.json); - for standard output"),
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--table", help="table of counts (leaks.tsv), one line per fold and kind of leak")
    ] = None,
    pairs: Annotated[
        int,
        typer.Option(
            "--pairs", min=0, help="maximum number of gene pairs listed in leaks.json, per fold and kind of leak"
        ),
    ] = 100,
    strict: Annotated[bool, typer.Option("--strict", help="exit with code 3 if a leak is found")] = False,
    log_level: LogLevel = "info",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Check splits for leaks from test into training, such as overlapping, homologous or duplicate genes.

    With --labels, also check that label thresholds do not depend on test genes.

    Example: kanseq leaks genes.parquet --splits splits.tsv --homology homologs.tsv --strict
    """
    from kanseq import api

    check_standard_output(as_json, output, table)
    result = api.leaks(
        genes, splits=splits, homology=homology, labels=labels or (), output=output, table=table, pairs=pairs
    )
    if as_json:
        show(result, as_json)
    else:
        # The text goes to standard error if the report goes to standard output.
        (sys.stderr if "-" in (str(output), str(table)) else sys.stdout).write(result.text)
    if strict:
        result.check()


def add_to(app: typer.Typer) -> None:
    """Register the command with the program."""
    app.command("leaks")(leaks)
