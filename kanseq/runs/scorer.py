"""Score sequences with the models of a run that were not trained on them, for ``predict``, ``explain`` and ``figures``.

In: a run or one model file, and a set or an array of base codes. Out: the logits of each model, and their mean.

    models = Models.open("run/")
    logits = models.score(genes, models.assign(genes))
    logits.select(logits.rows).mean().probability
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kanseq.errors import ModelMismatch
from kanseq.io.files import PathLike
from kanseq.runs.held_out import Assignment, Member, Scorer, assign, read_members, scorers_of
from kanseq.runs.trained_model import Description, TrainedModel, read_model
from kanseq.sequences.row_codes import codes_of
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.tasks.scores import PredictionScores, mean_scores
from kanseq.tasks.task import Task

logger = logging.getLogger(__name__)

NEW = -1
"""Value, in place of a row number, for sequences that were not made from a gene of the set."""


class ModelLogits(NamedTuple):
    """The logits of several models for the same rows.

    Attributes:
        scorers: the model files, and the rows that each model scored.
        models: descriptions of these models, without weights.
        values: the logits, float64 ``(models, n)``, ``(models, n, conditions)`` or ``(models, n, classes)``; NaN where
            a model does not score a row.
        roles: the role of each row for the models that score it, see :class:`kanseq.runs.held_out.Assignment`.
    """

    scorers: list[Scorer]
    models: list[Description]
    values: np.ndarray
    roles: np.ndarray

    @property
    def task(self) -> Task:
        """The task, which is the same for all models."""
        return self.models[0].task

    @property
    def scored(self) -> np.ndarray:
        """Whether each model scores each row, bool ``(models, n)``."""
        return ~np.isnan(self.values.reshape(*self.values.shape[:2], -1)[:, :, 0])

    @property
    def rows(self) -> np.ndarray:
        """Positions of the rows that at least one model scores, ascending int64."""
        return np.flatnonzero(self.scored.any(axis=0))

    def select(self, rows: np.ndarray) -> "ModelLogits":
        """Return the logits of some rows (ascending positions). The rows in ``scorers`` are renumbered accordingly."""
        scorers = [one._replace(rows=np.flatnonzero(np.isin(rows, one.rows))) for one in self.scorers]
        return ModelLogits(scorers, self.models, self.values[:, rows], self.roles[rows])

    def mean(self) -> PredictionScores:
        """Return the scores of each row, averaged over models by :func:`kanseq.tasks.scores.mean_scores`.

        Each row must be scored by at least one model: call :meth:`select` with :attr:`rows` first.
        """
        return mean_scores(self.task, [model.calibrations for model in self.models], self.values)


@dataclass(frozen=True)
class Models:
    """The models of a run (all folds and seeds, or one fold), or one model file.

    Attributes:
        path: the run's folder, or the model file.
        members: the model files, ordered by fold and seed.
        fold: the requested fold, or None for all.
        device: the device that models are loaded to, ``cpu``, ``cuda`` or ``cuda:N``.
        keep: whether loaded models stay in memory for later calls. Otherwise only one model is in memory at a time.
    """

    path: PathLike
    members: tuple[Member, ...]
    fold: str | None = None
    device: str = "cpu"
    keep: bool = False
    _loaded: dict[Path, TrainedModel] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, path: PathLike, *, fold: str | None = None, device: str = "cpu", keep: bool = False) -> "Models":
        """Open a run or a model file; weights are loaded only when they are needed.

        Raises:
            MissingFile, ModelMismatch, BadOption: see :func:`kanseq.runs.held_out.read_members`.
        """
        return cls(path, tuple(read_members(path, fold)), fold, device, keep)

    @property
    def metadata(self) -> Mapping[str, object]:
        """The metadata of the first model file."""
        return self.members[0].metadata

    def assign(self, genes: SequenceSet, *, allow_seen: bool = False, held_out_only: bool = False) -> Assignment:
        """Choose the models that may score each row of a set; for the options, see :func:`kanseq.runs.held_out.assign`.

        Raises:
            ModelMismatch, BadOption, SeenGene: see :func:`kanseq.runs.held_out.assign`.
        """
        return assign(
            self.members,
            genes,
            where=self.path,
            one_fold=self.fold is not None,
            allow_seen=allow_seen,
            held_out_only=held_out_only,
        )

    def assign_copies(self, origins: np.ndarray, assignment: Assignment | None = None) -> Assignment:
        """Choose the models for sequences that were made from genes of a set, such as edited windows.

        Each sequence is scored by the models that may score the gene from which it was made.

        Args:
            origins: for each sequence, the row of its gene in the set, int ``(n,)``. Use :data:`NEW` for sequences
                that were not made from a gene of the set; these are scored by all models.
            assignment: the assignment of the set. It may be None only if all sequences are :data:`NEW`.
        """
        origins = np.asarray(origins, dtype=np.int64)
        is_new = origins == NEW
        if assignment is None and not is_new.all():
            raise ValueError("sequences made from genes need the assignment of these genes")
        own = {} if assignment is None else {scorer.path: scorer.rows for scorer in assignment.scorers}
        nothing = np.zeros(0, dtype=np.int64)
        rows = [np.flatnonzero(is_new | np.isin(origins, own.get(one.path, nothing))) for one in self.members]
        roles = np.full(len(origins), "new")
        if assignment is not None:
            roles = np.where(is_new, "new", assignment.roles[origins])
        return Assignment(scorers_of(self.members, rows), roles)

    def load(self, scorer: Scorer) -> TrainedModel:
        """Return the trained model of a scorer; read it from its file unless it is still in memory.

        Raises:
            MissingFile, ModelMismatch: see :func:`kanseq.runs.trained_model.read_model`.
        """
        model = self._loaded.get(scorer.path)
        if model is None:
            model = read_model(scorer.path, self.device)
            if self.keep:
                self._loaded[scorer.path] = model
        return model

    def each(self, scorers: Sequence[Scorer]) -> Iterator[tuple[Scorer, TrainedModel]]:
        """Yield each scorer with its trained model. Each model is loaded just before it is yielded."""
        for scorer in scorers:
            yield scorer, self.load(scorer)

    def score(
        self, sequences: SequenceSet | np.ndarray, assignment: Assignment | None = None, batch_size: int = 256
    ) -> ModelLogits:
        """Score each row with every model that may score it.

        Args:
            sequences: a set, or base codes ``(n, columns)`` uint8 (A 0, C 1, G 2, T 3, anything else 4).
            assignment: which models score which rows. By default, the models for a set are chosen by :meth:`assign`,
                and the rows of an array are scored by all models.
            batch_size: number of sequences per batch.

        Raises:
            ModelMismatch: a file is damaged, an array does not have the number of columns that the models read, or the
                models have different conditions or classes.
            SeenGene: see :meth:`assign`.
        """
        if assignment is None:
            is_set = isinstance(sequences, SequenceSet)
            assignment = self.assign(sequences) if is_set else self.assign_copies(np.full(len(sequences), NEW))
        if not isinstance(sequences, SequenceSet):
            self._check_width(sequences)
        models: list[Description] = []
        values = []
        for scorer in assignment.scorers:
            is_first_call = scorer.path not in self._loaded
            trained = self.load(scorer)
            if is_first_call:
                logger.info("fold %s, seed %d: %s genes", scorer.fold, scorer.seed, f"{len(scorer.rows):,}")
            models.append(trained.description)
            _check_same_outputs(models, scorer.path)
            rows = scorer.rows
            codes = codes_of(sequences, rows) if isinstance(sequences, SequenceSet) else sequences[rows]
            logits = trained.logits(codes, batch_size)
            values.append(np.full((len(sequences), *logits.shape[1:]), np.nan))
            values[-1][rows] = logits
        return ModelLogits(assignment.scorers, models, np.stack(values), assignment.roles)

    def _check_width(self, codes: np.ndarray) -> None:
        """Check that an array of base codes has as many columns as the models read."""
        columns = self.members[0].geometry.columns
        if codes.ndim != 2 or codes.shape[1] != columns:
            raise ModelMismatch(
                f"the models read {columns:,} columns, but the codes have the shape {codes.shape}", where=self.path
            )


def _check_same_outputs(models: list[Description], where: Path) -> None:
    """Check that the last model in the list has the same conditions and classes as the first."""
    for what in ("conditions", "classes"):
        if getattr(models[-1].task, what) != getattr(models[0].task, what):
            raise ModelMismatch(f"the models of this run have different {what}", where=where)
