"""``kanseq workflow``: locate the Snakemake workflow that is part of kanseq, and create projects that use it.

In: a folder. Out: config, sample sheet, profiles and a Snakefile that imports the rules, all in this folder.
"""

from pathlib import Path
from typing import NamedTuple

from kanseq.errors import MissingFile, NotWritable
from kanseq.io.files import PathLike, check_output, disk_errors, whole_text
from kanseq.verbs.short_repr import brief

PACKAGE = Path(__file__).resolve().parents[2]
"""Folder of the installed package."""

PROJECT = {
    "workflow/Snakefile": "project/Snakefile",
    "config/config.yaml": "config/config.yaml",
    "config/samples.tsv": "config/samples.tsv",
    "profiles/default/config.yaml": "profiles/default/config.yaml",
    "profiles/slurm/config.yaml": "profiles/slurm/config.yaml",
    "profiles/kubernetes/config.yaml": "profiles/kubernetes/config.yaml",
}
"""File in a project -> file of the packaged workflow that it is copied from."""


@brief
class Project(NamedTuple):
    """Result of :func:`init_workflow`: a new project folder.

    Attributes:
        output: the project folder.
        files: paths of the files in it, relative to the folder.
        snakefile: the packaged workflow that the Snakefile of the project imports.
    """

    output: Path
    files: list[str]
    snakefile: Path


def workflow_path() -> Path:
    """Return the folder of the packaged workflow; the rules are in its file ``workflow/Snakefile``.

    Raises:
        MissingFile: this installation of kanseq does not contain the workflow.
    """
    # The workflow is inside of the package in a wheel, and next to it in a checkout.
    for folder in (PACKAGE / "workflows", PACKAGE.parent / "workflows"):
        if (folder / "workflow" / "Snakefile").is_file():
            return folder
    raise MissingFile("the workflow was not installed", where=PACKAGE / "workflows", hint="install kanseq again")


def init_workflow(output: PathLike) -> Project:
    """Create a project folder for Snakemake: a config and a sample sheet to fill in, profiles, and a Snakefile.

    The Snakefile imports the packaged rules as a module, so an update of kanseq updates the rules. Rules of the project
    can be added below the import.

    Args:
        output: the project folder; created if its parent exists. Other files in it are kept.

    Raises:
        NotWritable: one of the files already exists, or the folder cannot be created or written.
        MissingFile: this installation of kanseq does not contain the workflow.
    """
    folder, packaged = Path(output), workflow_path()
    if not folder.is_dir():
        check_output(folder)
    # Never overwrite files of an existing project, nor add files to it.
    there = [name for name in PROJECT if (folder / name).exists()]
    if there or folder.is_file():
        raise NotWritable("this already exists", where=folder.joinpath(*there[:1]), hint="specify another folder")
    texts = {name: (packaged / source).read_text(encoding="utf-8") for name, source in PROJECT.items()}
    for name, text in texts.items():
        with disk_errors(folder / name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with whole_text(folder / name) as handle:
            handle.write(text)
    return Project(folder, list(PROJECT), packaged / "workflow" / "Snakefile")
