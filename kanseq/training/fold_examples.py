"""Find the training, tuning and test genes of each fold.

In: a set, its labels and its splits. Out: row positions and targets per fold, checked before any training.
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
    """One fold's rows of a set; targets are those of :class:`kanseq.tasks.targets.Targets`.

    Attributes:
        name: the fold.
        train: training rows, ascending; all of them have a target in at least one condition.
        train_targets: their targets, ``(n,)`` or ``(n, conditions)``.
        tune: rows for early stopping and calibration; empty unless requested.
        tune_targets: their targets.
        test: held-out rows, with any label or none.
        test_roles: ``test``, or ``unused`` for held-out rows that are not scored.
        test_targets: their targets, where known.
        held_out: ``(species, id)`` of every gene that the fold holds out, including those that are not in the set.
        thresholds: the quartiles that define the labels; empty if there are none.
        ranked: the training rows and those labelled mid; empty unless requested.
        ranked_targets: their targets, float64 from 0 to 1, see :func:`kanseq.tasks.targets.rank_mid`.
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
    """Return the folds of a set.

    Args:
        genes: the set.
        labels: a table from :func:`kanseq.labels.label_tables.read_labels`; None uses the set's own column ``label``.
        splits: a table from :func:`kanseq.splits.split_tables.read_splits`.
        holdout: ``all``, a fold, or several.
        condition: the condition whose labels are used, or several as a tuple.
        task: ``binary``: genes labelled low or high train; ``regression``: all genes with a number; ``multiclass``: all
            genes with a label of the set.
        tune: keep the genes of role ``tune`` for tuning; otherwise they train.
        least: required number of training (and tuning) genes of each class.
        mid: ``rank`` adds the training genes labelled mid to each fold, as ``ranked``.

    Raises:
        BadOption: there is no such fold.
        UnknownGene: the set shares no gene with the splits or with the labels.
        EmptySplit: a fold has no training gene (with several classes: of one of them), no test gene, or no tuning gene
            although tuning is requested.
        OneClass: all training (or tuning) genes of a fold have the same label or the same expression.
    """
    return [
        _prepare_fold(genes, labels, splits[splits["fold"] == name], name, condition, task, tune, least, mid)
        for name in choose_folds(splits, holdout)
    ]


def choose_folds(splits: pd.DataFrame, holdout: str | Sequence[str]) -> list[str]:
    """Return the names of the requested folds, in the order of the splits (for ``all``) or as named."""
    there = list(dict.fromkeys(splits["fold"]))
    named = [holdout] if isinstance(holdout, str) else list(dict.fromkeys(holdout))
    wanted = there if "all" in named else named
    for name in wanted:
        if name not in there:
            raise BadOption(f"the splits have no fold '{name}'", hint=f"choose from {some(there, 20)} and 'all'")
    return wanted


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
    """Return one fold: the role and the target of each row of the set."""
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
            logger.warning("fold '%s'%s: its test genes %s, so it cannot be scored", name, part, words.alike)
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
    """Return the training rows with a class or a rank between classes, and their targets; empty without a table."""
    if labels is None:
        return FoldExamples._field_defaults["ranked"], FoldExamples._field_defaults["ranked_targets"]
    trains = np.flatnonzero(np.isin(role, ("train",) if tune else ("train", "tune")))
    expression = find_targets(genes, labels, fold, condition, "regression").values[trains]
    species = genes.table["species"].to_numpy(dtype=str)[trains]
    targets = rank_mid(classes[trains], expression, species)
    known = is_known(targets).reshape(len(targets), -1).any(axis=1)
    return trains[known], targets[known]


def _columns(targets: np.ndarray) -> np.ndarray:
    """Return the targets by condition, ``(conditions, n)``."""
    return targets[None] if targets.ndim == 1 else targets.T


def _parts(condition: str | tuple[str, ...]) -> list[str]:
    """Return texts that name the conditions in messages; empty for a single condition."""
    return [""] if isinstance(condition, str) else [f", condition {name}" for name in condition]


def _is_varied(column: np.ndarray) -> bool:
    """Return whether a condition has different targets."""
    return len(np.unique(column[is_known(column)])) > 1


class _TargetTerms(NamedTuple):
    """Words for the targets in messages.

    Attributes:
        have: predicate of a gene that has a target.
        are: words before the target, for genes with the same target.
        names: names of the classes; empty if the target is a number.
        alike: predicate of genes that all have the same target.
    """

    have: str
    are: str
    names: tuple[str, ...]
    alike: str


def _words(task: str, *, own: bool, classes: tuple[str, ...]) -> _TargetTerms:
    """Return the words for the targets of a table of labels, or of a set's own labels (``own``)."""
    if task == "regression" and own:
        return _TargetTerms("has a number as label", "labelled ", (), "all have the same number")
    if task == "regression":
        return _TargetTerms("has expression", "at log10(TPM + 1) = ", (), "do not differ in expression")
    if task == "multiclass":
        return _TargetTerms("has a label", "labelled ", classes, "are all of one class")
    return _TargetTerms("is labelled low or high", "labelled ", classes, "are not of both classes")


def _lacking(targets: np.ndarray, classes: tuple[str, ...]) -> list[str]:
    """Return the names of the classes that no gene belongs to."""
    counts = np.bincount(targets[is_known(targets)], minlength=len(classes))
    return [classes[at] for at in np.flatnonzero(counts == 0)]


def _check_all_classes(fold: str, targets: np.ndarray, classes: tuple[str, ...]) -> None:
    """Check that there are training genes of every class of the set."""
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
    """Check that every condition has different targets and, for classes, at least ``least`` genes of each."""
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
    """Warn if a training species has no label at all: its table may have been forgotten."""
    trains = np.isin(role, ("train", "tune"))
    without = sorted(set(species[trains]) - set(species[trains & known]))
    if without and known.any():
        logger.warning("fold '%s': no training gene of %s has a label", fold, some(without))


def disturb_targets(fold: FoldExamples, control: str, seed: int) -> FoldExamples:
    """Return the fold with the targets of training and tuning genes shuffled as a negative control requires.

    Args:
        fold: the fold.
        control: see :mod:`kanseq.sequences.controls`; only ``labels`` changes targets.
        seed: of the shuffle.
    """
    parts = {"train_targets": fold.name, "tune_targets": f"{fold.name} tune", "ranked_targets": f"{fold.name} ranked"}
    disturbed: dict[str, np.ndarray] = {
        part: disturbed_targets(getattr(fold, part), control, seed, name) for part, name in parts.items()
    }
    return fold._replace(**disturbed)
