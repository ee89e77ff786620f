"""Fit a model to strings or arrays, without files.

    model = kanseq.fit("kan-mixer", sequences, labels, epochs=10)
    model.predict(new_sequences)

In: sequences and targets. Out: a :class:`~kanseq.verbs.modelling.load_model.Model`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadTable, EmptySplit, OneClass
from kanseq.geometry import Geometry
from kanseq.models.inputs import Examples
from kanseq.models.registry import architecture, make_config
from kanseq.runs.trained_model import TrainedModel
from kanseq.sequences.python_inputs import label_texts
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.specification.fields import gather
from kanseq.specification.python_signatures import takes
from kanseq.specification.training import FitSpec
from kanseq.tasks.learning_goal import LearningGoal
from kanseq.tasks.targets import OWN_PAIR, find_targets, own_pair
from kanseq.tasks.task import is_known
from kanseq.training.learners.find_learner import fit_examples
from kanseq.training.settings import check_seeds, settings_for
from kanseq.verbs.modelling.load_model import Model, Sequences, as_set

Targets = Sequence[str] | Sequence[int] | Sequence[float] | np.ndarray | pd.Series
"""The target (class or number) of each sequence; None and NaN are missing targets."""


class _Parts(NamedTuple):
    """All sequences as one set, and the rows used for training and for tuning."""

    genes: SequenceSet
    train: np.ndarray
    tune: np.ndarray


@takes(FitSpec)
def fit(
    model: str,
    sequences: Sequences,
    targets: Targets | None = None,
    *,
    tune_on: tuple[Sequences, Targets] | None = None,
    geometry: Geometry | None = None,
    **options: object,
) -> Model:
    """Fit one model to all sequences. No sequence is held out, so use other sequences to evaluate the model.

    On a CPU, the same arguments and number of threads yield the same model.

    Args:
        model: an architecture of ``kanseq models``.
        sequences: strings of bases, base codes ``(n, columns)`` uint8, or a set; see
            :data:`kanseq.verbs.modelling.load_model.Sequences`. Models of gene windows require a set of gene windows,
            or a ``geometry`` for strings and codes.
        targets: the class or number of each sequence; by default the labels of the set.
        tune_on: other sequences and their targets, for early stopping. They are not used to fit weights. Training stops
            when the loss on them no longer improves, and the weights of the best epoch are kept. Models that are not
            trained in epochs ignore them.
        geometry: the layout of the columns, if strings or codes are gene windows. By default they are not, and there
            are as many columns as the longest sequence has bases.
        options: hyper-parameters of the model, by name.
        task: ``binary``, ``multiclass`` or ``regression``. By default ``regression`` for targets of type float,
            ``multiclass`` for three or more classes, else ``binary``. With two classes, probabilities are those of the
            class that is second in alphabetical order, or of ``high`` if the classes are low and high.
        {settings}
        seed: random seed.
        threads: processor threads; 0 for torch's default.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    If a setting is None, the model's default is used (``kanseq models NAME``). If the model has no default, that of
    :class:`kanseq.specification.optimisation.Settings` is used.

    Raises:
        BadOption: there is no such model, or an option or setting is not valid for it.
        BadTable: sequences, targets and columns do not match, or targets are invalid for the task.
        EmptySplit, OneClass: no sequence has a target, or all targets are the same.
        NotFinite: a loss or gradient is NaN or infinite.
    """
    spec = gather(FitSpec, {"model": model, **options})
    kind, [seed] = architecture(spec.model), check_seeds(spec.seed)
    parts = _parts(sequences, targets, tune_on, geometry)
    task = spec.task
    if task is None and targets is not None and np.asarray(targets).dtype.kind == "f":
        task = "regression"
    settings = settings_for(kind, **{**spec.settings, "tune": tune_on is not None})
    goal = LearningGoal().learning(parts.genes, None, task, "*")
    goal.check_model(kind, settings.balance, spec.options or {})
    config = make_config(spec.model, parts.genes.geometry, spec.options or {}, goal.outputs)
    values = find_targets(parts.genes, None, "*", "*", goal.task).values
    train, tune = (
        _examples(parts.genes, rows, values, what) for rows, what in ((parts.train, "training"), (parts.tune, "tuning"))
    )
    learned = fit_examples(
        kind, config, goal.task_of(kind, config), train, settings,
        tune=tune, places=_places(parts.genes, parts.train, values), seed=seed, threads=spec.threads,
        device=spec.device, title=spec.model,
    )  # fmt: skip
    pair = own_pair(parts.genes) if goal.task == "binary" else ()
    metadata: dict[str, object] = {"seed": seed, "precision": learned.settings.precision}
    metadata |= {OWN_PAIR: list(pair)} if pair else {}
    assert learned.task is not None
    return Model([TrainedModel(spec.model, config, parts.genes.geometry, learned.task, learned.predictor, metadata)])


def _parts(
    sequences: Sequences,
    targets: Targets | None,
    tune_on: tuple[Sequences, Targets] | None,
    geometry: Geometry | None,
) -> _Parts:
    """Combine training and tuning sequences into one set, with the targets as labels."""
    genes = _labelled(sequences, targets, geometry, "")
    train = np.arange(len(genes))
    if tune_on is None:
        return _Parts(genes, train, train[:0])
    other = _labelled(*tune_on, geometry or (genes.geometry if genes.geometry.has_genes else None), "tune ")
    width = max(genes.geometry, other.geometry, key=lambda one: one.columns)
    table = pd.concat([one.table.assign(sequence=one.letters()) for one in (genes, other)], ignore_index=True)
    return _Parts(SequenceSet(table, width, genes.metadata), train, np.arange(len(genes), len(table)))


def _labelled(sequences: Sequences, targets: Targets | None, geometry: Geometry | None, prefix: str) -> SequenceSet:
    """Convert sequences to a set with the targets as labels, and put ``prefix`` in front of their names."""
    genes = as_set(sequences, geometry)
    # Keep missing values: in a NumPy array of strings they would become the text "nan".
    given = targets.tolist() if isinstance(targets, np.ndarray) else targets
    labels = genes.table.get("label") if given is None else pd.Series(list(given))
    if labels is None:
        raise BadTable("there are no targets, and the sequences have no labels", hint="specify targets")
    if len(labels) != len(genes):
        raise BadTable(f"{len(labels):,} targets for {len(genes):,} sequences", hint="specify one for each")
    return SequenceSet(
        genes.table.assign(label=label_texts(labels.tolist()), id=prefix + genes.table["id"].astype(str)),
        genes.geometry,
        genes.metadata,
        genes.stored,
    )


def _examples(genes: SequenceSet, rows: np.ndarray, values: np.ndarray, what: str) -> Examples | None:
    """Return base codes and targets of the ``rows`` with a known target; return None if ``rows`` is empty.

    ``values`` are the targets of all sequences; ``what`` (training or tuning) is used in error messages."""
    if not len(rows):
        return None
    known = rows[is_known(values[rows])]
    if not len(known):
        raise EmptySplit(f"no {what} sequence has a target")
    if len(np.unique(values[known])) < 2:
        raise OneClass(f"all {len(known):,} {what} sequences have the same target")
    return Examples(genes.codes(known), values[known])


def _places(genes: SequenceSet, rows: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    """Return the set's table for the ``rows`` with a known target, without the column ``sequence``."""
    return genes.table.iloc[rows[is_known(values[rows])]].drop(columns="sequence", errors="ignore")
