"""The Snakemake workflow that comes with kanseq: where its rules lie, and a project folder that uses them.

In: a folder's name. Out: config, sample sheet, profiles and a Snakefile that imports the rules.
"""

from pathlib import Path
from typing import NamedTuple

from kanseq.errors import MissingFile, NotWritable
from kanseq.files import PathLike, check_output, disk_errors, whole_text
from kanseq.showing import brief

PROJECT = {
    "workflow/Snakefile": "project/Snakefile",
    "config/config.yaml": "config/config.yaml",
    "config/samples.tsv": "config/samples.tsv",
    "profiles/default/config.yaml": "profiles/default/config.yaml",
    "profiles/slurm/config.yaml": "profiles/slurm/config.yaml",
    "profiles/kubernetes/config.yaml": "profiles/kubernetes/config.yaml",
}
"""A project's files, and which of the packaged ones each is a copy of."""


@brief
class Project(NamedTuple):
    """What :func:`init_workflow` made.

    Attributes:
        output: the project's folder.
        files: what was written into it, as paths inside of it.
        snakefile: the packaged workflow that its Snakefile imports.
    """

    output: Path
    files: list[str]
    snakefile: Path


def workflow_path() -> Path:
    """Give the folder of the packaged workflow; its rules are in ``workflow/Snakefile`` there.

    Raises:
        MissingFile: this installation of kanseq came without them.
    """
    package = Path(__file__).resolve().parent
    # A wheel holds the workflow inside of the package, a checkout beside it.
    for folder in (package / "workflows", package.parent / "workflows"):
        if (folder / "workflow" / "Snakefile").is_file():
            return folder
    raise MissingFile("the workflow was not installed", where=package / "workflows", hint="install kanseq again")


def init_workflow(output: PathLike) -> Project:
    """Write a project folder for Snakemake: a config and a sample sheet to fill in, profiles, and a Snakefile.

    The Snakefile imports the packaged rules as a module, so that a newer kanseq brings newer rules; rules of the
    project's own go below.

    Args:
        output: the folder; made where its parent exists. Other files in it stay as they are.

    Raises:
        NotWritable: one of the files is there already, or the folder cannot be made or written.
        MissingFile: this installation of kanseq came without the workflow.
    """
    folder, packaged = Path(output), workflow_path()
    if not folder.is_dir():
        check_output(folder)
    # Of a project that is there nothing is overwritten, and no part of it is mixed with a new one.
    there = [name for name in PROJECT if (folder / name).exists()]
    if there or folder.is_file():
        raise NotWritable("this is there already", where=folder.joinpath(*there[:1]), hint="choose another folder")
    texts = {name: (packaged / source).read_text(encoding="utf-8") for name, source in PROJECT.items()}
    for name, text in texts.items():
        with disk_errors(folder / name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with whole_text(folder / name) as handle:
            handle.write(text)
    return Project(folder, list(PROJECT), packaged / "workflow" / "Snakefile")
