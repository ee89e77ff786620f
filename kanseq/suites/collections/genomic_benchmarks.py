"""Data sets of Genomic Benchmarks (Grešová et al. 2023): two or more classes of sequences, in train and in test.

In: the unpacked archives, one sequence per file; one FASTA per class; or the repository's coordinates with genomes.
Out: data sets, named after their folders.
"""

import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import yaml

from kanseq.errors import BadOption, BadTable
from kanseq.io.files import PathLike, open_text
from kanseq.sequences.assembling import assemble
from kanseq.sequences.labelled_files import SequenceSource, stem
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.suites.collections.data_sets import DataSet, contents, walk

COLLECTION = "genomic-benchmarks"

EXPECTED = (
    "folders NAME/train and NAME/test with a folder of *.txt, a CLASS.fa(.gz) or a CLASS.csv(.gz) of coordinates for "
    "each class"
)

_FASTA = re.compile(r".+\.(fa|fasta|fna)(\.gz)?", re.IGNORECASE)
_COORDINATES = re.compile(r".+\.csv(\.gz)?", re.IGNORECASE)


class Reference(NamedTuple):
    """The reference genome of a class in ``metadata.yaml``: URL of the FASTA that the coordinates refer to."""

    url: str

    @property
    def file(self) -> str:
        """File name of the FASTA, the last part of the URL."""
        return self.url.rpartition("/")[2]


def find(folder: Path) -> list[DataSet]:
    """Find data sets: folders at any depth that have subfolders ``train`` and ``test``.

    In a copy of the repository, only ``datasets`` is searched. Data sets that consist of coordinates need genomes
    before they can be read, see :func:`with_genomes`.

    Raises:
        BadTable: a folder has no classes, a class twice, or both coordinates and sequences.
    """
    found = []
    for place, folders, _ in walk(folder / "datasets" if (folder / "datasets").is_dir() else folder):
        if {"train", "test"} <= set(folders):
            files = {split: _classes(place / split) for split in ("train", "test")}
            name = place.resolve().name
            paths = {split: list(classes.values()) for split, classes in files.items()}
            found.append(DataSet(name, COLLECTION, paths, partial(_read, files, None)))
            folders.clear()
    return found


def with_genomes(one: DataSet, genomes: PathLike | Mapping[str, PathLike] | None) -> DataSet:
    """Add the genomes that are needed to read a data set of coordinates; return data sets of sequences unchanged.

    Args:
        one: a data set from :func:`find`.
        genomes: one FASTA for all classes; or FASTA files by ``SET/CLASS``, ``SET`` or ``CLASS``, in this order of
            precedence; or a folder of FASTA files named as in the set's ``metadata.yaml``.

    Raises:
        BadOption: there is no genome for a class; the message names the required genome, if known.
        BadTable: a class in ``metadata.yaml`` has no coordinates.
    """
    files = {split: {_class_of(path): path for path in paths} for split, paths in one.files.items()}
    paths = [path for paths in one.files.values() for path in paths]
    if not any(_is_coordinates(path) for path in paths):
        return one
    description = paths[0].parent.parent / "metadata.yaml"
    references = read_references(description) if description.exists() else {}
    classes = sorted({name for each in files.values() for name in each})
    if missing := sorted(set(references) - set(classes)):
        raise BadTable(f"no coordinates of the class '{missing[0]}'", where=description.parent)
    chosen = {name: _genome_of(one.name, name, references.get(name), genomes) for name in classes}
    return one._replace(reader=partial(_read, files, chosen))


def read_references(path: Path) -> dict[str, Reference]:
    """Read the reference genome of each class from a ``metadata.yaml``.

    Raises:
        BadTable: the file lists no classes with their references.
    """
    try:
        with open_text(path) as handle:
            classes = yaml.safe_load(handle)["classes"]
        return {str(name): Reference(str(classes[name]["url"])) for name in sorted(classes)}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise BadTable("the file does not list the classes with their reference URLs", where=path) from error


def _classes(folder: Path) -> dict[str, Path]:
    """Find the classes in the folder of a split: class -> its folder or file, sorted by class."""
    found: dict[str, Path] = {}
    with os.scandir(folder) as entries:
        listed = sorted((entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith("."))
    for name, is_folder in listed:
        if not is_folder and not _FASTA.fullmatch(name) and not _COORDINATES.fullmatch(name):
            continue
        path = folder / name
        key = _class_of(path)
        if key in found:
            raise BadTable(f"the class '{key}' occurs twice: {found[key].name} and {name}", where=folder)
        found[key] = path
    if not found:
        raise BadTable(f"no class found; it contains {contents(folder)}", where=folder, hint=f"expected {EXPECTED}")
    if len({_is_coordinates(path) for path in found.values()}) > 1:
        raise BadTable(f"both coordinates and sequences: {contents(folder)}", where=folder, hint="keep one kind")
    return dict(sorted(found.items()))


def _class_of(path: Path) -> str:
    """Return the name of the class whose sequences are in a folder or file."""
    return path.name if path.is_dir() else stem(path)


def _is_coordinates(path: Path) -> bool:
    """Return whether the file of a class contains coordinates; otherwise it is a FASTA file or folder."""
    return _COORDINATES.fullmatch(path.name) is not None and not path.is_dir()


def _genome_of(
    data_set: str,
    name: str,
    reference: Reference | None,
    genomes: PathLike | Mapping[str, PathLike] | None,
) -> PathLike:
    """Choose the genome for one class of a data set; for ``genomes`` see :func:`with_genomes`.

    Raises:
        BadOption: there is no genome for the class.
    """
    if isinstance(genomes, Mapping):
        for key in (f"{data_set}/{name}", data_set, name):
            if key in genomes:
                return genomes[key]
    elif genomes is not None and not Path(genomes).is_dir():
        return genomes
    elif genomes is not None and reference is not None:
        for file in (reference.file, reference.file.removesuffix(".gz")):
            if (Path(genomes) / file).is_file():
                return Path(genomes) / file
    source = "a FASTA" if reference is None else reference.url
    there = (
        "" if genomes is None or isinstance(genomes, Mapping) else f", and {genomes} contains {contents(Path(genomes))}"
    )
    raise BadOption(
        f"the class '{name}' of {data_set} has coordinates and no genome{there}",
        hint=f"use --genome {data_set}/{name}=FASTA with {source}",
    )


def _read(files: Mapping[str, Mapping[str, Path]], genomes: Mapping[str, PathLike] | None) -> SequenceSet:
    """Read the sequences of all classes as one set; ``files``: split -> class -> path, ``genomes``: class -> FASTA."""
    sources = [SequenceSource(path, name, split) for split, classes in files.items() for name, path in classes.items()]
    return assemble(sources, genomes=None if genomes is None else dict(genomes))
