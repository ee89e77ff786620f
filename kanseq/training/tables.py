"""The table of predictions, and the list of held-out genes, as files.

In: rows of a set with their logits. Out: ``predictions.tsv`` and ``held_out.txt``, and back.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadTable
from kanseq.files import PathLike, some
from kanseq.io.dialect import parse, place, read_cells, write_table
from kanseq.io.model_tables import HELD_OUT, PREDICTIONS
from kanseq.training.scores import Scores
from kanseq.training.tasks import CLASSES, LEAST, is_known

LOGIT_OF = "logit:"
"""What stands before the name of a class in the columns of its logits, the last ones, where there are several."""


def predictions_table(
    genes: SequenceSet,
    rows: np.ndarray,
    scores: Scores,
    *,
    condition: str | Sequence[str],
    fold: str | Sequence[str],
    role: str | Sequence[str],
    targets: np.ndarray,
    classes: Sequence[str] = (),
) -> pd.DataFrame:
    """Join names, places and scores of some rows of a set.

    Args:
        genes: the set; ``chrom`` stays empty for plain sequences.
        rows: positions in the set, ``(n,)``.
        scores: ``(n,)``, or ``(n, conditions)`` for several conditions.
        condition: name of the condition, ``*`` where there is one only; or the names of several, which makes a row per
            gene and condition, gene by gene.
        fold: fold whose model scored a row, ``mean`` where several did.
        role: what a row was to that model: ``test`` held out, ``seen`` trained on, ``new`` of another set.
        targets: classes or numbers, of the shape of the scores (see :mod:`kanseq.training.tasks`).
        classes: names of several classes, whose numbers stand in ``target`` and ``called``.

    Returns:
        A table with the columns of ``predictions.tsv``; ``target`` and ``called`` are float with NaN where none is
        known.
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
    """Write a table of predictions; numbers with nine digits, which a float32 survives."""
    write_table(path, PREDICTIONS, table)


def read_predictions(path: PathLike | pd.DataFrame) -> pd.DataFrame:
    """Read a table of predictions, a file or one in memory (with the nine digits that its file would have).

    ``logit, probability, target`` and ``called`` are float64. Rows of a regression have no probability (NaN), and their
    target is any number; classes are 0 and 1, or where there are columns ``logit:NAME``, float64 too, the place of
    their name among these. ``called`` is NaN where no threshold was learned, also in tables from before there was such
    a column; of several classes one is called always.

    Raises:
        BadTable: a column is missing, or a logit, probability, target or call is no number of its kind.
    """
    table = read_cells(path, PREDICTIONS)
    classes = classes_of(table)
    if 0 < len(classes) < LEAST:
        hint = f"of two classes there is one column 'logit', of {LEAST} or more a '{LOGIT_OF}NAME' each"
        raise BadTable(f"it holds logits of {some(classes)} alone", where=path, hint=hint)
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
            raise BadTable(f"{column} '{texts.iloc[line]}' is not allowed", where=place(path, line))
        table[column] = numbers
    return table


def classes_of(table: pd.DataFrame) -> tuple[str, ...]:
    """Name the classes whose logits a table holds, in the order of their numbers; none where it tells two apart."""
    return tuple(str(name).removeprefix(LOGIT_OF) for name in table.columns if str(name).startswith(LOGIT_OF))


def write_held_out(path: PathLike, held_out: Sequence[tuple[str, str]]) -> None:
    """Write a line ``species<TAB>id`` for each gene that a fold did not see."""
    write_table(path, HELD_OUT, pd.DataFrame(list(held_out), columns=list(HELD_OUT.required)))


def read_held_out(path: Path) -> set[tuple[str, str]]:
    """Read back what :func:`write_held_out` wrote; no file means that nothing was held out.

    Raises:
        BadTable: a line does not hold a species and a name.
    """
    if not path.exists():
        return set()
    table = parse(path, HELD_OUT.required)
    wrong = ((table["species"] == "") | (table["id"] == "")).to_numpy()
    if wrong.any():
        where = f"{path}:{int(np.argmax(wrong)) + 1}"
        raise BadTable("a species and a gene are wanted, parted by a tab", where=where)
    return set(zip(table["species"], table["id"], strict=True))
