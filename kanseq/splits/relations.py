"""Represent which rows of a set are related, by pairs or by groups, to keep related rows on one side of a split.

In: a set, and a file of homologs. Out: relations, which find related rows in two subsets.
"""

import logging
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from kanseq.errors import UnknownGene
from kanseq.homologs.homolog_files import Homologs, read_homologs
from kanseq.io.files import PathLike, some
from kanseq.sequences.sequence_set import SequenceSet

logger = logging.getLogger(__name__)


class Across(NamedTuple):
    """Pairs of related rows, the first in the subset ``one`` of a set, the second in the subset ``other``.

    Attributes:
        pairs: number of pairs.
        rows: rows of ``one`` that are related to a row of ``other``, int64, ascending.
        named: the first pairs ``(row of one, row of other)``, int64 ``(n, 2)``; n is at most the requested number.
    """

    pairs: int
    rows: np.ndarray
    named: np.ndarray


class Pairs(NamedTuple):
    """Related rows as pairs ``(a, b)``, int64 ``(pairs, 2)``, in both directions, sorted by ``b``, then by ``a``."""

    rows: np.ndarray

    def first(self, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows related to ``sources`` (bool per row) that are not sources, and a related source for each."""
        pairs = self.rows[sources[self.rows[:, 0]] & ~sources[self.rows[:, 1]]]
        rows, first = np.unique(pairs[:, 1], return_index=True)
        return rows, pairs[first, 0]

    def across(self, one: np.ndarray, other: np.ndarray, most: int) -> Across:
        """Find pairs of a row in ``one`` and a related row in ``other`` (bool per row); list at most ``most`` pairs."""
        met = self.rows[one[self.rows[:, 1]] & other[self.rows[:, 0]]]
        return Across(len(met), np.unique(met[:, 1]), met[:most, ::-1])

    def without(self, *others: "Relation") -> "Pairs":
        """Return the pairs that none of the relations ``others`` contains."""
        kept = self.rows
        for other in others:
            kept = kept[~other.holds(kept)]
        return Pairs(kept)

    def holds(self, rows: np.ndarray) -> np.ndarray:
        """Return for each pair of rows, ``(n, 2)``, whether the two are related, bool ``(n,)``."""
        return pd.MultiIndex.from_arrays(rows.T).isin(pd.MultiIndex.from_arrays(self.rows.T))


class Groups(NamedTuple):
    """Related rows as groups: the group number of each row, int64 ``(rows,)``, from 0."""

    numbers: np.ndarray

    def first(self, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows related to ``sources`` (bool per row) that are not sources, and a related source for each."""
        source_of = np.full(self.numbers.max(initial=-1) + 1, -1, dtype=np.int64)
        backwards = np.flatnonzero(sources)[::-1]
        # If a group has several sources, the last assignment remains, which is that of the first row.
        source_of[self.numbers[backwards]] = backwards
        rows = np.flatnonzero(~sources & (source_of[self.numbers] >= 0))
        return rows, source_of[self.numbers[rows]]

    def across(self, one: np.ndarray, other: np.ndarray, most: int) -> Across:
        """Find pairs of a row in ``one`` and a related row in ``other`` (bool per row); list at most ``most`` pairs."""
        # A row in both subsets is not related to itself.
        return _count(self, _members(self.numbers, other) - other, one, other, most)

    def holds(self, rows: np.ndarray) -> np.ndarray:
        """Return for each pair of rows, ``(n, 2)``, whether the two are related, bool ``(n,)``."""
        return self.numbers[rows[:, 0]] == self.numbers[rows[:, 1]]


class GroupsOfTwo(NamedTuple):
    """Groups that have parts, such as strands; two rows of a group are related if they are in different parts.

    ``numbers`` and ``parts`` are the numbers of each row's group and part, int64 ``(rows,)``.
    """

    numbers: np.ndarray
    parts: np.ndarray

    def across(self, one: np.ndarray, other: np.ndarray, most: int) -> Across:
        """Find pairs of a row in ``one`` and a related row in ``other`` (bool per row); list at most ``most`` pairs."""
        others = _members(self.numbers, other) - _members(self.parts, other)
        return _count(self, others, one, other, most)

    def holds(self, rows: np.ndarray) -> np.ndarray:
        """Return for each pair of rows, ``(n, 2)``, whether the two are related, bool ``(n,)``."""
        same = [numbers[rows[:, 0]] == numbers[rows[:, 1]] for numbers in (self.numbers, self.parts)]
        return same[0] & ~same[1]


Relation: TypeAlias = Pairs | Groups | GroupsOfTwo


def _members(numbers: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Count for each row the rows of the same group that are in ``among`` (bool per row), int64 ``(rows,)``."""
    return np.bincount(numbers[among], minlength=numbers.max(initial=-1) + 1)[numbers]


def _count(relation: Groups | GroupsOfTwo, others: np.ndarray, one: np.ndarray, other: np.ndarray, most: int) -> Across:
    """Count pairs of related rows in ``one`` and ``other``; list at most ``most`` pairs.

    ``others`` is the number of rows in ``other`` to which each row is related. A group of a thousand rows has half a
    million pairs, so all pairs are counted but only the first ``most`` are listed.
    """
    found = np.flatnonzero(one & (others > 0))
    members = np.flatnonzero(other)
    named: list[np.ndarray] = [np.zeros((0, 2), dtype=np.int64)]
    left = most
    for row in found:
        if left <= 0:
            break
        pairs = np.stack([np.full(len(members), row), members], axis=1)
        pairs = pairs[relation.holds(pairs) & (members != row)][:left]
        named.append(pairs)
        left -= len(pairs)
    return Across(int(others[found].sum()), found, np.concatenate(named))


def both_ways(one: np.ndarray, other: np.ndarray) -> Pairs:
    """Return pairs of related rows in both directions; duplicates and pairs of a row with itself are dropped."""
    apart = one != other
    one, other = one[apart].astype(np.int64), other[apart].astype(np.int64)
    pairs = np.stack([np.concatenate([other, one]), np.concatenate([one, other])], axis=1)
    return Pairs(np.unique(pairs, axis=0)[:, ::-1])


def read_homologous(genes: SequenceSet, homology: PathLike | pd.DataFrame | Homologs) -> Relation:
    """Return which rows of a set are homologous; ``homology`` is a file, its table, or its parsed content."""
    if isinstance(homology, Homologs):
        return homologous(genes, homology)
    return homologous(genes, read_homologs(homology), None if isinstance(homology, pd.DataFrame) else homology)


def homologous(genes: SequenceSet, homologs: Homologs, where: PathLike | None = None) -> Relation:
    """Return which rows of a set are homologous, from groups or pairs; ``where`` is the file's name for messages.

    Genes that are not in the file have no homologs. Genes of the file that are not in the set are ignored.

    Raises:
        UnknownGene: the file and the set have no gene in common.
    """
    table = homologs.pairs if homologs.groups is None else homologs.groups
    assert table is not None
    one = _rows_of(genes, table["species"], table["id"])
    other = one if homologs.groups is not None else _rows_of(genes, table["species_2"], table["id_2"])
    known = np.zeros(len(genes), dtype=bool)
    known[np.concatenate([one[one >= 0], other[other >= 0]])] = True
    _check_known(genes, table, known, where, grouped=homologs.groups is not None)
    if homologs.groups is None:
        both = (one >= 0) & (other >= 0)
        return both_ways(one[both], other[both])
    codes = pd.factorize(table["group"].astype(str))[0]
    # Every gene that is not in the file is its own group, numbered after those of the file.
    numbers = len(codes) + np.arange(len(genes), dtype=np.int64)
    numbers[one[one >= 0]] = codes[one >= 0]
    return Groups(pd.factorize(numbers)[0].astype(np.int64))


def _rows_of(genes: SequenceSet, species: pd.Series, ids: pd.Series) -> np.ndarray:
    """Return the rows of genes by species and id; -1 if the set has no such gene."""
    keys = pd.MultiIndex.from_arrays([species.astype(str), ids.astype(str)])
    return genes.keys.get_indexer(keys)


def _check_known(
    genes: SequenceSet, table: pd.DataFrame, known: np.ndarray, where: PathLike | None, *, grouped: bool
) -> None:
    """Raise UnknownGene if no gene of the set is in the table of homologs; log how many genes are not."""
    missing = genes.table["id"].to_numpy(dtype=object)[~known]
    if len(table) == 0 and not grouped:
        logger.info("%s: no two genes are homologous", where or "homologs")
        return
    if not known.any():
        ids = list(dict.fromkeys(table["id"].astype(str)))
        hint = "both must use the same gene ids, in the same letter case"
        if set(ids) & set(missing):
            in_file, in_set = (list(dict.fromkeys(named["species"].astype(str))) for named in (table, genes.table))
            hint = f"the ids match, but the species are {some(in_file)} in the file and {some(in_set)} in the set"
        raise UnknownGene(
            f"none of its genes is in the set: it has {some(ids) or 'none'}, the set has {some(list(missing))}",
            where=where,
            hint=hint,
        )
    if not len(missing):
        return
    message = f"{where or 'homologs'}: {len(missing):,} of {len(genes):,} genes of the set are not in it and count as "
    # A file of pairs has no row for a gene without homologs.
    logger.log(
        logging.WARNING if grouped else logging.INFO, "%sgenes without homologs: %s", message, some(list(missing))
    )
