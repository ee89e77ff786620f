"""Which genes train, tune and are held out, fold by fold.

In: a set, its labels and its splits. Out: row positions and 0/1 targets per fold, checked before anything trains.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.data.labels import targets_of
from kanseq.data.sequences import SequenceSet
from kanseq.data.splits import HELD_OUT_UNSCORED
from kanseq.errors import BadOption, BadTable, EmptySplit, OneClass, UnknownGene
from kanseq.files import some
from kanseq.training.tasks import CLASSES

logger = logging.getLogger(__name__)

UNKNOWN = -1
"""The target of a gene that is labelled ``mid``, or not at all."""


class Fold(NamedTuple):
    """One fold's rows of a set.

    Attributes:
        name: the fold.
        train: rows that train, all of them low or high, ascending.
        train_targets: 0 and 1, int64.
        tune: rows for early stopping, empty unless asked for.
        tune_targets: 0 and 1, int64.
        test: held-out rows, whatever their label.
        test_roles: ``test``, or ``unused`` for held-out rows that are not to be scored.
        test_targets: 0, 1, and -1 where there is none.
        held_out: ``(species, id)`` of every gene that the fold holds out, also of those that are not in the set.
        thresholds: the quartiles that made the labels, empty where there are none.
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


def prepare_folds(
    genes: SequenceSet,
    labels: pd.DataFrame | None,
    splits: pd.DataFrame,
    *,
    holdout: str | Sequence[str] = "all",
    condition: str = "*",
    tune: bool = False,
) -> list[Fold]:
    """Cut a set into folds.

    Args:
        genes: the set.
        labels: a table as :func:`kanseq.data.labels.read_labels` gives it; None takes the set's own column ``label``.
        splits: a table as :func:`kanseq.data.splits.read_splits` gives it.
        holdout: ``all``, a fold, or several.
        condition: the condition whose labels are meant.
        tune: keep the genes of role ``tune`` apart; otherwise they train.

    Raises:
        BadOption: there is no such fold.
        UnknownGene: the set shares no gene with the splits or with the labels.
        EmptySplit: a fold has no training gene, no test gene, or no gene to tune on although it is asked for.
        OneClass: all training (or tuning) genes of a fold carry the same label.
    """
    return [
        _prepare_fold(genes, labels, splits[splits["fold"] == name], name, condition, tune)
        for name in choose_folds(splits, holdout)
    ]


def choose_folds(splits: pd.DataFrame, holdout: str | Sequence[str]) -> list[str]:
    """Give the folds that are meant, in the order of the splits (for ``all``) or as they are named."""
    there = list(dict.fromkeys(splits["fold"]))
    wanted = there if holdout == "all" else [holdout] if isinstance(holdout, str) else list(dict.fromkeys(holdout))
    for name in wanted:
        if name not in there:
            raise BadOption(f"the splits have no fold '{name}'", mend=f"they have {some(there, 20)}, and 'all'")
    return wanted


def _prepare_fold(
    genes: SequenceSet, labels: pd.DataFrame | None, roles: pd.DataFrame, name: str, condition: str, tune: bool
) -> Fold:
    """Give each row of the set its role and its target in one fold."""
    keys = genes.keys
    unscored = (roles["role"] == "unused") & roles["reason"].isin(HELD_OUT_UNSCORED)
    known_as = roles["role"].mask(unscored, "silent").to_numpy()
    role = _matched(pd.Series(known_as, index=_index(roles)), keys, "splits")
    labelled = _own_labels(genes) if labels is None else targets_of(labels, name, condition)
    label = _matched(pd.Series(labelled["label"].to_numpy(), index=_index(labelled)), keys, "labels")
    targets = np.where(label == CLASSES[1], 1, np.where(label == CLASSES[0], 0, UNKNOWN)).astype(np.int64)
    of_role = {kind: np.flatnonzero((role == kind) & (targets != UNKNOWN)) for kind in ("train", "tune")}
    train = of_role["train"] if tune else np.sort(np.concatenate([of_role["train"], of_role["tune"]]))
    tuning = of_role["tune"] if tune else np.zeros(0, dtype=np.int64)
    test = np.flatnonzero(np.isin(role, ("test", "silent")))
    _check(name, "training", targets[train])
    if tune:
        _check(name, "tuning", targets[tuning], mend="cut one with kanseq split --tune, or leave --tune out")
    scored = np.flatnonzero(role == "test")
    if not len(scored):
        raise EmptySplit(f"fold '{name}' holds out no gene of the set")
    if len(np.unique(targets[scored][targets[scored] != UNKNOWN])) < 2:
        logger.warning("fold '%s': its test genes are not of both classes, so that it cannot be scored", name)
    held_out = roles[(roles["role"] == "test") | unscored]
    return Fold(
        name,
        train,
        targets[train],
        tuning,
        targets[tuning],
        test,
        np.where(role[test] == "test", "test", "unused"),
        targets[test],
        list(zip(held_out["species"], held_out["id"], strict=True)),
        _thresholds(labelled),
    )


def _index(table: pd.DataFrame) -> pd.MultiIndex:
    """Key a table on species and name."""
    return pd.MultiIndex.from_frame(table[["species", "id"]])


def _matched(values: pd.Series, keys: pd.MultiIndex, what: str) -> np.ndarray:
    """Look every row of the set up; what is not there is empty."""
    found = values[~values.index.duplicated()].reindex(keys).fillna("").to_numpy(dtype=str)
    if (found != "").any():
        return found
    theirs = [" ".join(key) for key in values.index[:3]]
    ours = [" ".join(key) for key in keys[:3]]
    mend = "make both from the same annotation"
    if set(values.index.get_level_values(1)) & set(keys.get_level_values(1)):
        mend = "the names agree, but the species do not: use the same --species for both"
    raise UnknownGene(
        f"the set and the {what} have no gene in common (species and name): the set has {some(ours)}, the {what} have "
        f"{some(theirs) or 'none'}",
        mend=mend,
    )


def _check(fold: str, role: str, targets: np.ndarray, mend: str | None = None) -> None:
    """Insist on genes of both classes."""
    if not len(targets):
        raise EmptySplit(f"fold '{fold}' has no {role} gene that is labelled low or high", mend=mend)
    if len(np.unique(targets)) == 1:
        raise OneClass(
            f"fold '{fold}': all {len(targets):,} {role} genes are labelled {CLASSES[targets[0]]}",
            mend=mend or "use larger folds",
        )


def _thresholds(labelled: pd.DataFrame) -> dict[str, float]:
    """Give the quartiles of a fold's labels."""
    if labelled.empty or "q1" not in labelled:
        return {}
    return {name: float(labelled[name].iloc[0]) for name in ("q1", "q3") if np.isfinite(labelled[name].iloc[0])}


def _own_labels(genes: SequenceSet) -> pd.DataFrame:
    """Take the labels that came with the sequences: low and high (or mid), or two classes in their sorted order."""
    if "label" not in genes.table:
        raise BadTable("the set carries no labels", mend="give some with --labels")
    label = genes.table["label"].astype("string").fillna("").astype(str)
    classes = sorted(set(label) - {"", "mid"})
    if not classes:
        raise BadTable("no sequence of the set is labelled low or high", mend="give labels with --labels")
    if not set(classes) <= set(CLASSES):
        if len(classes) != 2:
            raise BadTable(f"two classes can be told apart, and the set has {len(classes)}: {some(classes, 5)}")
        logger.info("the set's own labels: '%s' is the target 0, '%s' is 1", *classes)
        label = label.map({**dict(zip(classes, CLASSES, strict=True)), "mid": "mid", "": ""})
    return genes.table[["species", "id"]].assign(label=label)
