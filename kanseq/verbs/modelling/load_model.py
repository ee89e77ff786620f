"""Use trained models from Python: strings or arrays in, NumPy arrays out, without files.

    model = kanseq.load_model("run/")
    model.probabilities(["ACGT…", "TTGA…"])

In: a run, or one model file. Out: a :class:`Model`.
"""

import copy
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from kanseq.attribution.methods import find_method
from kanseq.attribution.run_models import ExplainPlan, check_errors
from kanseq.attribution.shares import MethodOptions
from kanseq.errors import BadOption, ModelMismatch
from kanseq.geometry import Geometry
from kanseq.io.files import PathLike
from kanseq.runs.held_out import Member, read_members, trained_on
from kanseq.runs.trained_model import TrainedModel, check_geometry, read_model
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.tasks.scores import PredictionScores, mean_scores
from kanseq.tasks.targets import OWN_PAIR
from kanseq.tasks.task import CLASSES, Task
from kanseq.training.settings import choose_device
from kanseq.verbs.reference_option import find_references

if TYPE_CHECKING:
    from torch import nn

logger = logging.getLogger(__name__)

Sequences: TypeAlias = "Sequence[str] | np.ndarray | SequenceSet"
"""Sequences: strings (or bytes) of bases; base codes ``(n, columns)`` uint8 (A 0, C 1, G 2, T 3, other 4); or a set."""

LETTERS = np.frombuffer(b"ACGTN", dtype="S1")


class Model:
    """A trained model, or an ensemble of models, such as those of all folds and seeds of a run.

    Predictions of several models are averaged as in :mod:`kanseq.tasks.averaging`. Every model scores every sequence,
    even if it was trained on it. A warning reports the number of such sequences, as far as they can be recognised
    (strings have no coordinates). To score each gene only with models that were not trained on it, use
    :func:`kanseq.predict`.

    Attributes:
        models: the models with their weights, ordered by fold and seed.
    """

    def __init__(self, models: Sequence[TrainedModel], members: Sequence[Member] = ()) -> None:
        """Combine models with the same geometry and the same outputs.

        Args:
            models: one or several trained models.
            members: for each model, the record of its training sequences; used only for warnings.

        Raises:
            ModelMismatch: the models differ in geometry, conditions or classes.
        """
        self.models, self._members = list(models), list(members)
        first = self.models[0]
        for other in self.models[1:]:
            same = (other.task.conditions, other.task.classes) == (first.task.conditions, first.task.classes)
            if other.geometry != first.geometry or not same:
                raise ModelMismatch("these models differ in their columns, conditions or classes")

    def __repr__(self) -> str:
        """Return a short description: architecture, task, number of columns and number of models."""
        count = "" if len(self.models) == 1 else f", mean of {len(self.models)} models"
        return f"Model {self.architecture}, {self.task.name}, {self.geometry.columns:,} columns{count}"

    @property
    def architecture(self) -> str:
        """Name of the architecture, as in ``kanseq models``."""
        return self.models[0].architecture

    @property
    def geometry(self) -> Geometry:
        """The layout of the columns that the models read."""
        return self.models[0].geometry

    @property
    def task(self) -> Task:
        """The task that the models were trained for: its kind (such as regression) and its conditions or classes."""
        return self.models[0].task

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, ordered by class index; empty for regression."""
        if self.task.is_regression:
            return ()
        own = self.models[0].metadata.get(OWN_PAIR)
        return self.task.classes or (tuple(map(str, own)) if isinstance(own, list) else CLASSES)

    @property
    def module(self) -> "nn.Module":
        """The torch module, in evaluation mode; it maps base codes ``(n, columns)`` uint8 to ``(n, outputs)``.

        Raises:
            BadOption: there are several models, or the model is not a network.
        """
        if len(self.models) > 1:
            raise BadOption(f"there are {len(self.models)} models", hint="use fold= and seed= to load one of them")
        network = self.models[0].network
        if network is None:
            raise BadOption(f"the model '{self.architecture}' is not a network, and has no module")
        return network

    def scores(self, sequences: Sequences, batch_size: int = 256) -> PredictionScores:
        """Return logits, probabilities and predicted classes, see :class:`kanseq.tasks.scores.PredictionScores`.

        Args:
            sequences: see :data:`Sequences`. For models of gene windows they must have exactly the model's number of
                columns; otherwise they may be shorter.
            batch_size: sequences per forward pass.

        Raises:
            BadOption: ``batch_size`` is less than 1.
            BadTable: a string is empty, or does not match the model's columns.
            ModelMismatch: codes or a set do not match the model's columns.
        """
        genes = self._as_set(sequences, batch_size)
        codes = genes.codes()
        logits = np.stack([model.logits(codes, batch_size) for model in self.models])
        return mean_scores(self.task, [model.calibrations for model in self.models], logits)

    def logits(self, sequences: Sequences, batch_size: int = 256) -> np.ndarray:
        """Return the log-odds of ``high``, or for regression the predicted value in units of the targets, float64.

        The shape is ``(n,)``, or ``(n, conditions)`` if there are several conditions. For three or more classes, return
        the logit of each class, ``(n, classes)``. Arguments and errors are the same as for :meth:`scores`.
        """
        scores = self.scores(sequences, batch_size)
        return scores.logit if scores.classes is None else scores.classes

    def probabilities(self, sequences: Sequences, batch_size: int = 256) -> np.ndarray:
        """Return the probability of ``high``, ``(n,)`` or ``(n, conditions)``, or of each class, ``(n, classes)``.

        For regression all values are NaN. Arguments and errors are the same as for :meth:`scores`.
        """
        scores = self.scores(sequences, batch_size)
        return scores.probability if scores.classes is None else self.task.probability(scores.classes)

    def predict(self, sequences: Sequences, batch_size: int = 256) -> np.ndarray:
        """Return the names of the predicted classes, or for regression the predicted values.

        For two classes, sequences are classified by the decision thresholds that the models learned. If they learned
        none, the threshold is a probability of 0.5. Arguments and errors are the same as for :meth:`scores`.
        """
        scores = self.scores(sequences, batch_size)
        if self.task.is_regression:
            return scores.logit
        called = np.where(np.isnan(scores.called), scores.probability >= 0.5, scores.called)
        return np.array(self.classes)[called.astype(np.int64)]

    def attributions(
        self,
        sequences: Sequences,
        *,
        method: str = "paths",
        reference: str = "shuffle:5",
        condition: str | None = None,
        seed: int = 0,
        batch_size: int = 64,
    ) -> np.ndarray:
        """Return the contribution of each base to the logit, averaged over the models, float32 ``(n, columns)``.

        Matrix products are computed in float32. If a model uses bfloat16 for predictions, the explained logits
        therefore differ from those of :meth:`logits` by rounding errors.

        Args:
            sequences: see :data:`Sequences`.
            method, reference, condition, seed: as for :func:`kanseq.explain`. The shuffles of a sequence depend only on
                ``seed`` and the name of the sequence. Strings and codes are named by their positions, counted from 1.
            batch_size: sequences per forward pass.

        Raises:
            BadOption: the method or condition is unknown, the method cannot explain the model, or ``batch_size`` is
                less than 1.
            NotComplete: the attributions of the method ``paths`` do not sum to the difference between the logits of
                sequence and reference.
            BadTable, ModelMismatch: as for :meth:`scores`.
        """
        genes = self._as_set(sequences, batch_size)
        references = find_references(reference, seed, self.geometry)
        plan = ExplainPlan(find_method(method), references, MethodOptions(), condition, "float32", batch_size, "cpu")
        codes, names = self.geometry.hide(genes.codes()), list(genes.table["id"])
        total = np.zeros(codes.shape, dtype=np.float64)
        for model in self.models:
            # plan.ready changes the network (float32 products, no gradients), so explain a copy.
            ready = plan.ready(replace(model, predictor=copy.deepcopy(model.predictor)))
            for start in range(0, len(codes), batch_size):
                rows = slice(start, start + batch_size)
                found = plan.method.attribute(ready, codes[rows], names[rows], references, plan.options)
                check_errors(found.errors, names[rows], plan)
                total[rows] += found.values
        return (total / len(self.models)).astype(np.float32)

    def _as_set(self, sequences: Sequences, batch_size: int) -> SequenceSet:
        """Convert sequences to a set that matches the model, and warn about sequences that were used in training."""
        if batch_size < 1:
            raise BadOption(f"batch_size is {batch_size}", hint="it must be at least 1")
        if isinstance(sequences, SequenceSet):
            check_geometry(self.models[0], sequences)
        genes = as_set(sequences, self.geometry)
        self._warn(genes, named=isinstance(sequences, SequenceSet))
        return genes

    def _warn(self, genes: SequenceSet, *, named: bool) -> None:
        """Warn about sequences that at least one of the models was trained on, or may have been tuned on.

        Args:
            genes: the sequences.
            named: whether the sequences have real names. If names are just numbers, held-out genes cannot be
                recognised. The warning then states only that scores may be too good.
        """
        if not self._members:
            return
        members = self._members if named else [member._replace(held_out=set()) for member in self._members]
        seen = int(trained_on(members, genes).sum())
        if seen:
            logger.warning(
                "%s of %s sequences are from the set that these models were trained on, and their scores %s too good; "
                "kanseq predict scores each gene by models that hold it out",
                f"{seen:,}",
                f"{len(genes):,}",
                "are" if named else "may be",
            )


def as_set(sequences: Sequences, geometry: Geometry | None = None) -> SequenceSet:
    """Convert strings or base codes to a set; a set is returned unchanged.

    Args:
        sequences: see :data:`Sequences`.
        geometry: the layout of the columns. By default the sequences are not gene windows, and there are as many
            columns as the longest sequence has bases.

    Raises:
        BadOption: ``sequences`` is a single string.
        BadTable: a string is empty, not text, or does not match the geometry.
        ModelMismatch: codes do not match the geometry.
    """
    if isinstance(sequences, SequenceSet):
        return sequences
    if isinstance(sequences, str | bytes):
        raise BadOption("sequences is a string, but a list of strings is required", hint="use [sequence]")
    if not isinstance(sequences, np.ndarray) or sequences.dtype.kind in "OUS":
        return SequenceSet.from_strings(list(sequences), geometry=geometry)
    if sequences.ndim != 2 or sequences.dtype != np.uint8:
        raise ModelMismatch(
            f"base codes must be uint8 (n, columns), but these are {sequences.dtype} {sequences.shape}",
            hint="A is 0, C 1, G 2, T 3, anything else 4",
        )
    geometry = geometry or Geometry.plain(sequences.shape[1])
    narrowest = geometry.columns if geometry.has_genes else 1
    if not narrowest <= sequences.shape[1] <= geometry.columns:
        raise ModelMismatch(
            f"the model reads {geometry.columns:,} columns, but the codes have the shape {sequences.shape}"
        )
    letters = LETTERS[np.minimum(np.ascontiguousarray(sequences), len(LETTERS) - 1)].view(f"S{sequences.shape[1]}")[
        :, 0
    ]
    return SequenceSet.from_strings([row.decode() for row in letters], geometry=geometry)


def load_model(path: PathLike, *, fold: str | None = None, seed: int | None = None, device: str = "auto") -> Model:
    """Load one model file, or all models of a run as an ensemble (their predictions are averaged).

    Args:
        path: a ``model.safetensors``, or the folder of a run, to load all of its finished folds and seeds.
        fold: load only the models of this fold.
        seed: load only the models with this seed.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        MissingFile: there is no such file or run.
        ModelMismatch: a file is damaged, or the run has no finished fold.
        BadOption: there is no such fold, seed or device.
    """
    device = choose_device(device)
    members = read_members(path, fold)
    if seed is not None:
        seeds = sorted({member.seed for member in members})
        members = [member for member in members if member.seed == seed]
        if not members:
            raise BadOption(f"there is no seed {seed}", where=path, hint=f"it has {', '.join(map(str, seeds))}")
    return Model([read_model(member.path, device) for member in members], members)
