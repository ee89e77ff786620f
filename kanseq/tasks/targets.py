"""Targets of the genes in a fold: classes or numbers, in one or several conditions.

In: a set with its own labels, or a table of labels. Out: an array of targets, and the thresholds between classes.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from kanseq.errors import BadOption, BadTable, UnknownGene
from kanseq.io.files import some
from kanseq.labels.label_tables import targets_of
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.tasks.task import CLASSES, LEAST, UNKNOWN

logger = logging.getLogger(__name__)

ALL = "all"
"""Value of ``--condition`` that selects all conditions of the labels."""

OWN_PAIR = "own_pair"
"""Key in a model file for the two labels of the training set that were used as targets 0 and 1."""

MID = "mid"
"""Label of genes between low and high. Among a set's own labels, it is an ordinary class if the task is
``multiclass``."""


class Targets(NamedTuple):
    """The targets of all genes of a set, in one fold.

    Attributes:
        values: one row per gene of the set: ``(n,)`` for one condition, ``(n, conditions)`` for several. Classes are
            int64, -1 where unknown. Numbers are float64, NaN where unknown: expression, log10(TPM + 1), or the set's
            own labels unchanged.
        thresholds: the expression quartiles ``q1`` and ``q3`` that separate the classes, log10(TPM + 1); empty if there
            are none. If thresholds differ between species, keys start with ``SPECIES:``; if there are several
            conditions, they contain ``CONDITION:``.
        classes: names of the classes 0, 1, …; empty for numbers.
    """

    values: np.ndarray
    thresholds: dict[str, float]
    classes: tuple[str, ...] = CLASSES


def resolve_condition(labels: pd.DataFrame | None, condition: str | Sequence[str]) -> str | tuple[str, ...]:
    """Return the requested conditions: the name of one (``*``: the only one), or a tuple of several names.

    Raises:
        BadOption: there is no table of labels, but conditions are requested; or there is no such condition.
    """
    requested = (condition,) if isinstance(condition, str) else tuple(dict.fromkeys(condition))
    if labels is None:
        if requested != ("*",):
            raise BadOption("--condition: the set's own labels have no conditions", hint="use --labels")
        return "*"
    there = [str(name) for name in labels["condition"].unique()]
    if ALL in requested and ALL not in there:
        requested = tuple(there)
    elif len(requested) > 1:
        for name in requested:
            if name not in there:
                raise BadOption(f"labels: there is no condition '{name}'", hint=f"there are {some(there, 8)}")
    return requested[0] if len(requested) == 1 else requested


def resolve_task(genes: SequenceSet, labels: pd.DataFrame | None, task: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the requested task or, if it is None, the task that fits the labels.

    Args:
        genes: the complete set (all splits), because the classes are all different labels in it.
        labels: the table of labels, or None for the set's own.
        task: the requested task, or None.

    Returns:
        The task, and for ``multiclass`` the names of the classes.

    Raises:
        BadOption: ``multiclass`` is requested with a table of labels (low, mid and high).
        BadTable: the set has no labels, or its number of classes does not fit the task.
    """
    if labels is not None:
        if task == "multiclass":
            hint = "leave --labels out to learn the set's own classes"
            raise BadOption("--task multiclass: a table of labels has only the classes low and high", hint=hint)
        return task or "binary", ()
    if task == "regression":
        return task, ()
    names = own_classes(genes)
    two = [name for name in names if name != MID]
    if task is None:
        task = "multiclass" if len(two) > len(CLASSES) else "binary"
        _check_classes(names, int((_own_labels(genes) != "").sum()))
    if task == "multiclass" and len(names) < LEAST:
        problem = f"{LEAST} or more classes are required, but the set has {len(names)}: {some(names)}"
        raise BadTable(f"--task multiclass: {problem}", hint="leave --task out")
    if task == "multiclass":
        return task, names
    if len(two) > len(CLASSES):
        problem = f"a binary task has two classes, but the set has {len(two)}: {some(two, 5)}"
        raise BadTable(problem, hint="leave --task out, or use --task multiclass")
    return task, ()


def own_classes(genes: SequenceSet) -> tuple[str, ...]:
    """Return the different labels in a set, sorted as numbers if all of them consist of digits, else as text.

    Raises:
        BadTable: the set has no labels.
    """
    names = set(_own_labels(genes)) - {""}
    if all(name.isascii() and name.isdigit() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def find_targets(
    genes: SequenceSet, labels: pd.DataFrame | None, fold: str, condition: str | tuple[str, ...], task: str
) -> Targets:
    """Return the targets of all genes of a set, from a table of labels or from the set's own labels.

    Args:
        genes: the set.
        labels: a table from :func:`kanseq.labels.label_tables.read_labels`, or None for the set's own column ``label``.
        fold: the fold for which the labels were computed (the table may have different labels for each fold).
        condition: name of the condition, or a tuple of several names.
        task: ``binary``, ``multiclass`` (for the set's own labels only) or ``regression``.

    Raises:
        BadOption: there is no such condition.
        BadTable: the set has no labels, does not have two classes (``binary``), or has a label that is not a number
            (``regression``).
        EmptySplit: the table has no labels for this fold.
        UnknownGene: the set and the labels have no gene in common.
    """
    if labels is None:
        if task == "regression":
            return Targets(_own_numbers(genes), {}, ())
        if task == "multiclass":
            classes = own_classes(genes)
            return Targets(numbers_of_classes(_own_labels(genes), classes), {}, classes)
        return Targets(_classes(_low_and_high(genes).to_numpy()), {})
    names = (condition,) if isinstance(condition, str) else condition
    columns, thresholds = [], {}
    for name in names:
        labelled = targets_of(labels, fold, name)
        if task == "regression":
            columns.append(_matched(labelled, "expression", genes.keys).astype(np.float64))
        else:
            columns.append(_classes(_matched(labelled, "label", genes.keys)))
            thresholds |= _thresholds(labelled, "" if len(names) == 1 else f"{name}:")
    values = columns[0] if isinstance(condition, str) else np.stack(columns, axis=1)
    return Targets(values, thresholds, () if task == "regression" else CLASSES)


def own_pair(genes: SequenceSet) -> tuple[str, ...]:
    """Return the two labels of a set that are used as targets 0 and 1; empty if these are low and high."""
    pair = tuple(name for name in sorted(set(_own_labels(genes))) if name not in ("", MID))
    return pair if len(pair) == len(CLASSES) and not set(pair) <= set(CLASSES) else ()


def numbers_of_classes(labels: pd.Series, classes: Sequence[str]) -> np.ndarray:
    """Return the index of each label in ``classes``, int64 ``(n,)``; -1 for labels that are not in ``classes``.

    >>> numbers_of_classes(pd.Series(["b", "x", "a"]), ("a", "b", "c")).tolist()
    [1, -1, 0]
    """
    return pd.Index(classes).get_indexer(pd.Index(labels.astype(str))).astype(np.int64)


def rank_mid(classes: np.ndarray, expression: np.ndarray, species: np.ndarray) -> np.ndarray:
    """Return targets from 0 to 1: 0 for low genes, 1 for high genes, and ranks in between for mid genes.

    Mid genes (genes between low and high) are ranked by expression, in equal steps between 0 and 1. Each species is
    ranked separately, because the classes are specific to a species.

    Args:
        classes: classes of the training genes, ``(n,)`` or ``(n, conditions)``, -1 if a gene is neither low nor high.
        expression: log10(TPM + 1) of the same genes, NaN where unknown.
        species: species of the same genes, ``(n,)``.

    Returns:
        Targets in the shape of ``classes``, float64; NaN for genes with neither class nor expression.

    >>> rank_mid(np.array([0, -1, -1, 1, -1]), np.array([0.0, 0.9, 0.4, 2.0, np.nan]), np.array(["."] * 5)).tolist()
    [0.0, 0.75, 0.25, 1.0, nan]
    """
    if classes.ndim == 2:
        columns = zip(classes.T, expression.T, strict=True)
        return np.stack([rank_mid(*each, species) for each in columns], axis=1)
    between = (classes == UNKNOWN) & ~np.isnan(expression)
    found = np.where(classes == UNKNOWN, np.nan, classes).astype(np.float64)
    for name in np.unique(species):
        rows = between & (species == name)
        found[rows] = (rankdata(expression[rows]) - 0.5) / max(1, int(rows.sum()))
    return found


def look_up(values: pd.Series, keys: pd.MultiIndex, what: str) -> pd.Series:
    """Look up a value for each gene of a set by species and name; values of missing genes are NaN.

    Args:
        values: the values, indexed by species and name.
        keys: species and name of the genes in the set.
        what: description of the values (such as ``labels``), for the error message.

    Raises:
        UnknownGene: all genes are missing; the message shows some names from the set and from the table.
    """
    found = values[~values.index.duplicated()].reindex(keys)
    if found.notna().any():
        return found
    value_keys = [" ".join(key) for key in values.index[:3]]
    set_keys = [" ".join(key) for key in keys[:3]]
    hint = "make both from the same annotation"
    if set(values.index.get_level_values(1)) & set(keys.get_level_values(1)):
        hint = "the names agree, but the species do not: use the same --species for both"
    raise UnknownGene(
        f"the set and the {what} have no gene in common (species and name): the set has {some(set_keys)}, "
        f"the {what} have {some(value_keys) or 'none'}",
        hint=hint,
    )


def keys_of(table: pd.DataFrame) -> pd.MultiIndex:
    """Return the columns ``species`` and ``id`` of a table as an index."""
    return pd.MultiIndex.from_frame(table[["species", "id"]])


def _matched(labelled: pd.DataFrame, column: str, keys: pd.MultiIndex) -> np.ndarray:
    """Return one column of a table of labels for the genes of a set (``keys``); NaN for genes without a label."""
    return look_up(pd.Series(labelled[column].to_numpy(), index=keys_of(labelled)), keys, "labels").to_numpy()


def _classes(label: np.ndarray) -> np.ndarray:
    """Convert labels to class numbers: low to 0, high to 1, all others to -1."""
    return np.where(label == CLASSES[1], 1, np.where(label == CLASSES[0], 0, UNKNOWN)).astype(np.int64)


def _thresholds(labelled: pd.DataFrame, before: str) -> dict[str, float]:
    """Return the expression quartiles that separate the classes, per species if species have different quartiles.

    Args:
        labelled: labels of one fold and condition.
        before: prefix for the names ``q1`` and ``q3``.
    """
    if "q1" not in labelled:
        return {}
    found = {}
    of_species = labelled.drop_duplicates(["species", "q1", "q3"])
    apart = len(of_species.drop_duplicates(["q1", "q3"])) > 1
    for row in of_species.itertuples():
        for name in ("q1", "q3"):
            value = float(getattr(row, name))
            if np.isfinite(value):
                found[f"{row.species}:{before}{name}" if apart else f"{before}{name}"] = value
    return found


def _own_labels(genes: SequenceSet) -> pd.Series:
    """Return the set's own labels as text; empty where there is no label."""
    if "label" not in genes.table:
        raise BadTable("the set has no labels", hint="use --labels")
    return genes.table["label"].astype("string").fillna("").astype(str)


def _check_classes(names: Sequence[str], labelled: int) -> None:
    """Raise BadTable if labels do not look like classes: more different labels than half the number of sequences.

    Args:
        names: the different labels.
        labelled: number of sequences with a label.
    """
    if len(names) > max(len(CLASSES), labelled / 2):
        raise BadTable(
            f"{labelled:,} sequences have {len(names):,} different labels: {some(names)}",
            hint="use --task regression if these are numbers to predict, --task multiclass if they are classes",
        )


def _own_numbers(genes: SequenceSet) -> np.ndarray:
    """Return the set's own labels as numbers, in their own units; NaN where there is no label."""
    label = _own_labels(genes)
    numbers = pd.to_numeric(label.replace("", "nan"), errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(numbers) & (label != "").to_numpy())
    if len(bad):
        name, text = genes.table["id"].iloc[bad[0]], label.iloc[bad[0]]
        raise BadTable(
            f"the label '{text}' of the sequence '{name}' is not a finite number, as regression requires",
            hint="fix the label, or use --labels with a table of expression",
        )
    if np.isnan(numbers).all():
        raise BadTable("no sequence of the set has a number as its label", hint="use --labels")
    return numbers


def _low_and_high(genes: SequenceSet) -> pd.Series:
    """Return a set's labels as low and high. Of two other classes, the first in alphabetical order becomes low."""
    label = _own_labels(genes)
    classes = sorted(set(label) - {"", MID})
    if not classes:
        raise BadTable("no sequence of the set is labelled low or high", hint="use --labels")
    if not set(classes) <= set(CLASSES):
        if len(classes) != 2:
            raise BadTable(f"a binary task has two classes, but the set has {len(classes)}: {some(classes, 5)}")
        logger.info("the set's own labels: '%s' is target 0, '%s' is target 1", *classes)
        if (label == MID).any():
            logger.warning("the set's label '%s' is ignored; with --task multiclass it is a class", MID)
        label = label.map({**dict(zip(classes, CLASSES, strict=True)), MID: MID, "": ""})
    return label
