"""Count the sequences and classes of a data set, and its test sequences that are also training sequences.

In: a set with the columns ``label`` and ``split``. Out: counts.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.io.files import some
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits.folds import COLUMN_ROLES
from kanseq.splits.overlaps import has_intervals, overlapping, same_bases, same_letters
from kanseq.suites.collections.data_sets import SPLITS


class Checks(NamedTuple):
    """The contents of a data set, and the overlap of its test and training sequences.

    Attributes:
        train, dev, test: number of sequences in each split.
        train_classes, dev_classes, test_classes: number of sequences of each class in the split, as text such as
            ``0 120, 1 118``.
        shortest, median_length, longest: sequence lengths.
        with_n: number of sequences with a letter other than A, C, G and T.
        test_in_train: number of test sequences that also occur in train, identical or as reverse complement.
        test_in_train_reversed: number of test sequences that occur in train, but only as reverse complement.
        test_in_train_other_label: number of test sequences that occur in train with another label.
        test_in_dev: number of test sequences that also occur in dev, identical or as reverse complement.
        test_overlaps_train: number of test sequences that overlap a training sequence in the genome; None if the
            coordinates are unknown.
        repeated_in_train: number of training sequences that are identical to an earlier training sequence.
        untested: labels that occur in train but not in test, as text.
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


def check_data_set(genes: SequenceSet) -> Checks:
    """Check the splits and labels of a set with columns ``label`` and ``split``, and count its contents.

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
        raise BadTable(f"test labels missing in train: {some(new)}", hint="add training sequences of each class")
    lengths = table["length"].to_numpy()
    kinds = pd.factorize(labels)[0].astype(np.int64)
    letters, bases = same_letters(genes).numbers, same_bases(genes).numbers  # type: ignore[union-attr]
    train, test = rows["train"], rows["test"]
    exact, either = _members(letters, train)[test] > 0, _members(bases, train)[test] > 0
    bases_and_label = pd.factorize(bases * (kinds.max() + 1) + kinds)[0]
    other = _members(bases, train)[test] > _members(bases_and_label, train)[test]
    return Checks(
        train=int(train.sum()),
        dev=int(rows["dev"].sum()),
        test=int(test.sum()),
        train_classes=_format_counts(counts["train"]),
        dev_classes=_format_counts(counts["dev"]),
        test_classes=_format_counts(counts["test"]),
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


def _overlapping(genes: SequenceSet, train: np.ndarray, test: np.ndarray) -> int | None:
    """Count test sequences that overlap training sequences in the genome; return None without coordinates.

    ``train`` and ``test`` are masks of the set's rows.
    """
    if not has_intervals(genes):
        return None
    return int(np.isin(np.flatnonzero(test), overlapping(genes).first(train)[0]).sum())


def _members(numbers: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return for each row the number of rows in its group that are in the mask ``among``.

    ``numbers`` are the group numbers of the rows.
    """
    return np.bincount(numbers[among], minlength=numbers.max() + 1)[numbers]


def _format_counts(counts: pd.Series) -> str:
    """Format the sizes of classes as text, such as ``0 120, 1 118``."""
    return ", ".join(f"{name} {count}" for name, count in counts.items())
