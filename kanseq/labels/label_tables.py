"""Join several tables of labels, such as those of species or conditions that were labelled separately.

In: tables of ``kanseq label``. Out: one table with the same columns.
"""

from collections.abc import Sequence

import pandas as pd

from kanseq.errors import BadOption, BadTable, EmptySplit
from kanseq.genome.expression.conditions import EVERY
from kanseq.io.files import PathLike, some
from kanseq.io.tables.dialect import check_rows, read_table
from kanseq.io.tables.gene_tables import LABELS as LABEL_TABLE
from kanseq.labels.quartiles import LABELS

GENE = ["species", "id", "condition"]


def join_labels(tables: PathLike | pd.DataFrame | Sequence[PathLike | pd.DataFrame]) -> pd.DataFrame:
    """Concatenate tables of labels and drop repeated rows.

    Args:
        tables: one or several files or tables in memory; they are checked by
            :func:`kanseq.labels.label_tables.read_labels`.

    Raises:
        BadTable: a table is not a table of labels; two tables have different labels for a gene in the same condition
            and fold; or one table has a label of the gene for each fold, and another has one label for all folds.
        BadOption: no table was passed.
    """
    given = tables if isinstance(tables, Sequence) and not isinstance(tables, str) else [tables]
    if not given:
        raise BadOption("there are no labels", hint="use --labels")
    names = ["a table" if isinstance(one, pd.DataFrame) else str(one) for one in given]
    parts = [read_labels(one) for one in given]
    if len(parts) == 1:
        return parts[0]
    together = pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True)
    twice = together.duplicated([*GENE, "fold"], keep=False)
    if twice.any():
        _raise_conflict(together[twice], parts, names, "disagree")
    in_every = together["fold"] == EVERY
    by_fold = pd.MultiIndex.from_frame(together.loc[~in_every, GENE])
    both = in_every & pd.MultiIndex.from_frame(together[GENE]).isin(by_fold)
    if both.any():
        _raise_conflict(together[both], parts, names, "mix quartiles per fold with quartiles of the complete table")
    return together


def _raise_conflict(rows: pd.DataFrame, parts: list[pd.DataFrame], names: list[str], conflict: str) -> None:
    """Raise BadTable: ``conflict`` describes what is wrong with the labels of the genes in ``rows``."""
    first = tuple(rows[GENE].iloc[0])
    places = [name for name, part in zip(names, parts, strict=True) if first in pd.MultiIndex.from_frame(part[GENE])]
    genes = list(dict.fromkeys(rows["id"]))
    condition = "" if first[2] == EVERY else f" in condition {first[2]}"
    raise BadTable(
        f"labels of {' and '.join(places)} {conflict} for {len(genes):,} genes{condition}: {some(genes)}",
        hint="label every gene once; use kanseq label --species and --condition to distinguish tables",
    )


def read_labels(path: PathLike | pd.DataFrame) -> pd.DataFrame:
    """Read a table of labels. The columns ``expression, q1, q3`` are float64 (log10(TPM + 1)), all others strings.

    Args:
        path: a file that :func:`kanseq.label` wrote, or such a table in memory, which is checked like a file.

    Raises:
        BadTable: a column is missing, a label is unknown, a value is not a number, or a gene has two labels in one fold
            and condition.
    """
    table = read_table(path, LABEL_TABLE)
    check_rows(~table["label"].isin(LABELS), table["label"], f"not a label ({', '.join(LABELS)})", path)
    twice = table.duplicated(["species", "id", "condition", "fold"])
    check_rows(twice, table["id"], "repeated in the same fold and condition", path)
    return table


def targets_of(labels: pd.DataFrame, fold: str, condition: str = EVERY) -> pd.DataFrame:
    """Return the labels that apply in a fold: columns ``species, id, label, expression, q1, q3``, including ``mid``.

    A gene without a label for this fold gets its label for all folds (fold ``*``, by quartiles of the complete
    expression table). Both kinds of labels occur if tables of several species were joined. The condition ``*`` means
    the only condition of the table.

    Raises:
        BadOption: the condition does not exist, or is ``*`` and there are several.
        EmptySplit: there are no labels for this fold.
    """
    conditions = list(labels["condition"].unique())
    if condition == EVERY and len(conditions) == 1:
        condition = conditions[0]
    if condition not in conditions:
        problem = "there are several conditions" if condition == EVERY else f"there is no condition '{condition}'"
        raise BadOption(f"labels: {problem}", hint=f"choose one of {some(conditions, 8)} with --condition")
    of_condition = labels[labels["condition"] == condition]
    own, every = (of_condition[of_condition["fold"] == name] for name in (fold, EVERY))
    rows = pd.concat([own, every]).drop_duplicates(["species", "id"]) if len(own) and len(every) else own
    rows = rows if len(rows) else every
    if rows.empty:
        raise EmptySplit(
            f"fold {fold} has no labels; the table has labels for {some(list(of_condition['fold'].unique()))}",
            hint="make them with kanseq label and these splits",
        )
    return rows[["species", "id", "label", "expression", "q1", "q3"]].reset_index(drop=True)
