"""``kanseq predict``: predict the class or expression of genes, with models that were not trained on them.

In: a run or a model file, and a set. Out: ``predictions.tsv``.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption
from kanseq.io.files import PathLike, check_output, some
from kanseq.runs.prediction_tables import predictions_table, write_predictions
from kanseq.runs.scorer import ModelLogits, Models
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.tasks.learning_goal import warn_of_control
from kanseq.tasks.targets import OWN_PAIR, numbers_of_classes
from kanseq.tasks.task import CLASSES, UNKNOWN, Task, log_odds
from kanseq.training.settings import choose_device, processor
from kanseq.verbs.short_repr import brief

logger = logging.getLogger(__name__)


@brief
class Predictions(NamedTuple):
    """Result of :func:`predict`.

    Attributes:
        genes: number of scored genes.
        left_out: number of genes of the set that were not scored.
        models: number of model files used.
        held_out: number of genes that are test genes in some folds; only the models of these folds score them.
        new: number of genes that are not in the training set of any model; all models score them.
        seen: number of genes that all models were trained on; they are scored only if ``allow_seen`` is set.
        output: path of the table; None if it was not written.
        table: the predictions, see the argument ``output`` of :func:`predict`.
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
    """Predict the class or expression of each gene in a set, with the models of a run.

    A gene of the set on which the run was trained is scored only by the models (all seeds) of the folds that hold it
    out. Genes of other genomes and new sequences are scored by the models of all folds. Predictions of several models
    are averaged, see :func:`kanseq.tasks.scores.mean_scores`. The spread between the models shows how uncertain a
    prediction is.

    Args:
        model: folder of a run, or one ``model.safetensors``.
        genes: the set, or its file.
        output: path of the table, tab-separated; if None, no file is written; ``-`` is standard output. The table has a
            row per gene (and condition, if there are several) with the columns ``species, id, condition, chrom, fold``
            (``mean`` if models of several folds scored the gene), ``role`` (``test`` if held out, ``new`` or ``seen``),
            ``logit`` (for regression the predicted value), ``probability`` (calibrated if the models are), ``target``
            (if the set has labels for the models' task), ``called`` (the predicted class, if the models learned
            thresholds), ``spread`` (standard deviation of the logit over the models; empty for a single model) and
            ``models`` (number of models). For three or more classes, ``called`` is the index, from 0, of the most
            probable class; logit, probability and spread are those of this class, and the last columns ``logit:NAME``
            contain the mean logit of each class.
        fold: use only the models of this fold. Genes of the set on which the run was trained are scored only if this
            fold holds them out.
        allow_seen: also score genes that all models were trained on.
        held_out_only: skip genes that all models were trained on.
        batch_size: sequences per forward pass.
        threads: processor threads; 0 uses torch's default.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        MissingFile, TruncatedFile, BadTable: an input is missing or incomplete.
        ModelMismatch: a model file is damaged, or its geometry differs from that of the set.
        SeenGene: all models were trained on a gene, and neither ``allow_seen`` nor ``held_out_only`` is set.
        BadOption: options contradict each other, or the fold or device does not exist.
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
    """Return the table of predictions averaged over models, with the columns listed in :func:`predict`.

    Args:
        logits: logits of all models for ``rows`` only; each row is scored by at least one model.
        rows: the scored rows of the set.
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
    """Return the labels of the set as targets, ``(n,)``; -1 or NaN for labels that the models do not know.

    For two classes, known labels are the names of the two classes in the training set or, if no names are stored with
    the models, low and high or 0 and 1. For three or more classes, they are the names of the models' classes. For
    regression, numbers are known only if the models were trained on labels in a set, and not on expression. For models
    with several conditions, all labels are unknown, because labels in a set do not belong to a condition.
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
        logger.warning("the models have no class %s: these sequences get no target", some(strange, 8))
    return numbers_of_classes(labels, task.classes)


def _finite(labels: pd.Series) -> np.ndarray:
    """Convert labels to float64; NaN for labels that are not finite numbers."""
    numbers = pd.to_numeric(labels, errors="coerce").to_numpy(dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)
