"""Find the data sets of a published collection in a folder with any of the supported layouts.

In: the name of a collection, and its folder. Out: data sets that can be read.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from kanseq.errors import BadOption, BadTable, MissingFile
from kanseq.io.files import PathLike, some
from kanseq.sequences.assembling import Genomes, genomes_by_class
from kanseq.suites.collections import flipons, genomic_benchmarks, gue
from kanseq.suites.collections.data_sets import DataSet, contents

COLLECTIONS = ("gue", "genomic-benchmarks", "flipons")
"""Supported collections."""

NEGATIVES = ("shuffled", "uniform")
"""Methods to generate missing negatives in the collection ``flipons``."""


def find_data_sets(
    collection: str,
    folder: PathLike,
    *,
    genome: Genomes = None,
    names: Sequence[str] = (),
    negatives: str = "shuffled",
) -> list[DataSet]:
    """Find the data sets of a collection in one of its published layouts, sorted by name.

    Args:
        collection: one of :data:`COLLECTIONS`; see :mod:`kanseq.suites.collections.gue`,
            :mod:`kanseq.suites.collections.genomic_benchmarks` and :mod:`kanseq.suites.collections.flipons` for the
            layouts.
        folder: folder of the collection, or of one data set.
        genome: FASTA for data sets that consist of coordinates: one for all of them, or one per class. For Genomic
            Benchmarks, see also :func:`kanseq.suites.collections.genomic_benchmarks.with_genomes`.
        names: names of the data sets to return, in any known spelling; all if empty.
        negatives: one of :data:`NEGATIVES`.

    Raises:
        BadOption: the collection or kind of negatives is unknown, a name is not found, or a genome is missing.
        MissingFile: the folder does not exist.
        BadTable: the folder has another layout, or two folders contain the same data set.
    """
    if collection not in COLLECTIONS:
        raise BadOption(f"'{collection}' is not a collection", hint=f"choose one of {', '.join(COLLECTIONS)}")
    if negatives not in NEGATIVES:
        raise BadOption(f"--negatives {negatives}", hint=f"choose {' or '.join(NEGATIVES)}")
    folder = Path(folder)
    if not folder.is_dir():
        what = "this is a file, expected a folder" if folder.exists() else "no such folder"
        raise MissingFile(what, where=folder)
    genomes = genomes_by_class(genome)
    if genomes and collection == "gue":
        raise BadOption("--genome: GUE consists of sequences", hint="leave it out")
    if collection == "gue":
        return _chosen(gue.find(folder), names, folder, gue.EXPECTED, gue.canonical_name)
    if collection == "flipons":
        found = flipons.find(folder, genomes, negatives)
        return _chosen(found, names, folder, flipons.EXPECTED, flipons.canonical_name)
    found = genomic_benchmarks.find(folder)
    chosen = _chosen(found, names, folder, genomic_benchmarks.EXPECTED, str)
    return [genomic_benchmarks.with_genomes(one, genomes) for one in chosen]


def _chosen(
    found: Sequence[DataSet], names: Sequence[str], folder: Path, expected: str, canonical: Callable[[str], str]
) -> list[DataSet]:
    """Return the data sets with the requested names (all if ``names`` is empty), sorted by name.

    Args:
        found: all data sets that were found.
        names: the requested names, in any spelling.
        folder: the folder that was searched, for error messages.
        expected: description of the layout, for error messages.
        canonical: function that converts a name to its canonical spelling.

    Raises:
        BadTable: no data set was found, or two have the same name.
        BadOption: there is no data set with a requested name.
    """
    if not found:
        raise BadTable(
            f"found no data set; the folder contains {contents(folder)}", where=folder, hint=f"expected {expected}"
        )
    by_name: dict[str, DataSet] = {}
    for one in found:
        if one.name in by_name:
            first, second = (next(iter(each.files.values()))[0] for each in (by_name[one.name], one))
            hint = "specify the folder of one of them, or remove one"
            raise BadTable(f"'{one.name}' occurs twice: {first} and {second}", hint=hint)
        by_name[one.name] = one
    requested = {canonical(name) for name in names}
    if unknown := sorted(requested - set(by_name)):
        raise BadOption(f"no data set '{unknown[0]}' in {folder}", hint=f"there is {some(sorted(by_name), 40)}")
    return [by_name[name] for name in sorted(by_name) if not requested or name in requested]
