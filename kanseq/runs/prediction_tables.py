"""Read and write the table of predictions and the list of held-out genes.

In: rows of a set with their logits. Out: ``predictions.tsv`` and ``held_out.txt``, and back.
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
"""Prefix of the columns with the logits of several classes, the last columns; the name of the class follows."""


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
    """Build a table of predictions for some rows of a set.

    Args:
        genes: the set; ``chrom`` stays empty for sequences without coordinates.
        rows: positions in the set, ``(n,)``.
        scores: ``(n,)``, or ``(n, conditions)`` for several conditions.
        condition: name of the condition, ``*`` if there is only one; or the names of several, for one row per gene and
            condition, gene by gene.
        fold: fold whose model scored a row, ``mean`` for several models.
        role: role of a row for that model: ``test`` held out, ``seen`` trained on, ``new`` of another set.
        targets: classes or numbers, in the shape of the scores (see :mod:`kanseq.tasks.task`).
        classes: names of several classes; ``target`` and ``called`` are their numbers.

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
    """Write a table of predictions; numbers have nine digits, which restore a float32 exactly."""
    write_table(path, PREDICTIONS, table)


def read_predictions(path: PathLike | pd.DataFrame) -> pd.DataFrame:
    """Read a table of predictions from a file, or from memory (rounded to the nine digits of a file).

    ``logit, probability, target`` and ``called`` are float64. Rows of a regression have no probability (NaN), and their
    target is any number. Classes are 0 and 1 or, if there are columns ``logit:NAME`` (also float64), the position of
    their name among these. ``called`` is NaN if no threshold was learned, as in older tables without this column; with
    several classes, there is always a called class.

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
    """Return the classes whose logits a table has, in the order of their numbers; empty unless there are several."""
    return tuple(str(name).removeprefix(LOGIT_OF) for name in table.columns if str(name).startswith(LOGIT_OF))


def write_held_out(path: PathLike, held_out: Sequence[tuple[str, str]]) -> None:
    """Write a line ``species<TAB>id`` for each gene that a fold holds out."""
    write_table(path, HELD_OUT, pd.DataFrame(list(held_out), columns=list(HELD_OUT.required)))


def read_held_out(path: Path) -> set[tuple[str, str]]:
    """Read the genes that :func:`write_held_out` wrote; without a file, no gene was held out.

    Raises:
        BadTable: a line lacks a species or a name.
    """
    if not path.exists():
        return set()
    table = parse(path, HELD_OUT.required)
    wrong = ((table["species"] == "") | (table["id"] == "")).to_numpy()
    if wrong.any():
        where = f"{path}:{int(np.argmax(wrong)) + 1}"
        raise BadTable("expected a species and a gene, separated by a tab", where=where)
    return set(zip(table["species"], table["id"], strict=True))
