"""``kanseq predict``: score any set, every gene by models that have not seen it.

In: a run or a model file, and a set. Out: ``predictions.tsv``.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption
from kanseq.files import PathLike, check_output, some
from kanseq.showing import brief
from kanseq.training.aims import warn_of_control
from kanseq.training.scorer import ModelLogits, Models
from kanseq.training.settings import choose_device, processor
from kanseq.training.tables import predictions_table, write_predictions
from kanseq.training.targets import OWN_PAIR, numbers_of_classes
from kanseq.training.tasks import CLASSES, UNKNOWN, Task, log_odds

logger = logging.getLogger(__name__)


@brief
class Predictions(NamedTuple):
    """What a prediction did.

    Attributes:
        genes: genes scored.
        left_out: genes of the set that were not.
        models: model files that took part.
        held_out: genes scored by models that hold them out.
        new: genes that no model knows, scored by all of them.
        seen: genes that the models were trained on, scored because that was allowed.
        output: the file, None if there is none.
        table: the predictions, with the columns of ``predictions.tsv``, ``spread`` and ``models``.
    """

    genes: int
    left_out: int
    models: int
    held_out: int
    new: int
    seen: int
    output: Path | None
    table: pd.DataFrame


def predict(
    model: PathLike,
    genes: PathLike | SequenceSet,
    *,
    output: PathLike | None = None,
    fold: str | None = None,
    allow_seen: bool = False,
    held_out_only: bool = False,
    batch_size: int = 256,
    threads: int = 0,
    device: str = "auto",
) -> Predictions:
    """Score a set.

    A gene of the set that the run was trained from is scored by the models of the folds that hold it out, all seeds of
    them; a gene of another genome (or a sequence that is new) by the models of all folds. What several models say is
    averaged, see :func:`kanseq.training.scores.mean_scores`; how far they differ says how sure they are.

    Args:
        model: a run, or one ``model.safetensors``.
        genes: the set, or its file.
        output: where the table goes, tab-separated; None keeps it in memory, ``-`` is standard output. Columns:
            ``species, id, condition, chrom, fold`` (``mean`` where several folds scored a gene), ``role`` (``test``
            held out, ``new``, or ``seen``), ``logit`` (for regression the predicted number), ``probability``
            (calibrated if the models are), ``target`` (where the set carries labels that the models know), ``called``
            (by the threshold that the models learned, if they did), ``spread``, the standard deviation of the logit
            over the models, empty where there was one, and ``models``, how many there were. Several conditions make a
            row each. Of several classes ``called`` is the number, from 0, of the likeliest; logit, probability and
            spread are of that one, and behind them stand ``logit:NAME``, the mean logits of all classes.
        fold: score by this fold's models only, and of the run's own genes only those that it holds out.
        allow_seen: also score genes that every model was trained on.
        held_out_only: leave those genes out.
        batch_size: sequences per step.
        threads: processor threads; 0 for as many as torch finds.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        MissingFile, TruncatedFile, BadTable: an input is not there or not whole.
        ModelMismatch: a model file is damaged, or made for another geometry.
        SeenGene: genes were trained on by every model that could score them.
        BadOption: options that exclude each other, or no such fold or device.
    """
    check_output(output, inputs=(model, genes))
    if batch_size < 1:
        raise BadOption(f"batch_size is {batch_size}", hint="it must be at least 1")
    device = choose_device(device)
    genes = genes if isinstance(genes, SequenceSet) else SequenceSet.open(genes)
    models = Models.open(model, fold=fold, device=device)
    assignment = models.assign(genes, allow_seen=allow_seen, held_out_only=held_out_only)
    with processor(threads, 0):
        logits = models.score(genes, assignment, batch_size)
    warn_of_control(logits.models[0].metadata)
    rows = logits.rows
    table = _table(logits.select(rows), rows, genes)
    if output is not None:
        write_predictions(output, table)
    return Predictions(
        len(rows),
        len(genes) - len(rows),
        len(logits.scorers),
        *(int((logits.roles[rows] == role).sum()) for role in ("test", "new", "seen")),
        None if output is None else Path(output),
        table,
    )


def _table(logits: ModelLogits, rows: np.ndarray, genes: SequenceSet) -> pd.DataFrame:
    """Average over models, and say of every gene who scored it.

    Args:
        logits: of ``rows`` only; each of them has a model.
        rows: of the set.
        genes: the set.
    """
    task, metadata, scored = logits.task, logits.models[0].metadata, logits.scored
    folds = np.array([scorer.fold for scorer in logits.scorers], dtype=object)
    by = [folds[of_gene] for of_gene in scored.T]
    several = max(1, len(task.conditions))
    scores = logits.mean()
    table = predictions_table(
        genes,
        rows,
        scores,
        condition=task.conditions or str(metadata.get("condition", "*")),
        fold=[names[0] if len(set(names)) == 1 else "mean" for names in by],
        role=logits.roles,
        targets=np.repeat(_targets(genes, task, metadata)[rows], several),
        classes=task.classes,
    )
    models = np.repeat(scored.sum(axis=0), several)
    values = logits.values
    if task.classes:
        values = np.take_along_axis(log_odds(values), scores.called.astype(np.int64)[None, :, None], axis=2)
    spread = np.where(models > 1, np.nanstd(values, axis=0).reshape(-1), np.nan)
    behind = table.columns.get_loc("called") + 1
    for name, column in (("models", models), ("spread", spread)):
        table.insert(behind, name, column)
    return table


def _targets(genes: SequenceSet, task: Task, metadata: Mapping[str, object]) -> np.ndarray:
    """Take what the set itself carries as labels, as far as the models know it, ``(n,)``; -1 or NaN elsewhere.

    Low and high (or 0 and 1, or what the two classes were called), the models' own classes, or numbers where they
    learned those of their own set. A set says nothing of expression, nor of which of several conditions its labels are.
    """
    nothing = np.full(len(genes), UNKNOWN)
    if "label" not in genes.table or task.conditions:
        return nothing
    labels = genes.table["label"].astype("string").fillna("").astype(str)
    if task.is_regression:
        inputs = metadata.get("inputs")
        learned_own = isinstance(inputs, dict) and inputs.get("labels", inputs) is None
        return _finite(labels) if learned_own else nothing
    if not task.classes:
        names = metadata.get(OWN_PAIR)
        pairs = [names] if isinstance(names, list) else [CLASSES, ("0", "1")]
        meaning = {name: target for pair in pairs for target, name in enumerate(pair)}
        return np.array([meaning.get(label, UNKNOWN) for label in labels])
    strange = sorted(set(labels) - {"", *task.classes})
    if strange:
        logger.warning("the models know no class %s: these sequences get no target", some(strange, 8))
    return numbers_of_classes(labels, task.classes)


def _finite(labels: pd.Series) -> np.ndarray:
    """Read labels as numbers, float64; NaN for what is none."""
    numbers = pd.to_numeric(labels, errors="coerce").to_numpy(dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)
