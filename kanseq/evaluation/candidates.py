"""Load the predictions of the models to be compared.

In: runs or prediction tables. Out: for each model, the predictions that can be scored, by condition and fold.
"""

import logging
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import softmax

from kanseq.errors import BadOption, BadTable, OneClass, UnknownGene
from kanseq.evaluation.fold_predictions import Gene, Predicted, ensemble_of, varies
from kanseq.evaluation.load_predictions import PredictionSource, load_sources
from kanseq.io.files import PathLike, some
from kanseq.runs.prediction_tables import LOGIT_OF, classes_of
from kanseq.tasks.task import CLASSES

logger = logging.getLogger(__name__)

NO_SCORE = ("unused", "seen", "train", "tune")
"""Roles (column ``role`` of prediction tables) of genes that are not scored in a fold."""


class Candidate(NamedTuple):
    """A model to be scored: one row of the score table and the predictions from which it is computed.

    Attributes:
        name: the name of the row.
        family: the start of the name, which is the same for all rows from the same run or prediction table.
        model: the architecture, or the name of the prediction table.
        path: the folder of the run, or the prediction table.
        task: one of :data:`kanseq.models.architecture.TASKS`.
        parts: predictions by condition and fold; if there are several conditions, their scores are averaged.
        members: for an ensemble, the seeds whose predictions are averaged; empty if seeds are scored separately.
        classes: for the task ``multiclass``, the class names in the order of class numbers; else empty.
    """

    name: str
    family: str
    model: str
    path: Path
    task: str
    parts: dict[str, dict[str, Predicted]]
    members: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()

    @property
    def folds(self) -> list[str]:
        """Names of the folds, which are the same for all conditions."""
        return list(next(iter(self.parts.values())))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds for which every fold has predictions, ascending."""
        each = [set(fold.seeds) for part in self.parts.values() for fold in part.values()]
        return tuple(sorted(set.intersection(*each)))

    def genes_of(self, fold: str) -> list[Gene]:
        """Return the genes that are scored in ``fold`` in at least one condition, sorted."""
        return sorted({gene for part in self.parts.values() for gene in part[fold].genes})


def load_candidates(
    paths: Sequence[PathLike | pd.DataFrame], *, folds: Sequence[str] = (), join: bool = False, ensemble: bool = False
) -> list[Candidate]:
    """Read the predictions of runs, of the baselines that were trained inside them, and of prediction tables.

    A model with several conditions gets a row for each condition and a row for their mean. Baselines with the same
    predictions are listed once.

    Args:
        paths: folders of runs, and prediction tables (paths or data frames).
        folds: names of the folds to read; all if empty.
        join: combine runs of the same model into one, see :func:`kanseq.evaluation.load_predictions.load_sources`.
        ensemble: for each model with several seeds, add a row for the mean of their predictions.

    Raises:
        MissingFile, ModelMismatch, BadTable: a run or a table is missing or incomplete.
        UnknownGene: a table has no gene with a target, or different seeds of a fold are scored on different genes.
        OneClass: the scored genes of a fold are all of one class, or all have the same expression.
        BadOption: a model does not have one of ``folds``.
    """
    found = []
    for family, source in _named_apart(load_sources(paths, join=join)):
        whole = _of_source(family, source, folds)
        several = len(whole.parts) > 1
        rows = [
            whole._replace(name=f"{family} [{condition}]", parts={condition: part})
            for condition, part in whole.parts.items()
            if several
        ]
        rows.append(whole._replace(name=f"{family} [mean of {len(whole.parts)} conditions]") if several else whole)
        for row in rows:
            found.append(row._replace(name=row.name + _seeds_of(row)))
            if ensemble and len(row.seeds) > 1:
                found.append(_ensemble(row, f"{row.name} (ensemble)"))
    if ensemble and not any(one.members for one in found):
        logger.warning("no model has several seeds, so there is no ensemble to score")
    return found


def _named_apart(sources: list[PredictionSource]) -> list[tuple[str, PredictionSource]]:
    """Pair each source with a unique name: its model and, if needed, its folder's name or a number."""
    names = [source.model for source in sources]
    for more in (lambda at: f"({sources[at].path.absolute().name})", lambda at: str(at + 1)):
        names = [f"{name} {more(at)}" if names.count(name) > 1 else name for at, name in enumerate(names)]
    return list(zip(names, sources, strict=True))


def _of_source(family: str, source: PredictionSource, folds: Sequence[str]) -> Candidate:
    """Build a candidate from ``folds`` of a source (all folds if empty), without the genes that are not scored."""
    missing = [name for name in folds if name not in source.folds]
    if missing:
        there = some(list(source.folds), 20)
        raise BadOption(f"{family} has no fold '{missing[0]}'", hint=f"choose from {there}")
    requested = {fold: source.folds[fold] for fold in folds or source.folds}
    tables = [table for seeds in requested.values() for table in seeds.values()]
    if any((table["role"] == "seen").any() for table in tables):
        logger.warning("%s: genes that the model was trained on are not scored", family)
    scorable = {
        fold: {seed: table[table["target"].notna() & ~table["role"].isin(NO_SCORE)] for seed, table in seeds.items()}
        for fold, seeds in requested.items()
    }
    rows = pd.concat([table for seeds in scorable.values() for table in seeds.values()])
    expression = rows["probability"].isna()
    if expression.any() and not expression.all():
        raise BadTable(f"{family}: some folds have probabilities and others do not", where=source.path)
    if any(len(seeds) != len(next(iter(requested.values()))) for seeds in requested.values()):
        logger.warning("%s: folds have different numbers of seeds; the spread uses only common seeds", family)
    known = list(dict.fromkeys(classes_of(table) for table in tables))
    if len(known) > 1:
        hint = "train all folds on one set with the same classes"
        raise BadTable(f"{family}: its folds have different classes", where=source.path, hint=hint)
    classes = known[0] if known else ()
    task = "multiclass" if classes else "regression" if len(rows) and expression.all() else "binary"
    parts: dict[str, dict[str, Predicted]] = {}
    for condition in dict.fromkeys(rows["condition"]) if len(rows) else ("*",):
        about = family if rows["condition"].nunique() < 2 else f"{family} [{condition}]"
        parts[condition] = {
            fold: _predicted(
                {seed: table[table["condition"] == condition] for seed, table in seeds.items()},
                task,
                classes,
                f"fold '{fold}' of {about}",
                source.path,
            )
            for fold, seeds in scorable.items()
        }
    return Candidate(family, family, source.model, source.path, task, parts, classes=classes)


def _predicted(
    tables: dict[int, pd.DataFrame], task: str, classes: tuple[str, ...], about: str, path: Path
) -> Predicted:
    """Combine the prediction tables of a fold (seed -> table) into arrays; genes are sorted by species and id."""
    tables = {seed: table.sort_values(["species", "id"], kind="stable") for seed, table in sorted(tables.items())}
    first = next(iter(tables.values()))
    if first.empty:
        hint = "evaluate the run itself, or predict a set with labels"
        raise UnknownGene(f"{about} has no gene with a target", where=path, hint=hint)
    genes = list(zip(first["species"], first["id"], strict=True))
    twice = next((gene for gene, after in pairwise(genes) if gene == after), None)
    if twice is not None:
        hint = "add a column 'seed' if there are several seeds"
        raise BadTable(f"{about} has {' '.join(twice)} more than once", where=path, hint=hint)
    for table in tables.values():
        same = len(table) == len(first) and genes == list(zip(table["species"], table["id"], strict=True))
        if not same or not np.array_equal(table["target"], first["target"]):
            hint = "train all seeds with the same labels"
            raise UnknownGene(f"the seeds of {about} are scored on different genes", where=path, hint=hint)
    targets = first["target"].to_numpy(dtype=np.float64)
    if not varies(targets, task):
        common = "equal in expression" if task == "regression" else f"labelled {(classes or CLASSES)[int(targets[0])]}"
        hint = "use --fold to name the other folds"
        raise OneClass(f"{about}: all {len(targets):,} scored genes are {common}", where=path, hint=hint)
    logits, probabilities, called = (
        np.stack([table[name].to_numpy(dtype=np.float64) for table in tables.values()])
        for name in ("logit", "probability", "called")
    )
    has_threshold = ~np.isnan(called).any(axis=1)
    if classes:
        columns = [f"{LOGIT_OF}{name}" for name in classes]
        logits = np.stack([table[columns].to_numpy(dtype=np.float64) for table in tables.values()])
        chosen = called.astype(np.int64)
        return Predicted(genes, targets, tuple(tables), logits, softmax(logits, axis=2), chosen, has_threshold)
    called = np.where(np.isnan(called), probabilities >= 0.5, called == 1)
    return Predicted(genes, targets, tuple(tables), logits, probabilities, called, has_threshold)


def _seeds_of(candidate: Candidate) -> str:
    """Return the suffix of a row's name that states the number of seeds; empty for one seed."""
    counts = {len(fold.seeds) for part in candidate.parts.values() for fold in part.values()}
    if counts == {1}:
        return ""
    return f" ({min(counts)} seeds)" if len(counts) == 1 else f" ({min(counts)} to {max(counts)} seeds)"


def _ensemble(candidate: Candidate, name: str) -> Candidate:
    """Return a candidate called ``name``, with predictions averaged over the seeds that occur in all folds."""
    seeds = candidate.seeds
    parts = {
        condition: {fold: ensemble_of(predicted, seeds) for fold, predicted in part.items()}
        for condition, part in candidate.parts.items()
    }
    return candidate._replace(name=name, parts=parts, members=seeds)
