"""Which row of an expression table is which gene of a set; nothing is guessed. In: ids of both. Out: rows, names."""

import logging

import numpy as np
import pandas as pd

from kanseq.data.sequences import NO_SPECIES, SequenceSet
from kanseq.data.split_tables import read_splits
from kanseq.errors import BadOption, BadTable, UnknownGene
from kanseq.files import PathLike, some
from kanseq.genome.expression import without_version

logger = logging.getLogger(__name__)

FLAGS = {
    (True, False): "--strip-version",
    (False, True): "--ignore-case",
    (True, True): "--strip-version --ignore-case",
}


def match_genes(
    table: pd.Index,
    genes: pd.Index,
    *,
    strip_version: bool = False,
    ignore_case: bool = False,
    where: PathLike | None = None,
) -> np.ndarray:
    """Give the row of ``table`` for each of ``genes``, -1 where it has none, int64 ``(genes,)``.

    Args:
        table: ids as the expression table has them, each once.
        genes: ids as the set has them, each once.
        strip_version: compare without version suffixes (``.1``), on both sides.
        ignore_case: compare without regard to letter case.
        where: the table's file, for messages.

    Raises:
        BadTable: two different ids of one side become the same.
        UnknownGene: no gene in common; the message shows some of each, and the option under which they would match.
    """
    keys = _keys(table, strip_version, ignore_case)
    for side, ids, side_keys in (
        ("table", table, keys),
        ("gene set", genes, _keys(genes, strip_version, ignore_case)),
    ):
        twice = side_keys.duplicated(keep=False)
        if twice.any():
            raise BadTable(
                f"different genes of the {side} become the same: {some(list(ids[twice]))}",
                hint="leave --strip-version or --ignore-case out",
            )
    rows = keys.get_indexer(_keys(genes, strip_version, ignore_case))
    found = int((rows >= 0).sum())
    if found * 2 < len(genes):
        better = _better(table, genes, found)
        if not found:
            raise UnknownGene(
                f"no gene in common: the table has {some(list(table))}, and the set {some(list(genes))}",
                where=where,
                hint=better or "both must name genes the same way (--id-column says where a table's ids are)",
            )
        if better:
            logger.warning("only %d of %d genes are in the table; %s", found, len(genes), better)
    return rows


def genes_that_count(
    splits: PathLike | pd.DataFrame | None, genes: PathLike | SequenceSet | None, species: str | None
) -> pd.DataFrame | None:
    """Give the genes that count, with fold and role if there are splits, of one species or with ids of their own."""
    of_set = None
    if genes is not None:
        of_set = genes if isinstance(genes, SequenceSet) else SequenceSet.read(genes, ["species", "id"])
    if splits is not None:
        members = read_splits(splits)
        keys = pd.MultiIndex.from_frame(members[["species", "id"]])
        if of_set is not None and set(keys) != set(of_set.keys):
            raise BadTable("splits and gene set are not of the same genes", hint="split this set with kanseq split")
    elif of_set is not None:
        members = of_set.table[["species", "id"]]
    else:
        return None
    if species is not None:
        there = list(members["species"].unique())
        members = members[members["species"] == species]
        if members.empty:
            raise BadOption(f"--species {species}: the genes are of {some(there)}")
    known = members[["species", "id"]].drop_duplicates()
    shared = known["id"][known["id"].duplicated()]
    if len(shared):
        raise BadOption(
            f"several species have genes of the same id: {some(list(shared))}",
            hint="say whose expression this is with --species",
        )
    return members.reset_index(drop=True)


def names_of_rows(
    ids: pd.Index,
    species: str | None,
    strip_version: bool,
    known: pd.DataFrame | None,
    rows: np.ndarray,
) -> pd.DataFrame:
    """Give species and id of every row of the expression table: the set's own names where it knows the gene."""
    plain = pd.Series(ids).astype(str)
    names = pd.DataFrame({"id": without_version(plain) if strip_version else plain})
    if known is None:
        return names.assign(species=species or NO_SPECIES)
    there = known["species"].unique()
    found = rows >= 0
    whose = np.full(len(ids), there[0] if len(there) == 1 else NO_SPECIES, dtype=object)
    whose[rows[found]] = known["species"].to_numpy()[found]
    own = names["id"].to_numpy(dtype=object)
    own[rows[found]] = known["id"].to_numpy()[found]
    return pd.DataFrame({"species": whose, "id": own})


def _keys(ids: pd.Index, strip_version: bool, ignore_case: bool) -> pd.Index:
    """Give what is compared."""
    keys = pd.Series(ids, dtype=object).astype(str)
    keys = without_version(keys) if strip_version else keys
    return pd.Index(keys.str.lower() if ignore_case else keys)


def _better(table: pd.Index, genes: pd.Index, found: int) -> str | None:
    """Name the gentlest option that would match more genes, and how many."""
    counts = {flags: int(_keys(genes, *flags).isin(_keys(table, *flags)).sum()) for flags in FLAGS}
    most = max(counts.values())
    if most <= found:
        return None
    flags = next(flags for flags in FLAGS if counts[flags] == most)
    return f"with {FLAGS[flags]} {most:,} would match"
