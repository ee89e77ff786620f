"""Several tables of labels as one: of several species, or of several conditions, each labelled by itself.

In: tables of ``kanseq label``. Out: one table of the same columns.
"""

from collections.abc import Sequence

import pandas as pd

from kanseq.data.quartiles import LABELS
from kanseq.errors import BadOption, BadTable, EmptySplit
from kanseq.files import PathLike, some
from kanseq.genome.conditions import EVERY
from kanseq.io.dialect import check_rows, read_table
from kanseq.io.gene_tables import LABELS as LABEL_TABLE

GENE = ["species", "id", "condition"]


def join_labels(tables: PathLike | pd.DataFrame | Sequence[PathLike | pd.DataFrame]) -> pd.DataFrame:
    """Put tables of labels under each other.

    Args:
        tables: one or several, files or tables in memory, which :func:`kanseq.data.label_tables.read_labels` checks.

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


def read_labels(path: PathLike | pd.DataFrame) -> pd.DataFrame:
    """Read labels: columns ``expression, q1, q3`` float64 (log10(TPM + 1)), the others strings.

    Args:
        path: a file that :func:`label` wrote, or such a table in memory, which is checked like a file.

    Raises:
        BadTable: a column is missing, a label is unknown, a number is none, or a gene has two labels in a fold.
    """
    table = read_table(path, LABEL_TABLE)
    check_rows(~table["label"].isin(LABELS), table["label"], f"no label: {', '.join(LABELS)} are", path)
    twice = table.duplicated(["species", "id", "condition", "fold"])
    check_rows(twice, table["id"], "a second time in the same fold and condition", path)
    return table


def targets_of(labels: pd.DataFrame, fold: str, condition: str = EVERY) -> pd.DataFrame:
    """Give the labels that hold in a fold: columns ``species, id, label, expression, q1, q3``, genes labelled mid too.

    Labels by the whole table hold in every fold, for genes that have none by fold (where tables of several species were
    joined). The condition ``*`` means the only one there is.

    Raises:
        BadOption: there is no such condition, or ``*`` is asked for and there are several.
        EmptySplit: there are no labels for this fold.
    """
    conditions = list(labels["condition"].unique())
    if condition == EVERY and len(conditions) == 1:
        condition = conditions[0]
    if condition not in conditions:
        asked = "there are several conditions" if condition == EVERY else f"there is no condition '{condition}'"
        raise BadOption(f"labels: {asked}", hint=f"choose one of {some(conditions, 8)} with --condition")
    of_condition = labels[labels["condition"] == condition]
    own, every = (of_condition[of_condition["fold"] == name] for name in (fold, EVERY))
    rows = pd.concat([own, every]).drop_duplicates(["species", "id"]) if len(own) and len(every) else own
    rows = rows if len(rows) else every
    if rows.empty:
        raise EmptySplit(
            f"fold {fold} has no labels; there are some for {some(list(of_condition['fold'].unique()))}",
            hint="make them with kanseq label and these splits",
        )
    return rows[["species", "id", "label", "expression", "q1", "q3"]].reset_index(drop=True)
