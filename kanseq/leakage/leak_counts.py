"""Count leaks: related genes in different roles of a fold.

In: a set, the role of every gene, homologs, labels. Out: the related genes per fold, kind of relation and pair of
roles.
"""

import logging
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadTable, UnknownGene
from kanseq.homologs.homolog_files import Homologs
from kanseq.io.files import PathLike, some
from kanseq.io.tables.dialect import IN_MEMORY, check_rows, read_cells
from kanseq.io.tables.gene_tables import LEAKS, SPLITS
from kanseq.leakage.label_shares import FoldLabels, labels_in_fold
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits.folds import COLUMN_ROLES
from kanseq.splits.overlaps import has_places, overlapping, same_bases, same_letters
from kanseq.splits.relations import Across, GroupsOfTwo, Relation, read_homologous
from kanseq.splits.similar_windows import similar_windows
from kanseq.splits.split_tables import ROLES

logger = logging.getLogger(__name__)

SAME_GENE, THRESHOLDS = "same_gene", "thresholds"

KINDS = {
    SAME_GENE: "one gene in both roles",
    "overlap": "a window of one shares a base with a window of the other, on either strand",
    "duplicate": "the same sequence, ignoring letter case",
    "reverse_complement": "the sequence of one is the other's reverse complement",
    "similar": "a window of one shares at least half of its distinct 32-mers (of the window that has more), on either "
    "strand, with a window of the other; pairs of the kinds above are not counted again",
    "homolog": "in one group of the homology file, or a pair in it",
    THRESHOLDS: "training genes are labelled by thresholds that depend on the expression of test genes",
}
"""Meaning of each kind of leak. For the last one, pairs of genes are not counted."""

SIDES = (("train", "test"), ("tune", "test"), ("train", "tune"))
"""Pairs of roles with genes that must not be related; the second role is held out from the first."""


def read_roles(splits: PathLike | pd.DataFrame, genes: SequenceSet) -> pd.DataFrame:
    """Read a table of splits: ``species, id, fold, role`` as strings, and in ``row`` the row of the gene in the set.

    Other names of roles (such as ``validation``) are accepted. The columns ``fold`` and, if the set has one species,
    ``species`` may be missing. The row is -1 for genes that are not in the set.

    Raises:
        BadTable: a column is missing, or a role is unknown.
        UnknownGene: no gene of the table is in the set.
    """
    table = read_cells(splits, SPLITS, required=("id", "role"))
    species = list(genes.table["species"].unique())
    if "species" not in table:
        if len(species) > 1:
            where = IN_MEMORY if isinstance(splits, pd.DataFrame) else splits
            raise BadTable(f"the column 'species' is missing, and the set has several: {some(species)}", where=where)
        table["species"] = species[0]
    if "fold" not in table:
        table["fold"] = "all"
    known = table["role"].str.lower().map({**COLUMN_ROLES, "unused": "unused", "": "unused"})
    check_rows(known.isna(), table["role"], f"not a role ({', '.join(ROLES)})", splits)
    roles = table.assign(role=known)[["species", "id", "fold", "role"]].reset_index(drop=True)
    return roles.assign(row=_rows_of(roles, genes, splits))


def _rows_of(roles: pd.DataFrame, genes: SequenceSet, splits: PathLike | pd.DataFrame) -> np.ndarray:
    """Return, for every row of the splits, the row of its gene in the set; -1 if the gene is not in the set."""
    rows = genes.keys.get_indexer(pd.MultiIndex.from_frame(roles[["species", "id"]]))
    lost = list(dict.fromkeys(roles["id"][rows < 0]))
    if not (rows >= 0).any():
        set_keys = [" ".join(key) for key in genes.keys[:3]]
        raise UnknownGene(
            f"none of its genes is in the set: it has {some(lost)}, the set has {some(set_keys)} (species and id)",
            where=None if isinstance(splits, pd.DataFrame) else splits,
            hint="use the set that was split",
        )
    if lost:
        logger.warning("%s genes of the splits are not in the set and are ignored: %s", len(lost), some(lost))
    return rows


class LeakCounts(NamedTuple):
    """Leaks of all folds.

    Attributes:
        genes: number of genes in the set.
        never_tested, tested_twice: numbers of genes that are test genes in no fold, and in more than one fold.
        not_in_set: number of genes of the splits that are not in the set; they are not checked.
        leaking: kind of leak -> fold -> number of training (or tuning) genes that leak; only folds with such genes.
        folds: a description of each fold, as :attr:`kanseq.verbs.splitting.leaks.Leaks.folds`.
        table: a row per fold, kind of leak and pair of roles, as in ``leaks.tsv``.
    """

    genes: int
    never_tested: int
    tested_twice: int
    not_in_set: int
    leaking: dict[str, dict[str, int]]
    folds: list[dict[str, object]]
    table: pd.DataFrame


def count_leaks(
    genes: SequenceSet,
    roles: pd.DataFrame,
    related: dict[str, Relation],
    labels: pd.DataFrame | None,
    pairs: int,
) -> LeakCounts:
    """Count the related genes in different roles of each fold.

    Args:
        genes: the set.
        roles: the table from :func:`read_roles`.
        related: kind -> related genes, from :func:`relations_across`.
        labels: a table of labels, to describe the labels of each role and their thresholds; may be None.
        pairs: maximum number of gene pairs to list per fold, kind of leak and pair of roles.
    """
    rows = roles["row"].to_numpy()
    folds = [
        _fold(genes, str(name), of_fold, related, labels, pairs)
        for name, of_fold in roles[rows >= 0].groupby("fold", sort=False)
    ]
    tested = roles[(roles["role"] == "test") & (rows >= 0)].drop_duplicates(["species", "id", "fold"])
    times = tested.groupby(["species", "id"]).size()
    counts = _table(folds)
    leaking = {
        str(kind): {str(name): int(count) for name, count in of_kind.groupby("fold", sort=False)["genes"].max().items()}
        for kind, of_kind in counts[counts["genes"] > 0].groupby("kind", sort=False)
    }
    return LeakCounts(
        genes=len(genes),
        never_tested=len(genes) - len(times),
        tested_twice=int((times > 1).sum()),
        not_in_set=len(roles[rows < 0].drop_duplicates(["species", "id"])),
        leaking=leaking,
        folds=folds,
        table=counts,
    )


def relations_across(genes: SequenceSet, homology: PathLike | pd.DataFrame | Homologs | None) -> dict[str, Relation]:
    """Find the related genes of the set for each kind of relation in :data:`KINDS`."""
    related: dict[str, Relation] = {}
    if has_places(genes):
        related["overlap"] = overlapping(genes)
    letters, bases = same_letters(genes), same_bases(genes)
    assert letters is not None
    assert bases is not None
    related["duplicate"] = letters
    related["reverse_complement"] = GroupsOfTwo(bases.numbers, letters.numbers)
    related["similar"] = similar_windows(genes).without(*related.values())
    if homology is not None:
        related["homolog"] = read_homologous(genes, homology)
    return related


def _fold(
    genes: SequenceSet,
    name: str,
    members: pd.DataFrame,
    related: dict[str, Relation],
    labels: pd.DataFrame | None,
    pairs: int,
) -> dict[str, object]:
    """Describe one fold: its genes per role, leaks and labels; ``members`` is its part of the table of roles."""
    of_role = {role: np.zeros(len(genes), dtype=bool) for role in ROLES}
    for role in ROLES:
        of_role[role][members["row"][members["role"] == role]] = True
    counts = {role: int(of_role[role].sum()) for role in ROLES}
    counts["unused"] += int((~np.logical_or.reduce(list(of_role.values()))).sum())
    found = []
    for one, other in SIDES:
        if of_role[one].any() and of_role[other].any():
            both = np.flatnonzero(of_role[one] & of_role[other])
            twice = Across(len(both), both, np.stack([both, both], axis=1)[:pairs])
            found.append(_leak(genes, SAME_GENE, (one, other), twice))
            for kind, relation in related.items():
                across = relation.across(of_role[one], of_role[other], pairs)
                found.append(_leak(genes, kind, (one, other), across))
    described: dict[str, object] = {"fold": name, "genes": counts, "leaks": found}
    if labels is None:
        return described
    of_labels: FoldLabels = labels_in_fold(genes, name, of_role, labels)
    exposed = {"kind": THRESHOLDS, "between": ["train", "test"], "genes": of_labels.exposed, "pairs": 0, "named": []}
    found.append(exposed)
    return {**described, "labels": of_labels.shares, "thresholds": of_labels.thresholds}


def _leak(genes: SequenceSet, kind: str, between: tuple[str, str], across: Across) -> dict[str, object]:
    """Describe related genes in two roles of a fold; the first gene of each pair has the first role."""
    species, ids = (genes.table[column].to_numpy(dtype=object) for column in ("species", "id"))
    named = [[str(species[a]), str(ids[a]), str(species[b]), str(ids[b])] for a, b in across.named]
    return {"kind": kind, "between": list(between), "genes": len(across.rows), "pairs": across.pairs, "named": named}


def _table(folds: list[dict[str, object]]) -> pd.DataFrame:
    """Return the leaks of all folds as one table, with the columns of ``leaks.tsv``."""
    rows = [
        (fold["fold"], leak["kind"], "|".join(leak["between"]), leak["genes"], leak["pairs"])
        for fold in folds
        for leak in fold["leaks"]  # type: ignore[attr-defined]
    ]
    return pd.DataFrame(rows, columns=list(LEAKS.required))
