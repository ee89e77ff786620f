"""Find the training, tuning and test genes of each fold.

In: a set of sequences, its labels and its splits. Out: per fold, positions of rows in the set, and their targets.
All folds are checked before any is trained.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, EmptySplit, OneClass
from kanseq.io.files import some
from kanseq.sequences.controls import disturbed_targets
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits.split_tables import HELD_OUT_UNSCORED
from kanseq.tasks.targets import find_targets, keys_of, look_up, rank_mid
from kanseq.tasks.task import is_known

logger = logging.getLogger(__name__)


class FoldExamples(NamedTuple):
    """The training, tuning and test genes of one fold, as positions of their rows in the set, and their targets.

    Targets have the dtypes and unknown values of :class:`kanseq.tasks.targets.Targets`.

    Attributes:
        name: name of the fold.
        train: rows of training genes, ascending; each has a target in at least one condition.
        train_targets: targets of ``train``, ``(n,)`` or ``(n, conditions)``.
        tune: rows of tuning genes, for early stopping and calibration; empty if no tuning is requested.
        tune_targets: targets of ``tune``.
        test: rows of held-out genes, with or without a label.
        test_roles: role of each held-out gene: ``test``, or ``unused`` if it is not scored.
        test_targets: targets of ``test``, where known.
        held_out: ``(species, id)`` of every gene that the fold holds out, including genes that are not in the set.
        thresholds: the expression quartiles that separate the labels; empty if labels are not defined by quartiles.
        ranked: rows of training genes that have a class or are labelled mid; empty if ``mid`` is not ``rank``.
        ranked_targets: targets of ``ranked``, float64 from 0 to 1, see :func:`kanseq.tasks.targets.rank_mid`.
    """

    name: str
    train: np.ndarray
    train_targets: np.ndarray
    tune: np.ndarray
    tune_targets: np.ndarray
    test: np.ndarray
    test_roles: np.ndarray
    test_targets: np.ndarray
    held_out: list[tuple[str, str]]
    thresholds: dict[str, float]
    ranked: np.ndarray = np.zeros(0, dtype=np.int64)
    ranked_targets: np.ndarray = np.zeros(0)


def prepare_folds(
    genes: SequenceSet,
    labels: pd.DataFrame | None,
    splits: pd.DataFrame,
    *,
    holdout: str | Sequence[str] = "all",
    condition: str | tuple[str, ...] = "*",
    task: str = "binary",
    tune: bool = False,
    least: int = 1,
    mid: str = "none",
) -> list[FoldExamples]:
    """Return the training, tuning and test genes of each fold.

    Args:
        genes: the set of sequences.
        labels: a table from :func:`kanseq.labels.label_tables.read_labels`; if None, the column ``label`` of the set.
        splits: a table from :func:`kanseq.splits.split_tables.read_splits`.
        holdout: the folds to return: ``all``, the name of one fold, or several names.
        condition: name of the condition to learn, or a tuple of several names.
        task: the task, which determines the training genes. ``binary``: genes labelled low or high; ``regression``:
            genes with a number; ``multiclass``: genes with a label in the set.
        tune: use genes of role ``tune`` as tuning genes; if false, use them for training.
        least: minimum number of training (and tuning) genes of each class.
        mid: if ``rank``, ``ranked`` of each fold contains the training genes, including those labelled mid.

    Raises:
        BadOption: a requested fold does not exist.
        UnknownGene: the set has no gene in common with the splits or with the labels.
        EmptySplit: a fold has no training gene, no training gene of some class (``multiclass``), no test gene, no
            tuning gene although tuning is requested, or fewer than ``least`` genes of a class.
        OneClass: all training (or tuning) genes of a fold have the same label or the same expression.
    """
    return [
        _prepare_fold(genes, labels, splits[splits["fold"] == name], name, condition, task, tune, least, mid)
        for name in choose_folds(splits, holdout)
    ]


def choose_folds(splits: pd.DataFrame, holdout: str | Sequence[str]) -> list[str]:
    """Return the names of the requested folds, in the order of ``holdout`` or, for ``all``, in that of the splits.

    Raises:
        BadOption: a requested fold does not exist.
    """
    there = list(dict.fromkeys(splits["fold"]))
    named = [holdout] if isinstance(holdout, str) else list(dict.fromkeys(holdout))
    requested = there if "all" in named else named
    for name in requested:
        if name not in there:
            raise BadOption(f"the splits have no fold '{name}'", hint=f"choose from {some(there, 20)} and 'all'")
    return requested


def _prepare_fold(
    genes: SequenceSet,
    labels: pd.DataFrame | None,
    roles: pd.DataFrame,
    name: str,
    condition: str | tuple[str, ...],
    task: str,
    tune: bool,
    least: int,
    mid: str,
) -> FoldExamples:
    """Return the genes and targets of fold ``name``; ``roles`` are its rows of the splits."""
    keys = genes.keys
    unscored = (roles["role"] == "unused") & roles["reason"].isin(HELD_OUT_UNSCORED)
    known_as = roles["role"].mask(unscored, "silent").to_numpy()
    role = look_up(pd.Series(known_as, index=keys_of(roles)), keys, "splits").fillna("").to_numpy(dtype=str)
    targets, thresholds, classes = find_targets(genes, labels, name, condition, task)
    known = is_known(targets).reshape(len(targets), -1).any(axis=1)
    _warn_of_species(name, genes.table["species"].to_numpy(), role, known)
    of_role = {kind: np.flatnonzero((role == kind) & known) for kind in ("train", "tune")}
    train = of_role["train"] if tune else np.sort(np.concatenate([of_role["train"], of_role["tune"]]))
    tuning = of_role["tune"] if tune else np.zeros(0, dtype=np.int64)
    test = np.flatnonzero(np.isin(role, ("test", "silent")))
    words = _words(task, own=labels is None, classes=classes)
    _check(name, "training", targets[train], condition, words, least)
    if task == "multiclass":
        _check_all_classes(name, targets[train], classes)
    if tune:
        hint = "use kanseq split --tune to make one, or leave --tune and --calibrate out"
        _check(name, "tuning", targets[tuning], condition, words, least, hint)
    scored = np.flatnonzero(role == "test")
    if not len(scored):
        raise EmptySplit(f"fold '{name}' holds out no gene of the set")
    for part, column in zip(_parts(condition), _columns(targets[scored]), strict=True):
        if not _is_varied(column):
            logger.warning("fold '%s'%s: its test genes %s, so it cannot be scored", name, part, words.one_value)
    if task == "multiclass":
        lacking = _lacking(targets[scored], classes)
        if lacking:
            logger.warning(
                "fold '%s' has no test gene of %s, so its auROC is the mean over the other classes",
                name,
                some(lacking, 8),
            )
    held_out = roles[(roles["role"] == "test") | unscored]
    ranked = _ranked(genes, labels, name, condition, targets, role, tune) if mid == "rank" else ()
    return FoldExamples(
        name,
        train,
        targets[train],
        tuning,
        targets[tuning],
        test,
        np.where(role[test] == "test", "test", "unused"),
        targets[test],
        list(zip(held_out["species"], held_out["id"], strict=True)),
        thresholds,
        *ranked,
    )


def _ranked(
    genes: SequenceSet,
    labels: pd.DataFrame | None,
    fold: str,
    condition: str | tuple[str, ...],
    classes: np.ndarray,
    role: np.ndarray,
    tune: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the training rows for ``mid="rank"`` (low, mid and high genes) and their targets, from 0 to 1.

    Both arrays are empty if ``labels`` is None, because the labels stored in a set come without expression.
    """
    if labels is None:
        return FoldExamples._field_defaults["ranked"], FoldExamples._field_defaults["ranked_targets"]
    trains = np.flatnonzero(np.isin(role, ("train",) if tune else ("train", "tune")))
    expression = find_targets(genes, labels, fold, condition, "regression").values[trains]
    species = genes.table["species"].to_numpy(dtype=str)[trains]
    targets = rank_mid(classes[trains], expression, species)
    known = is_known(targets).reshape(len(targets), -1).any(axis=1)
    return trains[known], targets[known]


def _columns(targets: np.ndarray) -> np.ndarray:
    """Return targets ``(n,)`` or ``(n, conditions)`` as ``(conditions, n)``."""
    return targets[None] if targets.ndim == 1 else targets.T


def _parts(condition: str | tuple[str, ...]) -> list[str]:
    """Return, for each condition, the text that names it in messages; empty if there is only one condition."""
    return [""] if isinstance(condition, str) else [f", condition {name}" for name in condition]


def _is_varied(column: np.ndarray) -> bool:
    """Return whether the known targets of a condition have at least two different values."""
    return len(np.unique(column[is_known(column)])) > 1


class _TargetTerms(NamedTuple):
    """Phrases about targets, for error messages and warnings.

    Attributes:
        have: property of a gene with a target, such as "has expression"; follows "gene that".
        are: precedes the common target of several genes, such as "labelled ".
        names: names of the classes; empty if targets are numbers.
        one_value: follows "genes", if all genes have the same target, such as "are all of one class".
    """

    have: str
    are: str
    names: tuple[str, ...]
    one_value: str


def _words(task: str, *, own: bool, classes: tuple[str, ...]) -> _TargetTerms:
    """Return the phrases for the targets of a task. ``own``: the labels are stored in the set, not in a table."""
    if task == "regression" and own:
        return _TargetTerms("has a number as label", "labelled ", (), "all have the same number")
    if task == "regression":
        return _TargetTerms("has expression", "at log10(TPM + 1) = ", (), "do not differ in expression")
    if task == "multiclass":
        return _TargetTerms("has a label", "labelled ", classes, "are all of one class")
    return _TargetTerms("is labelled low or high", "labelled ", classes, "are not of both classes")


def _lacking(targets: np.ndarray, classes: tuple[str, ...]) -> list[str]:
    """Return the names of the classes that do not occur among the targets."""
    counts = np.bincount(targets[is_known(targets)], minlength=len(classes))
    return [classes[at] for at in np.flatnonzero(counts == 0)]


def _check_all_classes(fold: str, targets: np.ndarray, classes: tuple[str, ...]) -> None:
    """Check that the targets of the training genes include every class of the set.

    Raises:
        EmptySplit: a class is missing.
    """
    lacking = _lacking(targets, classes)
    if lacking:
        raise EmptySplit(
            f"fold '{fold}' has no training gene of the class{'es' if len(lacking) > 1 else ''} {some(lacking, 8)}",
            hint="use kanseq split --by random, so that each fold has all classes, or leave these sequences out",
        )


def _check(
    fold: str,
    role: str,
    targets: np.ndarray,
    condition: str | tuple[str, ...],
    words: _TargetTerms,
    least: int,
    hint: str | None = None,
) -> None:
    """Check that the training or tuning genes (``role``) of a fold have different targets, in each condition.

    For classification, each class must have at least ``least`` genes.

    Raises:
        EmptySplit: no target is known, or a class has too few genes.
        OneClass: all genes have the same target.
    """
    for name, column in zip(_parts(condition), _columns(targets), strict=True):
        known = column[is_known(column)]
        if not len(known):
            raise EmptySplit(f"fold '{fold}'{name} has no {role} gene that {words.have}", hint=hint)
        if not _is_varied(known):
            same = words.are + (words.names[known[0]] if words.names else f"{known[0]:g}")
            raise OneClass(
                f"fold '{fold}'{name}: all {len(known):,} {role} genes are {same}", hint=hint or "use larger folds"
            )
        if least > 1 and words.names and (fewest := int(np.bincount(known).min())) < least:
            raise EmptySplit(
                f"fold '{fold}'{name} has {fewest} {role} gene of a class, and calibration needs {least}",
                hint="leave --calibrate out, or use larger folds",
            )


def _warn_of_species(fold: str, species: np.ndarray, role: np.ndarray, known: np.ndarray) -> None:
    """Warn if no training gene of a species has a label; the user may have forgotten the labels of this species."""
    trains = np.isin(role, ("train", "tune"))
    without = sorted(set(species[trains]) - set(species[trains & known]))
    if without and known.any():
        logger.warning("fold '%s': no training gene of %s has a label", fold, some(without))


def disturb_targets(fold: FoldExamples, control: str, seed: int) -> FoldExamples:
    """Return the fold, with shuffled targets of training and tuning genes if the negative control is ``labels``.

    Args:
        fold: the fold.
        control: the negative control, see :mod:`kanseq.sequences.controls`; only ``labels`` changes targets.
        seed: seed of the shuffle.
    """
    parts = {"train_targets": fold.name, "tune_targets": f"{fold.name} tune", "ranked_targets": f"{fold.name} ranked"}
    disturbed: dict[str, np.ndarray] = {
        part: disturbed_targets(getattr(fold, part), control, seed, name) for part, name in parts.items()
    }
    return fold._replace(**disturbed)
