"""What the layouts of published collections have in common: data sets that are found in a folder, and their checks.

In: the name of a collection, and its folder. Out: data sets that can be read, and what such a set holds.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.data.folds import COLUMN_ROLES
from kanseq.data.importing import Genomes, genomes_by_class
from kanseq.data.overlaps import has_intervals, overlapping, same_bases, same_letters
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption, BadTable, MissingFile
from kanseq.files import PathLike, some

COLLECTIONS = ("gue", "genomic-benchmarks", "flipons")
"""Collections whose layouts are known."""

NEGATIVES = ("shuffled", "uniform")
"""How flipons' negatives are made where there are none."""

SPLITS = ("train", "dev", "test")
"""What stands in the column ``split`` of a data set."""

ANY_SPLIT = "*"
"""Under this key stand files that hold several splits, or that are cut into splits when they are read."""


class DataSet(NamedTuple):
    """One data set of a collection, found but not read.

    Attributes:
        name: its canonical name, such as ``tf_0``, whatever its folder is called.
        collection: one of :data:`COLLECTIONS`.
        files: its files and folders by split, or under :data:`ANY_SPLIT`.
        reader: makes the set.
    """

    name: str
    collection: str
    files: Mapping[str, Sequence[Path]]
    reader: Callable[[], SequenceSet]

    def read(self) -> SequenceSet:
        """Make a set with the columns ``label`` and ``split``.

        Raises:
            BadTable, MalformedLine, ContigMismatch: a file has a fault.
        """
        return self.reader()


class Checks(NamedTuple):
    """What a data set holds, and how much of its test stands in its training sequences.

    Attributes:
        train, dev, test: sequences of each split.
        train_classes, dev_classes, test_classes: sequences of each class, as ``0 120, 1 118``.
        shortest, median_length, longest: bases of a sequence.
        with_n: sequences with a letter other than A, C, G and T.
        test_in_train: test sequences that stand in train, letter for letter or as reverse complement.
        test_in_train_reversed: those of them that stand there as reverse complement alone.
        test_in_train_other_label: those of ``test_in_train`` of which a copy in train has another label.
        test_in_dev: test sequences that stand in dev, either way.
        test_overlaps_train: test sequences that share bases of the genome with one of train; None where places are not
            known.
        repeated_in_train: training sequences that stand there before, letter for letter.
        untested: labels of train that test lacks.
    """

    train: int
    dev: int
    test: int
    train_classes: str
    dev_classes: str
    test_classes: str
    shortest: int
    median_length: float
    longest: int
    with_n: int
    test_in_train: int
    test_in_train_reversed: int
    test_in_train_other_label: int
    test_in_dev: int
    test_overlaps_train: int | None
    repeated_in_train: int
    untested: str


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
        collection: one of :data:`COLLECTIONS`; see :mod:`kanseq.suites.gue`, :mod:`kanseq.suites.genomic_benchmarks`
            and :mod:`kanseq.suites.flipons` for the layouts.
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
    from kanseq.suites import flipons, genomic_benchmarks, gue

    if collection == "gue":
        return _chosen(gue.find(folder), names, folder, gue.EXPECTED, gue.canonical_name)
    if collection == "flipons":
        found = flipons.find(folder, genomes, negatives)
        return _chosen(found, names, folder, flipons.EXPECTED, flipons.canonical_name)
    found = genomic_benchmarks.find(folder)
    chosen = _chosen(found, names, folder, genomic_benchmarks.EXPECTED, str)
    return [genomic_benchmarks.with_genomes(one, genomes) for one in chosen]


def check_data_set(genes: SequenceSet) -> Checks:
    """Count what a set with columns ``label`` and ``split`` holds.

    Raises:
        BadTable: a split has an unknown name, train or test is empty, or test has labels that train lacks.
    """
    table = genes.table
    if "label" not in table or "split" not in table:
        raise BadTable("the set has no column 'label' or no column 'split'", hint="make it with kanseq import")
    roles = table["split"].astype(str).str.lower().map(COLUMN_ROLES)
    if roles.isna().any():
        raise BadTable(f"unknown splits: {some(sorted(set(table['split'][roles.isna()])))}", hint="train, dev or test")
    rows = {name: (roles == role).to_numpy() for name, role in zip(SPLITS, ("train", "tune", "test"), strict=True)}
    for name in ("train", "test"):
        if not rows[name].any():
            raise BadTable(f"the set has no sequence of the split '{name}'")
    labels = table["label"].astype(str)
    counts = {name: labels[mask].value_counts().sort_index() for name, mask in rows.items()}
    if new := sorted(set(counts["test"].index) - set(counts["train"].index)):
        raise BadTable(f"labels of test that train lacks: {some(new)}", hint="give sequences of each class to train")
    lengths = table["length"].to_numpy()
    kinds = pd.factorize(labels)[0].astype(np.int64)
    letters, bases = same_letters(genes).numbers, same_bases(genes).numbers  # type: ignore[union-attr]
    train, test = rows["train"], rows["test"]
    exact, either = _members(letters, train)[test] > 0, _members(bases, train)[test] > 0
    alike = pd.factorize(bases * (kinds.max() + 1) + kinds)[0]
    other = _members(bases, train)[test] > _members(alike, train)[test]
    return Checks(
        train=int(train.sum()),
        dev=int(rows["dev"].sum()),
        test=int(test.sum()),
        train_classes=_shown(counts["train"]),
        dev_classes=_shown(counts["dev"]),
        test_classes=_shown(counts["test"]),
        shortest=int(lengths.min()),
        median_length=float(np.median(lengths)),
        longest=int(lengths.max()),
        with_n=sum("N" in sequence for sequence in genes.letters()),
        test_in_train=int(either.sum()),
        test_in_train_reversed=int((either & ~exact).sum()),
        test_in_train_other_label=int(other.sum()),
        test_in_dev=int((_members(bases, rows["dev"])[test] > 0).sum()),
        test_overlaps_train=_overlapping(genes, train, test),
        repeated_in_train=int(train.sum()) - len(np.unique(letters[train])),
        untested=", ".join(sorted(set(counts["train"].index) - set(counts["test"].index))),
    )


def walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Walk through a folder like ``os.walk``, in the order of names, along links too; what begins with a point is left.

    The caller may take names out of the second list, which are not entered then.
    """
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        if real not in seen:
            yield Path(place), folders, sorted(name for name in files if not name.startswith("."))
        seen.add(real)


def contents(folder: Path) -> str:
    """Name some of what a folder holds, for messages."""
    names = sorted(entry.name + "/" * entry.is_dir() for entry in os.scandir(folder))
    return some(names, 5) if names else "nothing"


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


def _overlapping(genes: SequenceSet, train: np.ndarray, test: np.ndarray) -> int | None:
    """Count test sequences that overlap training sequences."""
    if not has_intervals(genes):
        return None
    return int(np.isin(np.flatnonzero(test), overlapping(genes).first(train)[0]).sum())


def _members(numbers: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Count for each row how many of its group are ``among``."""
    return np.bincount(numbers[among], minlength=numbers.max() + 1)[numbers]


def _shown(counts: pd.Series) -> str:
    """Write class sizes down."""
    return ", ".join(f"{name} {count}" for name, count in counts.items())
