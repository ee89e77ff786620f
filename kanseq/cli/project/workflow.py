"""``kanseq workflow``: ``init`` and ``path``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Json, LogLevel, show


def init(
    output: Annotated[Path, typer.Argument(metavar="DIR", help="project folder", show_default=False)],
    log_level: LogLevel = "info",
    as_json: Json = False,
) -> None:
    """Write a project folder for Snakemake: config, sample sheet, profiles, and a Snakefile that imports the rules.

    Example: kanseq workflow init project/
    """
    from kanseq import api

    show(api.init_workflow(output), as_json)
    if not as_json:
        sys.stderr.write(f"fill in {output}/config/, then: cd {output} && snakemake --cores 4\n")


def path() -> None:
    """Print the folder of the installed workflow; its rules are in workflow/Snakefile there.

    Example: kanseq workflow path
    """
    from kanseq import api

    sys.stdout.write(f"{api.workflow_path()}\n")


def add_to(app: typer.Typer) -> None:
    """Register the command with its two subcommands."""
    workflow = typer.Typer(no_args_is_help=True, help="Set up the Snakemake workflow, for a laptop or a cluster.")
    workflow.command("init")(init)
    workflow.command("path")(path)
    app.add_typer(workflow, name="workflow")
