"""Label genes low, mid or high by quantiles of expression. In: expression, genes of each fold. Out: labels per fold."""

import logging
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from kanseq.errors import EmptySplit, OneClass
from kanseq.genome.expression.conditions import EVERY
from kanseq.io.files import some

logger = logging.getLogger(__name__)

LABELS = ("low", "mid", "high")
WORDS = {"train": "training", "test": "test"}


class FoldRows(NamedTuple):
    """The genes of a fold that have expression: their rows in the expression table and their roles, in the same order.

    ``planned`` contains all roles of the fold in the splits, including roles in which no gene has expression.
    """

    rows: np.ndarray
    roles: np.ndarray
    planned: frozenset[str] = frozenset({"train", "test"})


class ConditionLabels(NamedTuple):
    """Labels of one condition in one fold: low, mid or high for each row in ``rows``, and the thresholds."""

    condition: str
    fold: str
    rows: np.ndarray
    labels: np.ndarray
    q1: float
    q3: float


def label_by_fold(
    levels: Mapping[str, np.ndarray], folds: Mapping[str, FoldRows], low: float, high: float
) -> list[ConditionLabels]:
    """Label the genes of every fold by quantiles of the expression of its training genes, separately in each condition.

    If a fold has only test genes of this species, the quantiles are those of the test genes. This does not affect
    training; these labels are only compared with predictions.

    Args:
        levels: condition -> expression of every row of the table.
        folds: name -> genes of the fold.
        low, high: the two quantiles. Genes at or below the lower one are low, genes at or above the higher one are
            high.

    Raises:
        EmptySplit: no training gene of a fold has expression (or no test gene, if it has only test genes).
        OneClass: the training genes or the test genes of a fold all have the same label.
    """
    parts = []
    for condition, level in levels.items():
        for name, fold in folds.items():
            source = "train" if "train" in fold.planned else "test"
            measured = level[fold.rows[fold.roles == source]]
            if not len(measured):
                raise EmptySplit(f"fold {name}: none of its {WORDS[source]} genes has expression")
            if source == "test":
                logger.info("fold %s: none of these genes is a training gene; thresholds are from test genes", name)
            q1, q3 = _thresholds(measured, low, high, f"fold {name}", condition)
            part = ConditionLabels(condition, name, fold.rows, _labels(level[fold.rows], q1, q3), q1, q3)
            _check_classes(part.labels, fold, name, condition)
            parts.append(part)
    _report_ties(levels, parts)
    return parts


def label_by_table(
    levels: Mapping[str, np.ndarray], folds: Mapping[str, FoldRows], low: float, high: float
) -> list[ConditionLabels]:
    """Label genes in each condition by quantiles of the complete table; these labels are the same for all folds.

    The arguments are the same as for :func:`label_by_fold`. The result has one entry per condition, with the fold
    ``*``; ``folds`` are only used to check that each fold has low and high genes.

    Raises:
        OneClass: the training genes or the test genes of a fold, or all genes of the table, have the same label.
    """
    parts = []
    for condition, level in levels.items():
        q1, q3 = _thresholds(level, low, high, "the complete table", condition)
        labels = _labels(level, q1, q3)
        for name, fold in folds.items():
            _check_classes(labels[fold.rows], fold, name, condition)
        parts.append(ConditionLabels(condition, EVERY, np.arange(len(level)), labels, q1, q3))
    _report_ties(levels, parts)
    return parts


def _thresholds(level: np.ndarray, low: float, high: float, where: str, condition: str) -> tuple[float, float]:
    """Return the quantiles ``low`` and ``high`` (interpolated linearly); raise OneClass if they are equal."""
    q1, q3 = (float(threshold) for threshold in np.quantile(level, [low, high]))
    if q1 == q3:
        raise OneClass(
            f"{_named(where, condition)}: both thresholds are {q1:g}, so low and high cannot be distinguished",
            hint="too many genes have the same expression; choose --low and --high further apart, or other samples",
        )
    return q1, q3


def _labels(level: np.ndarray, q1: float, q3: float) -> np.ndarray:
    """Return low, mid or high for every gene, object array."""
    return np.array(LABELS, dtype=object)[1 + (level >= q3).astype(int) - (level <= q1)]


def _check_classes(labels: np.ndarray, fold: FoldRows, name: str, condition: str) -> None:
    """Check that training genes and test genes (if the fold has any) each include low and high genes."""
    for role, words in WORDS.items():
        classes = set(labels[fold.roles == role]) - {"mid"}
        if len(classes) < 2 and role in fold.planned:
            present = f"only {classes.pop()} ones" if classes else "neither low nor high ones"
            raise OneClass(
                f"{_named(f'fold {name}', condition)}: the {words} genes with expression include {present}",
                hint="make larger folds, or exclude this one from the splits (use kanseq split --folds)",
            )


def _report_ties(levels: Mapping[str, np.ndarray], parts: list[ConditionLabels]) -> None:
    """Warn if the lower threshold is zero, so that more genes are low than the quantile implies."""
    for condition, level in levels.items():
        tied = [part for part in parts if part.condition == condition and part.q1 == 0]
        if tied:
            logger.warning(
                "%s: the lower threshold is 0, so all genes without expression are low (%d of %d genes of the table)",
                _named(f"fold {some([part.fold for part in tied])}", condition),
                int((level == 0).sum()),
                len(level),
            )


def _named(where: str, condition: str) -> str:
    """Return ``where`` for messages, followed by the name of the condition if conditions have names."""
    return where if condition == EVERY else f"{where}, condition {condition}"
