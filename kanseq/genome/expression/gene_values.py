"""Make a row per gene from the rows of expression tables. In: tables, genes of transcripts. Out: TPM of genes."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.genome.expression.identifiers import long_hint
from kanseq.genome.names.resolver import SAME_KIND, UNVERSIONED, KnownNames, match_names, report_rule
from kanseq.io.delimited.table import Delimited
from kanseq.io.files import some

logger = logging.getLogger(__name__)


def gene_values(
    table: Delimited, id_column: str, columns: list[str], gene_of: Mapping[str, str] | None, strip_version: bool
) -> pd.DataFrame:
    """Return the checked TPM of some columns, a row per gene; with ``gene_of``, transcripts are summed per gene."""
    ids = table.ids(id_column)
    if gene_of is None:
        return pd.DataFrame({name: table.values(name, ids) for name in columns}, index=pd.Index(ids))
    return summed_values(table, _genes_of(table, ids, gene_of, strip_version), columns)


def check_unique(ids: pd.Series, table: Delimited | Sequence[str]) -> None:
    """Raise BadTable if two rows have the same id; ``table`` is the table of the ids, or the location of each row."""
    twice = ids.duplicated().to_numpy()
    if twice.any():
        row = int(np.argmax(twice))
        where = table.place(row) if isinstance(table, Delimited) else table[row]
        hint = long_hint(table) if isinstance(table, Delimited) else "keep one row per gene"
        raise BadTable(f"duplicate id '{ids.iloc[row]}'", where=where, hint=hint)


def summed_values(table: Delimited, genes: pd.Series, columns: list[str]) -> pd.DataFrame:
    """Sum some columns over the rows of each gene, in order of first appearance; rows without a gene are dropped."""
    values = pd.DataFrame({name: table.values(name, genes) for name in columns}, index=table.frame.index)
    return values.groupby(genes.to_numpy(), sort=False, dropna=True).sum()


def join_tables(parts: list[pd.DataFrame], samples: Sequence[str]) -> pd.DataFrame:
    """Join tables side by side; keep the genes that are in all tables; samples in the order of ``samples``."""
    names = [name for part in parts for name in part.columns]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        hint = "rename the column in one of them, or pass each file once"
        raise BadTable(f"several tables have a sample '{twice[0]}'", hint=hint)
    tpm = parts[0] if len(parts) == 1 else pd.concat(parts, axis=1, join="inner")
    if not len(tpm):
        first, second = (some(list(part.index)) for part in parts[:2])
        raise BadTable(
            f"the tables have no gene in common: {first}, and {second}", hint="pass one table with all genes"
        )
    most = max(len(part) for part in parts)
    if len(tpm) < most:
        logger.warning("%d genes are not in all of the tables and are excluded", most - len(tpm))
    return tpm[sorted(names, key=list(samples).index)] if set(names) <= set(samples) else tpm


def _genes_of(table: Delimited, ids: pd.Series, gene_of: Mapping[str, str], strip_version: bool) -> pd.Series:
    """Return the gene of every transcript in ``ids``, missing if it is unknown; warn about such transcripts."""
    known, genes = list(gene_of), list(gene_of.values())
    rules = (*SAME_KIND, UNVERSIONED) if strip_version else SAME_KIND
    match = match_names(list(ids), KnownNames(known, genes), many=True, rules=rules, eager=strip_version)
    found = pd.Series([genes[place] if place >= 0 else None for place in match.places.tolist()], index=ids.index)
    unknown = ids[found.isna()]
    if len(unknown) == len(ids):
        raise BadTable(
            f"no row has a gene: the table has {some(list(ids))}, but genes are known for {some(known)}",
            where=table.path,
            hint="--tx2gene or --annotation must contain the transcripts or genes in the table",
        )
    report_rule(match, table.path, "transcripts", len(ids), int((match.places >= 0).sum()))
    if len(unknown):
        logger.warning("%s: %d of %d rows have no gene: %s", table.path, len(unknown), len(ids), some(list(unknown)))
    return found
