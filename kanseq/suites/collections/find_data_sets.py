"""What the layouts of published collections have in common: data sets that are found in a folder, and their checks.

In: the name of a collection, and its folder. Out: data sets that can be read, and what such a set holds.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from kanseq.errors import BadOption, BadTable, MissingFile
from kanseq.io.files import PathLike, some
from kanseq.sequences.assembling import Genomes, genomes_by_class
from kanseq.suites.collections.data_sets import DataSet, contents

COLLECTIONS = ("gue", "genomic-benchmarks", "flipons")
"""Collections whose layouts are known."""

NEGATIVES = ("shuffled", "uniform")
"""How flipons' negatives are made where there are none."""


def find_data_sets(
    collection: str,
    folder: PathLike,
    *,
    genome: Genomes = None,
    names: Sequence[str] = (),
    negatives: str = "shuffled",
) -> list[DataSet]:
    """Find the data sets of a collection in one of the layouts in which it is published, sorted by name.

    Args:
        collection: one of :data:`COLLECTIONS`; see :mod:`kanseq.suites.collections.gue`,
            :mod:`kanseq.suites.collections.genomic_benchmarks` and :mod:`kanseq.suites.collections.flipons` for the
            layouts.
        folder: of the collection, or of one data set.
        genome: where data sets are coordinates: FASTA for all of them, or by class; Genomic Benchmarks take other keys
            and a folder of references too.
        names: only these; other spellings of a name will do.
        negatives: one of :data:`NEGATIVES`.

    Raises:
        BadOption: an unknown collection or way of negatives, a name that is not there, or a genome is missing.
        MissingFile: there is no such folder.
        BadTable: the folder is not of that layout, or two folders are the same data set.
    """
    if collection not in COLLECTIONS:
        raise BadOption(f"'{collection}' is no known collection", hint=f"choose one of {', '.join(COLLECTIONS)}")
    if negatives not in NEGATIVES:
        raise BadOption(f"--negatives {negatives}", hint=f"choose {' or '.join(NEGATIVES)}")
    folder = Path(folder)
    if not folder.is_dir():
        what = "this is a file, and a folder is wanted" if folder.exists() else "no such folder"
        raise MissingFile(what, where=folder)
    genomes = genomes_by_class(genome)
    if genomes and collection == "gue":
        raise BadOption("--genome: GUE comes as sequences", hint="leave it out")
    # The layouts build on what stands here.
    from kanseq.suites.collections import flipons, genomic_benchmarks, gue

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
    """Keep the data sets that are asked for, sorted by name; refuse none at all, and two of one name."""
    if not found:
        raise BadTable(f"no data set here, but {contents(folder)}", where=folder, hint=f"expected is {expected}")
    by_name: dict[str, DataSet] = {}
    for one in found:
        if one.name in by_name:
            first, second = (next(iter(each.files.values()))[0] for each in (by_name[one.name], one))
            hint = "give the folder of one of them, or take one away"
            raise BadTable(f"'{one.name}' is there twice: {first} and {second}", hint=hint)
        by_name[one.name] = one
    wanted = {canonical(name) for name in names}
    if unknown := sorted(wanted - set(by_name)):
        raise BadOption(f"no data set '{unknown[0]}' in {folder}", hint=f"there is {some(sorted(by_name), 40)}")
    return [by_name[name] for name in sorted(by_name) if not wanted or name in wanted]
