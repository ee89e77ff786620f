"""``kanseq predict``: score any set, every gene by models that have not seen it.

In: a run or a model file, and a set. Out: ``predictions.tsv``.
"""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadOption
from kanseq.files import PathLike, check_input, check_output
from kanseq.training.assignment import Scorer, assign
from kanseq.training.checkpoints import TrainedModel, load_model
from kanseq.training.folds import UNKNOWN
from kanseq.training.settings import choose_device, processor
from kanseq.training.tables import predictions_table, write_predictions
from kanseq.training.tasks import CLASSES

logger = logging.getLogger(__name__)

PART = 4096
"""Sequences that are turned into base codes at a time."""


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
        table: the predictions, with the columns of ``predictions.tsv`` and ``spread``.
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

    A gene of the set that the run was trained from is scored by the folds that hold it out; a gene of another genome
    (or a sequence that is new) by the mean logit of all folds.

    Args:
        model: a run, or one ``model.safetensors``.
        genes: the set, or its file.
        output: where the table goes, tab-separated; None keeps it in memory, ``-`` is standard output. Columns:
            ``species, id, condition, chrom, fold`` (``mean`` where several folds scored a gene), ``role`` (``test``
            held out, ``new``, or ``seen``), ``logit, probability, target`` (where the set carries labels low and high)
            and ``spread``, the standard deviation of the logit over the models, empty where there was one.
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
        raise BadOption(f"batch_size is {batch_size}", mend="it must be at least 1")
    device = choose_device(device)
    genes = genes if isinstance(genes, SequenceSet) else SequenceSet.read(check_input(genes))
    scorers, roles = assign(model, genes, fold=fold, allow_seen=allow_seen, held_out_only=held_out_only)
    with processor(threads, 0):
        scores, trained = _score(scorers, genes, batch_size, device)
    table = _table(scorers, scores, trained, genes, roles)
    if output is not None:
        write_predictions(output, table)
    counts = table["role"].value_counts()
    return Predictions(
        len(table),
        len(genes) - len(table),
        len(scorers),
        *(int(counts.get(role, 0)) for role in ("test", "new", "seen")),
        None if output is None else Path(output),
        table,
    )


def _score(scorers: list[Scorer], genes: SequenceSet, batch_size: int, device: str) -> tuple[np.ndarray, TrainedModel]:
    """Score every row by every model that may: logits ``(models, genes)``, NaN elsewhere; and one of the models."""
    scores = np.full((len(scorers), len(genes)), np.nan)
    for at, scorer in enumerate(scorers):
        trained = load_model(scorer.path, device)
        logger.info("fold %s, seed %d: %s genes", scorer.fold, scorer.seed, f"{len(scorer.rows):,}")
        for start in range(0, len(scorer.rows), PART):
            rows = scorer.rows[start : start + PART]
            scores[at, rows] = trained.logits(genes.codes(rows), batch_size)
    return scores, trained


def _table(
    scorers: list[Scorer], scores: np.ndarray, trained: TrainedModel, genes: SequenceSet, roles: np.ndarray
) -> pd.DataFrame:
    """Average over models, and say of every gene who scored it."""
    scored = ~np.isnan(scores)
    rows = np.flatnonzero(scored.any(axis=0))
    folds = np.array([scorer.fold for scorer in scorers], dtype=object)
    by = [folds[scored[:, row]] for row in rows]
    table = predictions_table(
        genes,
        rows,
        np.nanmean(scores[:, rows], axis=0),
        trained.task,
        condition=str(trained.metadata.get("condition", "*")),
        fold=[names[0] if len(set(names)) == 1 else "mean" for names in by],
        role=roles[rows],
        targets=_targets(genes)[rows],
    )
    several = scored[:, rows].sum(axis=0) > 1
    table["spread"] = np.where(several, np.nanstd(scores[:, rows], axis=0), np.nan)
    return table


def _targets(genes: SequenceSet) -> np.ndarray:
    """Take the targets that the set itself carries as labels low and high (or 0 and 1); -1 where there is none."""
    if "label" not in genes.table:
        return np.full(len(genes), UNKNOWN)
    meaning = {**{name: target for target, name in enumerate(CLASSES)}, "0": 0, "1": 1}
    return np.array([meaning.get(str(label), UNKNOWN) for label in genes.table["label"]])
