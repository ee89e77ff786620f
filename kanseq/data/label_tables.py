"""Several tables of labels as one: of several species, or of several conditions, each labelled by itself.

In: tables of ``kanseq label``. Out: one table of the same columns.
"""

from collections.abc import Sequence

import pandas as pd

from kanseq.data.labels import read_labels
from kanseq.errors import BadOption, BadTable
from kanseq.files import PathLike, some
from kanseq.genome.conditions import EVERY

GENE = ["species", "id", "condition"]


def join_labels(tables: PathLike | pd.DataFrame | Sequence[PathLike | pd.DataFrame]) -> pd.DataFrame:
    """Put tables of labels under each other.

    Args:
        tables: one or several, files or tables in memory, which :func:`kanseq.data.labels.read_labels` checks.

    Raises:
        BadTable: a table is none of labels; two tables say different things of a gene in the same condition and fold,
            or one labels it by fold and another by the whole table.
        BadOption: no table is given.
    """
    given = tables if isinstance(tables, Sequence) and not isinstance(tables, str) else [tables]
    if not given:
        raise BadOption("there are no labels", hint="give --labels")
    names = ["a table" if isinstance(one, pd.DataFrame) else str(one) for one in given]
    parts = [read_labels(one) for one in given]
    if len(parts) == 1:
        return parts[0]
    together = pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True)
    twice = together.duplicated([*GENE, "fold"], keep=False)
    if twice.any():
        _refuse(together[twice], parts, names, "say different things")
    in_every = together["fold"] == EVERY
    by_fold = pd.MultiIndex.from_frame(together.loc[~in_every, GENE])
    both = in_every & pd.MultiIndex.from_frame(together[GENE]).isin(by_fold)
    if both.any():
        _refuse(together[both], parts, names, "take their quartiles from a fold here, from the whole table there,")
    return together


def _refuse(rows: pd.DataFrame, parts: list[pd.DataFrame], names: list[str], said: str) -> None:
    """Name the genes, and the tables that hold them."""
    first = tuple(rows[GENE].iloc[0])
    places = [name for name, part in zip(names, parts, strict=True) if first in pd.MultiIndex.from_frame(part[GENE])]
    genes = list(dict.fromkeys(rows["id"]))
    condition = "" if first[2] == EVERY else f" in condition {first[2]}"
    raise BadTable(
        f"labels of {' and '.join(places)} {said} of {len(genes):,} genes{condition}: {some(genes)}",
        hint="label every gene once; kanseq label --species and --condition tell tables apart",
    )
