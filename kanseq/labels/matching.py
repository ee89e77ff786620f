"""Match rows of an expression table to genes of a set by their ids.

In: the gene ids of the table and of the set. Out: for each gene of the set, its row in the table; names for all rows.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, BadTable, Remedy, UnknownGene
from kanseq.genome.names.gene_maps import read_gene_map
from kanseq.genome.names.resolver import (
    EXACT,
    LEAST,
    RULES,
    UNVERSIONED,
    KnownNames,
    NameMatch,
    SpellingRule,
    match_names,
    report_rule,
)
from kanseq.genome.names.spellings import gene_of_isoform, unversioned
from kanseq.io.files import PathLike, some
from kanseq.sequences.sequence_set import NO_SPECIES, SequenceSet
from kanseq.splits.split_tables import read_splits

logger = logging.getLogger(__name__)

NO_OPTION = "both must use the same gene ids; use --gene-map for a table of old and new ids"
"""The hint if no option was found that matches names."""

_SEPARATOR = re.compile(r"[_:;,|( ]")
"""Matches what may follow an id in a name that also contains a symbol or a description."""


class GeneMatch(NamedTuple):
    """The rows of genes in an expression table.

    Attributes:
        rows: row in the table of each gene, int64 ``(genes,)``; -1 if the table does not contain it.
        rule: how names were matched, to complete the sentence "genes are matched …".
    """

    rows: np.ndarray
    rule: str


def match_genes(
    table: pd.Index,
    genes: pd.Index | None,
    *,
    strip_version: bool = False,
    ignore_case: bool = False,
    where: PathLike | None = None,
    other_columns: Mapping[str, Sequence[str]] | None = None,
    samples: Sequence[str] = (),
) -> GeneMatch:
    """Find the row of each gene in an expression table.

    Names are compared exactly. If this matches few genes, the rules of :data:`kanseq.genome.names.resolver.RULES` are
    tried, such as names without the prefix ``gene:`` or without versions; the rule that is used is logged.

    Args:
        table: unique ids of the expression table.
        genes: unique ids of the set; if None, they are those of the table.
        strip_version: compare ids without version suffixes (``.1``) only.
        ignore_case: compare ignoring letter case.
        where: file of the table, for messages.
        other_columns: other columns of the table that may contain ids, for messages.
        samples: names of the samples, for messages.

    Raises:
        BadTable: with these options, two ids of the table or of the set become the same.
        UnknownGene: the table and the set have no gene in common; the message shows some ids of each, and an option
            that would make them match, if there is one.
    """
    names = list(table.astype(str))
    if strip_version:
        _check_distinct(names, "table", ignore_case)
    if genes is None:
        return GeneMatch(np.arange(len(names)), EXACT.words)
    known = list(genes.astype(str))
    if strip_version:
        _check_distinct(known, "gene set", ignore_case)
    rules = (UNVERSIONED,) if strip_version else RULES
    match = match_names(names, known, rules=rules, ignore_case=ignore_case)
    if match.found * 2 <= len(known):
        option = _better_option(match, names, known, rules, ignore_case, other_columns or {})
        if not match.found:
            hint = option.lead if option else _other_hint(match, names, known, samples) or NO_OPTION
            raise UnknownGene(
                f"no gene in common: the table has {some(names)}, the set has {some(known)}",
                where=where,
                hint=hint,
                remedy=option,
            )
        logger.warning(
            "only %d of %d genes are in the table%s", match.found, len(known), f"; {option.lead}" if option else ""
        )
    report_rule(match, where or "table in memory", "genes", len(known))
    rows = np.full(len(known), -1, dtype=np.int64)
    matched = np.flatnonzero(match.places >= 0)
    rows[match.places[matched]] = matched
    return GeneMatch(rows, match.rule.words)


def rename_genes(tpm: pd.DataFrame, table: PathLike | pd.DataFrame, genes: pd.Index | None) -> pd.DataFrame:
    """Translate the ids of an expression table with a table of two annotation releases; sum the TPM of merged genes.

    Args:
        tpm: a row per gene.
        table: table with two columns.
        genes: ids of the set; if None, the second column has the new ids.

    Raises:
        UnknownGene: no gene of the table of expression, or none of the set, is in the table of releases.
    """
    where = None if isinstance(table, pd.DataFrame) else table
    gene_of = read_gene_map(table, None if genes is None else list(genes)).gene_of
    names = list(tpm.index.astype(str))
    known = list(gene_of)
    match = match_names(names, KnownNames(known, list(gene_of.values())), many=True)
    if not match.found:
        raise UnknownGene(
            f"no gene in common: the expression table has {some(names)}, the column of --gene-map has {some(known)}",
            where=where,
        )
    report_rule(match, where or "table of gene ids", "genes", match.found)
    renamed = [gene_of[known[place]] if place >= 0 else None for place in match.places.tolist()]
    lost = [name for name, new in zip(names, renamed, strict=True) if new is None]
    if lost:
        logger.warning("%d of %d genes are not in --gene-map: %s", len(lost), len(names), some(lost))
    return tpm.groupby(pd.Index(renamed), sort=False, dropna=True).sum()


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
    names = pd.DataFrame({"id": plain.map(unversioned) if strip_version else plain})
    if known is None:
        return names.assign(species=species or NO_SPECIES)
    there = known["species"].unique()
    found = rows >= 0
    species_names = np.full(len(ids), there[0] if len(there) == 1 else NO_SPECIES, dtype=object)
    species_names[rows[found]] = known["species"].to_numpy()[found]
    own = names["id"].to_numpy(dtype=object)
    own[rows[found]] = known["id"].to_numpy()[found]
    return pd.DataFrame({"species": species_names, "id": own})


def _check_distinct(ids: list[str], side: str, ignore_case: bool) -> None:
    """Raise BadTable if two ids are the same without their versions; ``side`` names their source."""
    keys = pd.Series([unversioned(name) for name in ids], dtype=object)
    twice = (keys.str.lower() if ignore_case else keys).duplicated(keep=False).to_numpy(dtype=bool)
    if twice.any():
        same = [name for name, is_twice in zip(ids, twice, strict=True) if is_twice]
        raise BadTable(f"different genes of the {side} become the same: {some(same)}", hint="omit --strip-version")


def _better_option(
    match: NameMatch,
    names: list[str],
    known: list[str],
    rules: Sequence[SpellingRule],
    ignore_case: bool,
    other_columns: Mapping[str, Sequence[str]],
) -> Remedy | None:
    """Return the option that matches most genes, tested on these names; None if none matches more than ``match``."""
    found: dict[tuple[str, str | None], int] = {}
    if not ignore_case:
        found["--ignore-case", None] = match_names(names, known, rules=rules, ignore_case=True).found
    if UNVERSIONED not in rules and _distinct(names) and _distinct(known):
        found["--strip-version", None] = match_names(names, known, rules=(UNVERSIONED,), ignore_case=ignore_case).found
    for column, cells in other_columns.items():
        ids = list(dict.fromkeys(cells))
        found["--id-column", column] = match_names(ids, known, rules=rules, ignore_case=ignore_case).found
    best = max(found, key=lambda name: found[name], default=None)
    if best is None or found[best] <= max(match.found, LEAST * min(len(names), len(known))):
        return None
    option, value = best
    shown = option if value is None else f"{option} '{value}'"
    doubt = ", if the numbers are versions of the same genes" if option == "--strip-version" else ""
    return Remedy(f"with {shown} {found[best]:,} would match{doubt}", {option: value})


def _distinct(names: list[str]) -> bool:
    """Return whether no two names are the same without their versions."""
    return len({unversioned(name) for name in names}) == len(names)


def _other_hint(match: NameMatch, names: list[str], known: list[str], samples: Sequence[str]) -> str | None:
    """Return a hint if the names are transcripts of the known genes, or contain them, or the table is transposed."""
    if match_names(list(samples), known).found * 2 > len(samples):
        return "the columns of the table are genes; transpose it, so that its rows are genes"
    if {gene_of_isoform(name) for name in match.clashing} & {unversioned(name) for name in known}:
        return (
            f"the table has several transcripts per gene, such as {some(match.clashing)}; use --tx2gene TABLE or "
            "--annotation FILE to sum them"
        )
    first = [_SEPARATOR.split(name, maxsplit=1)[0] for name in names]
    found = match_names(list(dict.fromkeys(first)), known).found
    if found > LEAST * min(len(names), len(known)):
        at = next(at for at, name in enumerate(names) if name != first[at])
        return f"{found:,} would match without the end of the name, such as '{first[at]}' for '{names[at]}'; cut it off"
    return None
