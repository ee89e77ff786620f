"""Read and write prediction tables and lists of held-out genes.

In: rows of a set and their scores. Out: ``predictions.tsv`` and ``held_out.txt``, and the content read from them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from kanseq.errors import BadTable
from kanseq.io.files import PathLike, some
from kanseq.io.tables.dialect import location, parse, read_cells, write_table
from kanseq.io.tables.model_tables import HELD_OUT, PREDICTIONS
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.tasks.scores import PredictionScores
from kanseq.tasks.task import CLASSES, LEAST, is_known

LOGIT_OF = "logit:"
"""Prefix of the column names ``logit:CLASS``, for three or more classes. These are the last columns of a table."""


def predictions_table(
    genes: SequenceSet,
    rows: np.ndarray,
    scores: PredictionScores,
    *,
    condition: str | Sequence[str],
    fold: str | Sequence[str],
    role: str | Sequence[str],
    targets: np.ndarray,
    classes: Sequence[str] = (),
) -> pd.DataFrame:
    """Build a prediction table for some rows of a set.

    Args:
        genes: the set; ``chrom`` is empty for sequences without coordinates.
        rows: positions of the rows in the set, ``(n,)``.
        scores: scores of the rows, ``(n,)``, or ``(n, conditions)`` for several conditions.
        condition: name of the condition (``*`` if there is only one), or names of several conditions. With several, the
            table has one row per gene and condition, and the rows of a gene are next to each other.
        fold: fold of the model that scored the row, or ``mean`` for several models; one name for all rows, or one per
            row.
        role: role of the row for that model: ``test`` (held out), ``seen`` (used in training) or ``new`` (from another
            set); one name for all rows, or one per row.
        targets: class numbers or measured values, in the shape of the scores (see :mod:`kanseq.tasks.task`).
        classes: names of three or more classes; ``target`` and ``called`` are then class numbers.

    Returns:
        A table with the columns of ``predictions.tsv``; ``target`` and ``called`` are float, NaN where unknown.
    """
    names = [condition] if isinstance(condition, str) else list(condition)
    chosen = genes.table.iloc[np.repeat(rows, len(names))]

    def repeated(words: str | Sequence[str]) -> str | np.ndarray:
        return words if isinstance(words, str) else np.repeat(np.asarray(words, dtype=object), len(names))

    of_classes = {} if scores.classes is None else dict(zip(classes, scores.classes.T, strict=True))
    return pd.DataFrame(
        {
            "species": chosen["species"].to_numpy(),
            "id": chosen["id"].to_numpy(),
            "condition": np.tile(np.array(names, dtype=object), len(rows)),
            "chrom": chosen["chrom"].astype(str).to_numpy() if "chrom" in chosen else "",
            "fold": repeated(fold),
            "role": repeated(role),
            "logit": scores.logit.reshape(-1),
            "probability": scores.probability.reshape(-1),
            "target": np.where(is_known(targets), targets, np.nan).reshape(-1),
            "called": scores.called.reshape(-1),
            **{f"{LOGIT_OF}{name}": logits for name, logits in of_classes.items()},
        }
    )


def write_predictions(path: PathLike, table: pd.DataFrame) -> None:
    """Write a prediction table. Numbers have nine digits, which are enough to restore a float32 exactly."""
    write_table(path, PREDICTIONS, table)


def read_predictions(path: PathLike | pd.DataFrame) -> pd.DataFrame:
    """Read a prediction table from a file, or convert a data frame (numbers are rounded to nine digits as in a file).

    ``logit, probability, target`` and ``called`` are float64. For regression, the probability is NaN, and the target is
    any number. For two classes, ``target`` and ``called`` are 0 or 1; ``called`` is NaN if no threshold was learned,
    and in older tables without this column. For three or more classes, there are also columns ``logit:NAME`` (float64),
    and ``target`` and ``called`` are positions of classes among these columns.

    Raises:
        BadTable: a column is missing, or a logit, probability, target or call is not a valid number.
    """
    table = read_cells(path, PREDICTIONS)
    classes = classes_of(table)
    if 0 < len(classes) < LEAST:
        hint = f"two classes have one column 'logit', {LEAST} or more classes one column '{LOGIT_OF}NAME' each"
        raise BadTable(f"it has logits of {some(classes)} only", where=path, hint=hint)
    is_class = (table["probability"] != "").to_numpy()
    filled = ("logit", *(f"{LOGIT_OF}{name}" for name in classes), *(("probability", "called") if classes else ()))
    for column in dict.fromkeys(("logit", "probability", "target", "called", *filled)):
        texts = table[column] if column in table else pd.Series("", index=table.index)
        numbers = pd.to_numeric(texts.replace("", "nan"), errors="coerce").to_numpy(dtype=np.float64)
        bad = ~np.isfinite(numbers) & ((texts != "").to_numpy() if column not in filled else True)
        if column == "probability" and is_class.any():
            bad |= ~is_class
        if column in ("target", "called"):
            allowed = np.arange(len(classes) or len(CLASSES))
            bad |= ~np.isnan(numbers) & ~np.isin(numbers, allowed) & (is_class if column == "target" else True)
        if bad.any():
            line = int(np.flatnonzero(bad)[0])
            raise BadTable(f"{column} '{texts.iloc[line]}' is not allowed", where=location(path, line))
        table[column] = numbers
    return table


def classes_of(table: pd.DataFrame) -> tuple[str, ...]:
    """Return the class names in the columns ``logit:NAME`` of a table, ordered by class number; empty if none exist."""
    return tuple(str(name).removeprefix(LOGIT_OF) for name in table.columns if str(name).startswith(LOGIT_OF))


def write_held_out(path: PathLike, held_out: Sequence[tuple[str, str]]) -> None:
    """Write the genes that a fold holds out to a file, as lines ``species<TAB>id``."""
    write_table(path, HELD_OUT, pd.DataFrame(list(held_out), columns=list(HELD_OUT.required)))


def read_held_out(path: Path) -> set[tuple[str, str]]:
    """Read the held-out genes of a fold, as ``(species, id)``; empty if there is no such file.

    Raises:
        BadTable: a line lacks a species or an id.
    """
    if not path.exists():
        return set()
    table = parse(path, HELD_OUT.required)
    wrong = ((table["species"] == "") | (table["id"] == "")).to_numpy()
    if wrong.any():
        where = f"{path}:{int(np.argmax(wrong)) + 1}"
        raise BadTable("expected a species and a gene, separated by a tab", where=where)
    return set(zip(table["species"], table["id"], strict=True))
