"""``kanseq workflow``, with the subcommands ``init`` and ``path``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from kanseq.cli.options import Json, LogLevel, show


def init(
    output: Annotated[
        Path, typer.Argument(metavar="DIR", help="project folder; created if its parent exists", show_default=False)
    ],
    log_level: LogLevel = "info",
    as_json: Json = False,
) -> None:
    """Create a Snakemake project: config, sample sheet, profiles, and a Snakefile that imports kanseq's rules.

    Example: kanseq workflow init project/
    """
    from kanseq import api

    show(api.init_workflow(output), as_json)
    if not as_json:
        folder = shlex.quote(str(output))
        sys.stderr.write(f"edit the files in {output}/config/, then run: cd {folder} && snakemake --cores 4\n")


def path() -> None:
    """Print the folder of the installed workflow; its rules are in workflow/Snakefile.

    Example: kanseq workflow path
    """
    from kanseq import api

    sys.stdout.write(f"{api.workflow_path()}\n")


def add_to(app: typer.Typer) -> None:
    """Register the command with its two subcommands."""
    workflow = typer.Typer(
        no_args_is_help=True, help="Set up a Snakemake workflow of all steps, for a laptop or a cluster."
    )
    workflow.command("init")(init)
    workflow.command("path")(path)
    app.add_typer(workflow, name="workflow")
