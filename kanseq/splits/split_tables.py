"""Read tables of splits, with the role of each gene in each fold and the reason if it is unused.

In: a table of ``kanseq split``. Out: its checked rows.
"""

import pandas as pd

from kanseq.io.files import PathLike
from kanseq.io.tables.dialect import check_rows, read_table
from kanseq.io.tables.gene_tables import SPLITS
from kanseq.splits.folds import SMALL_CONTIG

ROLES = ("train", "tune", "test", "unused")

NOT_SCORED = "not_scored"

HELD_OUT_UNSCORED = (NOT_SCORED, SMALL_CONTIG)
"""Reasons why held-out genes are ``unused``; neither they nor related genes are used to train the fold's model."""


def read_splits(path: PathLike | pd.DataFrame) -> pd.DataFrame:
    """Read a table of splits: columns ``species, id, fold, role, reason``, all strings.

    Args:
        path: a file that :func:`kanseq.split` wrote, or such a table in memory, which is checked like a file.

    Raises:
        BadTable: a column is missing, a role is unknown, a fold has an invalid name, or a gene has two roles in a fold.
    """
    table = read_table(path, SPLITS)
    check_rows(~table["role"].isin(ROLES), table["role"], f"not a role ({', '.join(ROLES)})", path)
    unsafe = ~table["fold"].str.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
    check_rows(unsafe, table["fold"], "not a fold name (use letters, digits, '.', '_' and '-')", path)
    check_rows(table.duplicated(["species", "id", "fold"]), table["id"], "repeated in the same fold", path)
    return table
