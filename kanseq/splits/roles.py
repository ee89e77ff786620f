"""Assign a role to every gene in every fold; genes related to test genes are not used for training.

In: a set, folds, and relations between genes. Out: the table of splits.
"""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from kanseq.errors import BadTable, EmptySplit
from kanseq.homologs.homolog_files import Homologs
from kanseq.io.files import PathLike, some
from kanseq.sequences.sequence_set import SequenceSet, check_name
from kanseq.splits.folds import HeldOutFold, by_position, contig_numbers
from kanseq.splits.overlaps import has_places, overlapping, same_bases
from kanseq.splits.relations import Groups, Pairs, read_homologous
from kanseq.splits.similar_windows import similar_windows
from kanseq.splits.split_tables import NOT_SCORED


def check_keys(genes: SequenceSet) -> None:
    """Check that the set is not empty, and that species and ids are unique and fit into a tab-separated table."""
    if len(genes) == 0:
        raise EmptySplit("the set is empty")
    twice = genes.table["id"][genes.table.duplicated(["species", "id"])]
    if len(twice):
        raise BadTable(f"several sequences of the set have the same id: {some(list(twice))}")
    for column in ("species", "id"):
        for name in genes.table[column].unique():
            check_name(str(name), f"the {column}")


def relations_to_test(
    genes: SequenceSet, homology: PathLike | pd.DataFrame | Homologs | None = None, *, similar: bool = False
) -> dict[str, Pairs | Groups]:
    """Return the relations by which a gene is excluded from training if it is related to a test gene.

    The keys are prefixes of the reasons for exclusion, such as ``overlaps``. With ``similar``, one of the relations
    connects genes with nearly identical windows.
    """
    relations: dict[str, Pairs | Groups] = {"overlaps": overlapping(genes)}
    letters = same_bases(genes)
    if letters is not None:
        relations["duplicates"] = letters
    if homology is not None:
        relations["homolog"] = read_homologous(genes, homology)
    if similar:
        relations["similar"] = similar_windows(genes)
    return relations


def assign_roles(
    genes: SequenceSet,
    folds: Sequence[HeldOutFold],
    relations: Mapping[str, Pairs | Groups],
    *,
    by: str,
    scored: np.ndarray | None = None,
    tune: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Assign a role to every gene in every fold.

    Args:
        genes: the set.
        folds: the genes that each fold holds out.
        relations: relations as from :func:`relations_to_test`, by the prefix of the reason for exclusion.
        by: the method by which the folds were made, as in :func:`kanseq.split`; it determines whether the tuning genes
            of a fold are neighbours on a contig or random genes.
        scored: whether each gene is scored, ``(n,)`` bool; other test genes become ``unused``. None scores all.
        tune: fraction of a fold's training genes that become ``tune``.
        seed: seed for the choice of tuning genes.

    Returns:
        A table with a row per gene and fold: ``species, id, fold, role, reason``.

    Raises:
        EmptySplit: a fold has no gene to train on.
    """
    roles = _Roles(genes, relations, scored, tune, seed, along_contigs=by not in ("random", "list", "column"))
    return _table(genes.table, [(fold.name, *roles.of(fold)) for fold in folds])


class _Roles:
    """Assigns roles to the genes of each fold; everything that does not depend on the fold is computed once."""

    def __init__(
        self,
        genes: SequenceSet,
        relations: Mapping[str, Pairs | Groups],
        scored: np.ndarray | None,
        tune: float,
        seed: int,
        along_contigs: bool,
    ) -> None:
        self.table, self.scored, self.tune, self.seed = genes.table, scored, tune, seed
        self.along_contigs = along_contigs and has_places(genes)
        self.ids = genes.table["id"].to_numpy(dtype=object)
        self.relations = relations

    def of(self, fold: HeldOutFold) -> tuple[np.ndarray, np.ndarray]:
        """Return two object arrays: the role of every gene in a fold, and the reason if the gene is unused."""
        role = np.full(len(self.table), "train", dtype=object)
        reason = np.full(len(self.table), "", dtype=object)
        role[fold.rows] = "test"
        role[fold.tune] = "tune"
        for why, rows in fold.left_out:
            role[rows], reason[rows] = "unused", why
        self._keep_apart(role, reason, "test", from_roles=("train", "tune"))
        if self.tune:
            role[self._tuning(np.flatnonzero(role == "train"), fold.name)] = "tune"
        self._keep_apart(role, reason, "tune", from_roles=("train",))
        if self.scored is not None:
            silent = fold.rows[~self.scored[fold.rows]]
            role[silent], reason[silent] = "unused", NOT_SCORED
        if not (role == "train").any():
            raise EmptySplit(
                f"fold {fold.name}: no training genes are left",
                hint="hold out fewer genes, such as with --by block --blocks 5",
            )
        return role, reason

    def _keep_apart(self, role: np.ndarray, reason: np.ndarray, kind: str, from_roles: tuple[str, ...]) -> None:
        """Mark genes in ``from_roles`` as unused, with a reason, if they are related to a gene of the role ``kind``."""
        sources = role == kind
        if not sources.any():
            return
        for what, relation in self.relations.items():
            rows, partners = relation.first(sources)
            taken = np.isin(role[rows], from_roles)
            role[rows[taken]] = "unused"
            reason[rows[taken]] = [f"{what}_{kind}:{name}" for name in self.ids[partners[taken]]]

    def _tuning(self, rows: np.ndarray, fold: str) -> np.ndarray:
        """Choose tuning genes from the training ``rows`` of a fold; the choice does not depend on other folds."""
        count = min(max(1, round(self.tune * len(rows))), len(rows))
        random = np.random.default_rng([self.seed, zlib.crc32(fold.encode())])
        if not self.along_contigs:
            return random.choice(rows, size=count, replace=False) if count else rows
        rows = by_position(self.table, rows)
        starts = np.arange(len(rows) - count + 1)
        contig = contig_numbers(self.table)[rows]
        within = starts[contig[starts] == contig[starts + count - 1]] if count else starts
        start = int(random.choice(within if len(within) else starts))
        return rows[start : start + count]


def _table(genes: pd.DataFrame, folds: list[tuple[str, np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """Return the roles of all folds as one table, with genes in the order of the set."""
    return pd.DataFrame(
        {
            "species": np.tile(genes["species"].to_numpy(dtype=object), len(folds)),
            "id": np.tile(genes["id"].to_numpy(dtype=object), len(folds)),
            "fold": np.repeat(np.array([name for name, _, _ in folds], dtype=object), len(genes)),
            "role": np.concatenate([role for _, role, _ in folds]),
            "reason": np.concatenate([reason for _, _, reason in folds]),
        }
    ).astype(str)
