"""Count the labels per role of a fold, and find the genes from which the label thresholds were computed.

In: the roles of a fold, and labels with thresholds. Out: fractions of low, mid and high; the source of thresholds.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.genome.expression.conditions import EVERY
from kanseq.labels.quartiles import LABELS
from kanseq.sequences.sequence_set import SequenceSet

TRAINING, UNTESTED = "training genes", "all but test genes"
SEEN, UNKNOWN = "training and test genes", "unknown"
TABLE, OTHER_TABLE = "whole table", "a table without test genes"

_QUARTILES, _PERCENTS = np.array([0.25, 0.75]), np.arange(1, 100) / 100


class FoldLabels(NamedTuple):
    """Labels of a fold.

    Attributes:
        shares: for each condition and role, the number of ``labelled`` genes and the fractions of ``low``, ``mid`` and
            ``high`` among them.
        thresholds: for each condition, the thresholds ``q1`` and ``q3`` for training genes, and in ``of`` the genes
            from which they were computed. These are the fold's training genes (:data:`TRAINING`), all genes except its
            test genes (:data:`UNTESTED`, such as training genes of other splits), its training and test genes
            (:data:`SEEN`), the complete table (:data:`TABLE`), a complete table without test genes
            (:data:`OTHER_TABLE`, such as a table of another species), or :data:`UNKNOWN`.
        exposed: number of training genes labelled by thresholds that depend on the expression of test genes.
    """

    shares: dict[str, dict[str, dict[str, float | int]]]
    thresholds: dict[str, list[dict[str, object]]]
    exposed: int


def labels_in_fold(genes: SequenceSet, fold: str, of_role: dict[str, np.ndarray], labels: pd.DataFrame) -> FoldLabels:
    """Count the labels that apply in a fold, and find the genes from which their thresholds were computed.

    The label of a gene is its label for this fold or, if there is none, its label by the complete table. For labels by
    fold, the genes behind the thresholds are inferred from the expression values in the table of labels. Thresholds are
    recognised if they are quantiles at an integer percentage.

    Args:
        genes: the set.
        fold: name of the fold.
        of_role: role -> whether each row of the set has this role, bool ``(rows,)``.
        labels: as :func:`kanseq.labels.label_tables.read_labels` returns them.
    """
    rows = genes.keys.get_indexer(pd.MultiIndex.from_frame(labels[["species", "id"]]))
    of_fold = labels.assign(row=rows)[labels["fold"].isin([fold, EVERY])]
    # The fold's own rows come first; for each gene and condition only the first row is valid.
    own = of_fold.sort_values("fold", key=lambda names: names == EVERY, kind="stable")
    valid = own[~own.duplicated(["species", "id", "condition"])]
    shares: dict[str, dict[str, dict[str, float | int]]] = {}
    thresholds: dict[str, list[dict[str, object]]] = {}
    exposed: set[int] = set()
    for condition, here in valid.groupby("condition", sort=False):
        inside = here[here["row"] >= 0]
        shares[str(condition)] = {
            role: _shares(inside["label"][chosen[inside["row"]]]) for role, chosen in of_role.items() if chosen.any()
        }
        thresholds[str(condition)] = []
        for (source, q1, q3), pool in here.groupby(["fold", "q1", "q3"], sort=False):
            of = {role: _rows_with(pool, of_role[role]) for role in ("train", "test")}
            if not of["train"].any():
                continue
            group = _group_of_thresholds(pool, of["train"], of["test"], by_table=source == EVERY)
            thresholds[str(condition)].append({"q1": float(q1), "q3": float(q3), "of": group})
            if group in (TABLE, SEEN):
                exposed |= set(pool["row"][of["train"]])
    return FoldLabels(shares, thresholds, len(exposed))


def _shares(labels: pd.Series) -> dict[str, float | int]:
    """Return the number of labelled genes and the fraction of each label."""
    counts = {name: int((labels == name).sum()) for name in LABELS}
    total = len(labels)
    return {"labelled": total} | {name: round(count / total, 4) if total else 0.0 for name, count in counts.items()}


def _rows_with(pool: pd.DataFrame, chosen: np.ndarray) -> np.ndarray:
    """Return which rows of a table of labels are of genes in ``chosen`` (a mask of the rows of the set), bool."""
    rows = pool["row"].to_numpy()
    return (rows >= 0) & chosen[np.maximum(rows, 0)]


def _group_of_thresholds(pool: pd.DataFrame, train: np.ndarray, test: np.ndarray, *, by_table: bool) -> str:
    """Return the name of the group of genes whose quantiles are the thresholds, such as :data:`TRAINING`."""
    if by_table:
        return TABLE if test.any() else OTHER_TABLE
    expression = pool["expression"].to_numpy(dtype=np.float64)
    both = pool[["q1", "q3"]].to_numpy(dtype=np.float64)[0]
    everything = np.ones(len(pool), dtype=bool)
    # Quartiles of all groups are tried first: with few genes, one of a hundred quantiles may match by chance.
    for fractions in (_QUARTILES, _PERCENTS):
        for group, chosen in ((TRAINING, train), (UNTESTED, ~test), (SEEN, train | test), (SEEN, everything)):
            quantiles = np.quantile(expression[chosen], fractions)
            if all(np.isclose(quantiles, threshold, rtol=0, atol=1e-9).any() for threshold in both):
                return group
    return UNKNOWN
