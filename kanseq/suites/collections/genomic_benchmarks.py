"""Genomic Benchmarks (Grešová et al. 2023): two or more classes of sequences, in train and in test.

In: the unpacked archives, a sequence a file; a FASTA a class; or the repository's coordinates with genomes. Out: data
sets under their folders' names.
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
    """What ``metadata.yaml`` says of a class: where the FASTA lies that its coordinates belong to."""

    url: str

    @property
    def file(self) -> str:
        """The FASTA's name without folders."""
        return self.url.rpartition("/")[2]


def find(folder: Path) -> list[DataSet]:
    """Find all folders, at any depth, that hold a folder ``train`` and a folder ``test``.

    Of the repository only ``datasets`` is looked at. Sets of coordinates cannot be read before they have genomes.

    Raises:
        BadTable: one of them holds no classes, or a class twice, or coordinates beside sequences.
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
    """Give a set of coordinates its genomes; a set that holds sequences stays as it is.

    Args:
        one: a data set of :func:`find`.
        genomes: FASTA for all classes; or by ``SET/CLASS``, ``SET`` or ``CLASS``, of which the first that is there
            counts; or a folder of FASTA files that are called as in the set's ``metadata.yaml``.

    Raises:
        BadOption: a class has no genome; the message says which one it wants, as far as it is known.
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
    """Read the classes of a ``metadata.yaml``, and where their references lie.

    Raises:
        BadTable: it is no such file.
    """
    try:
        with open_text(path) as handle:
            classes = yaml.safe_load(handle)["classes"]
        return {str(name): Reference(str(classes[name]["url"])) for name in sorted(classes)}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise BadTable("this does not say where the references of the classes lie", where=path) from error


def _classes(folder: Path) -> dict[str, Path]:
    """Find the folder or file of every class, in the order of the classes' names."""
    found: dict[str, Path] = {}
    with os.scandir(folder) as entries:
        listed = sorted((entry.name, entry.is_dir()) for entry in entries if not entry.name.startswith("."))
    for name, is_folder in listed:
        if not is_folder and not _FASTA.fullmatch(name) and not _COORDINATES.fullmatch(name):
            continue
        path = folder / name
        key = _class_of(path)
        if key in found:
            raise BadTable(f"the class '{key}' is there twice: {found[key].name} and {name}", where=folder)
        found[key] = path
    if not found:
        raise BadTable(f"no class here, but {contents(folder)}", where=folder, hint=f"expected is {EXPECTED}")
    if len({_is_coordinates(path) for path in found.values()}) > 1:
        raise BadTable(f"coordinates beside sequences: {contents(folder)}", where=folder, hint="keep one of them")
    return dict(sorted(found.items()))


def _class_of(path: Path) -> str:
    """Name the class that a folder or file holds."""
    return path.name if path.is_dir() else stem(path)


def _is_coordinates(path: Path) -> bool:
    """Whether a class comes as coordinates."""
    return _COORDINATES.fullmatch(path.name) is not None and not path.is_dir()


def _genome_of(
    data_set: str,
    name: str,
    reference: Reference | None,
    genomes: PathLike | Mapping[str, PathLike] | None,
) -> PathLike:
    """Choose the genome of one class."""
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
    wanted = "a FASTA" if reference is None else reference.url
    there = (
        "" if genomes is None or isinstance(genomes, Mapping) else f", and {genomes} holds {contents(Path(genomes))}"
    )
    raise BadOption(
        f"the class '{name}' of {data_set} is coordinates without a genome{there}",
        hint=f"give --genome {data_set}/{name}=FASTA, which is {wanted}",
    )


def _read(files: Mapping[str, Mapping[str, Path]], genomes: Mapping[str, PathLike] | None) -> SequenceSet:
    """Read all classes of train and test."""
    sources = [SequenceSource(path, name, split) for split, classes in files.items() for name, path in classes.items()]
    return assemble(sources, genomes=None if genomes is None else dict(genomes))
