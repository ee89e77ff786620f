"""Match rows of an expression table to genes of a set by exact ids.

In: the gene ids of the table and of the set. Out: for each gene of the set, its row in the table; names for all rows.
"""

import logging

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, BadTable, UnknownGene
from kanseq.genome.expression.tpm import without_version
from kanseq.io.files import PathLike, some
from kanseq.sequences.sequence_set import NO_SPECIES, SequenceSet
from kanseq.splits.split_tables import read_splits

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
    """Return the row in ``table`` of each gene in ``genes``, int64 ``(genes,)``; -1 if the table does not contain it.

    Args:
        table: unique ids of the expression table.
        genes: unique ids of the set.
        strip_version: compare ids without version suffixes (``.1``).
        ignore_case: compare ignoring letter case.
        where: file of the table, for messages.

    Raises:
        BadTable: with these options, two ids of the table or of the set become the same.
        UnknownGene: the table and the set have no gene in common; the message shows some ids of each, and the option
            that would make them match.
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
                hint="leave out --strip-version or --ignore-case",
            )
    rows = keys.get_indexer(_keys(genes, strip_version, ignore_case))
    found = int((rows >= 0).sum())
    if found * 2 < len(genes):
        better = _better(table, genes, found)
        if not found:
            raise UnknownGene(
                f"no gene in common: the table has {some(list(table))}, the set has {some(list(genes))}",
                where=where,
                hint=better or "both must use the same gene ids (use --id-column to choose the column of ids)",
            )
        if better:
            logger.warning("only %d of %d genes are in the table; %s", found, len(genes), better)
    return rows


def genes_that_count(
    splits: PathLike | pd.DataFrame | None, genes: PathLike | SequenceSet | None, species: str | None
) -> pd.DataFrame | None:
    """Return the genes to match with an expression table: from the splits (with fold and role) or else from the set.

    Return None if there are neither splits nor a set. If ``species`` is specified, return only genes of this species.

    Raises:
        BadTable: the splits and the set do not contain the same genes.
        BadOption: ``species`` is unknown; or it is None, and several species have genes with the same id.
    """
    of_set = None
    if genes is not None:
        of_set = genes if isinstance(genes, SequenceSet) else SequenceSet.read(genes, ["species", "id"])
    if splits is not None:
        members = read_splits(splits)
        keys = pd.MultiIndex.from_frame(members[["species", "id"]])
        if of_set is not None and set(keys) != set(of_set.keys):
            raise BadTable("splits and gene set have different genes", hint="split this set with kanseq split")
    elif of_set is not None:
        members = of_set.table[["species", "id"]]
    else:
        return None
    if species is not None:
        there = list(members["species"].unique())
        members = members[members["species"] == species]
        if members.empty:
            raise BadOption(f"--species {species}: the species of the genes are {some(there)}")
    known = members[["species", "id"]].drop_duplicates()
    shared = known["id"][known["id"].duplicated()]
    if len(shared):
        raise BadOption(
            f"several species have genes with the same id: {some(list(shared))}",
            hint="specify the species of the expression table with --species",
        )
    return members.reset_index(drop=True)


def names_of_rows(
    ids: pd.Index,
    species: str | None,
    strip_version: bool,
    known: pd.DataFrame | None,
    rows: np.ndarray,
) -> pd.DataFrame:
    """Return species and id of each row of an expression table; genes of the set get the species and id in the set.

    ``known`` are the genes of the set (None if there is no set). ``rows`` are their rows in the table, from
    :func:`match_genes`. Other rows keep their id.
    """
    plain = pd.Series(ids).astype(str)
    names = pd.DataFrame({"id": without_version(plain) if strip_version else plain})
    if known is None:
        return names.assign(species=species or NO_SPECIES)
    there = known["species"].unique()
    found = rows >= 0
    species_names = np.full(len(ids), there[0] if len(there) == 1 else NO_SPECIES, dtype=object)
    species_names[rows[found]] = known["species"].to_numpy()[found]
    own = names["id"].to_numpy(dtype=object)
    own[rows[found]] = known["id"].to_numpy()[found]
    return pd.DataFrame({"species": species_names, "id": own})


def _keys(ids: pd.Index, strip_version: bool, ignore_case: bool) -> pd.Index:
    """Convert ids to the form in which they are compared: without version suffix, in lower case, both, or unchanged."""
    keys = pd.Series(ids, dtype=object).astype(str)
    keys = without_version(keys) if strip_version else keys
    return pd.Index(keys.str.lower() if ignore_case else keys)


def _better(table: pd.Index, genes: pd.Index, found: int) -> str | None:
    """Return a hint with the strictest option that matches most genes; None if none matches more than ``found``."""
    counts = {flags: int(_keys(genes, *flags).isin(_keys(table, *flags)).sum()) for flags in FLAGS}
    most = max(counts.values())
    if most <= found:
        return None
    flags = next(flags for flags in FLAGS if counts[flags] == most)
    return f"with {FLAGS[flags]} {most:,} would match"
