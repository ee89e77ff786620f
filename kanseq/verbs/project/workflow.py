"""Locate the Snakemake workflow that is packaged with kanseq, and create project folders that use it.

In: the name of a folder. Out: config, sample sheet, profiles and a Snakefile that imports the rules.
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
"""Files of a project -> the packaged files that they are copied from."""


@brief
class Project(NamedTuple):
    """A project folder created by :func:`init_workflow`.

    Attributes:
        output: the project's folder.
        files: the files written, as paths relative to the folder.
        snakefile: the packaged workflow that its Snakefile imports.
    """

    output: Path
    files: list[str]
    snakefile: Path


def workflow_path() -> Path:
    """Return the folder of the packaged workflow; its rules are in ``workflow/Snakefile`` there.

    Raises:
        MissingFile: this installation of kanseq does not contain the workflow.
    """
    # The workflow is inside of the package in a wheel, and next to it in a checkout.
    for folder in (PACKAGE / "workflows", PACKAGE.parent / "workflows"):
        if (folder / "workflow" / "Snakefile").is_file():
            return folder
    raise MissingFile("the workflow was not installed", where=PACKAGE / "workflows", hint="install kanseq again")


def init_workflow(output: PathLike) -> Project:
    """Write a project folder for Snakemake: a config and a sample sheet to fill in, profiles, and a Snakefile.

    The Snakefile imports the packaged rules as a module, so that a newer kanseq provides newer rules; add the project's
    rules below the import.

    Args:
        output: the folder; created if its parent exists. Other files in it are kept.

    Raises:
        NotWritable: one of the files already exists, or the folder cannot be created or written.
        MissingFile: this installation of kanseq does not contain the workflow.
    """
    folder, packaged = Path(output), workflow_path()
    if not folder.is_dir():
        check_output(folder)
    # Never overwrite files of an existing project, and never mix it with a new one.
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
