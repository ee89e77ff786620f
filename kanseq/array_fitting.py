"""Fit a model to strings or arrays, without files and folders.

    model = kanseq.fit("kan-mixer", sequences, labels, epochs=10)
    model.predict(new_sequences)

In: sequences and targets. Out: a :class:`~kanseq.model.Model`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.data.plain_texts import label_texts
from kanseq.data.sequences import SequenceSet
from kanseq.errors import BadTable, EmptySplit, OneClass
from kanseq.geometry import Geometry
from kanseq.model import Model, Sequences, as_set
from kanseq.models.registry import architecture, make_config
from kanseq.specification.fields import gather
from kanseq.specification.python import takes
from kanseq.specification.training import FitSpec
from kanseq.training.aims import Aim
from kanseq.training.checkpoints import TrainedModel
from kanseq.training.inputs import Examples
from kanseq.training.learners import fit_examples
from kanseq.training.settings import check_seeds, settings_for
from kanseq.training.targets import OWN_PAIR, find_targets, own_pair
from kanseq.training.tasks import is_known

Targets = Sequence[str] | Sequence[int] | Sequence[float] | np.ndarray | pd.Series
"""A class or a number for each sequence; None and NaN are no target."""


class _Parts(NamedTuple):
    """A set, and which of its rows train and tune."""

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
    """Fit one model to all sequences that are given. Nothing is held out: score it on other sequences.

    The same arguments and threads give the same model on a CPU.

    Args:
        model: an architecture of ``kanseq models``.
        sequences: strings of bases, base codes ``(n, columns)`` uint8, or a set; see :data:`kanseq.model.Sequences`.
            Models of genes read a set of gene windows, or strings with a ``geometry``.
        targets: the class or number of each sequence. Without them the set's own labels are learned.
        tune_on: other sequences and targets, which do not train: training stops early by the loss on them, and keeps
            the best epoch's weights. Estimators that are fitted at once make no use of them.
        geometry: the columns, for strings and codes that are gene windows; by default plain sequences as wide as the
            longest one.
        options: the model's own hyper-parameters, by name.
        task: ``binary``, ``multiclass`` or ``regression``. By default ``regression`` for targets with a fraction
            (float), ``multiclass`` for three and more classes, else ``binary``. Of two classes the second in
            alphabetical order is the one whose probability the model gives, or ``high`` of low and high.
        {settings}
        seed: of every random choice.
        threads: processor threads; 0 for as many as torch finds.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    None for a setting takes the model's own (``kanseq models NAME``), or the default of
    :class:`kanseq.specification.optimisation.Settings`.

    Raises:
        BadOption: there is no such model, or an option or setting makes no sense for it.
        BadTable: sequences, targets and columns do not fit together, or targets are none for the task.
        EmptySplit, OneClass: no sequence has a target, or all have the same.
        NotFinite: a loss or gradient is NaN or infinite.
    """
    spec = gather(FitSpec, {"model": model, **options})
    kind, [seed] = architecture(spec.model), check_seeds(spec.seed)
    parts = _parts(sequences, targets, tune_on, geometry)
    task = spec.task
    if task is None and targets is not None and np.asarray(targets).dtype.kind == "f":
        task = "regression"
    settings = settings_for(kind, **{**spec.settings, "tune": tune_on is not None})
    aim = Aim().learning(parts.genes, None, task, "*")
    aim.check_model(kind, settings.balance, spec.options or {})
    config = make_config(spec.model, parts.genes.geometry, spec.options or {}, aim.outputs)
    values = find_targets(parts.genes, None, "*", "*", aim.task).values
    train, tune = (
        _examples(parts.genes, rows, values, what) for rows, what in ((parts.train, "training"), (parts.tune, "tuning"))
    )
    learned = fit_examples(
        kind, config, aim.task_of(kind, config), train, settings,
        tune=tune, places=_places(parts.genes, parts.train, values), seed=seed, threads=spec.threads,
        device=spec.device, title=spec.model,
    )  # fmt: skip
    pair = own_pair(parts.genes) if aim.task == "binary" else ()
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
    """Put training and tuning sequences into one set, with their targets as labels."""
    genes = _labelled(sequences, targets, geometry, "")
    train = np.arange(len(genes))
    if tune_on is None:
        return _Parts(genes, train, train[:0])
    other = _labelled(*tune_on, geometry or (genes.geometry if genes.geometry.has_genes else None), "tune ")
    width = max(genes.geometry, other.geometry, key=lambda one: one.columns)
    table = pd.concat([one.table.assign(sequence=one.letters()) for one in (genes, other)], ignore_index=True)
    return _Parts(SequenceSet(table, width, genes.metadata), train, np.arange(len(genes), len(table)))


def _labelled(sequences: Sequences, targets: Targets | None, geometry: Geometry | None, prefix: str) -> SequenceSet:
    """Make a set of sequences with labels, their names behind a prefix."""
    genes = as_set(sequences, geometry)
    # A series keeps what is missing apart from the text "nan", which an array of strings would make of it.
    given = targets.tolist() if isinstance(targets, np.ndarray) else targets
    labels = genes.table.get("label") if given is None else pd.Series(list(given))
    if labels is None:
        raise BadTable("there are no targets, and the sequences come without labels", hint="give targets")
    if len(labels) != len(genes):
        raise BadTable(f"{len(labels):,} targets for {len(genes):,} sequences", hint="give one for each")
    return SequenceSet(
        genes.table.assign(label=label_texts(labels.tolist()), id=prefix + genes.table["id"].astype(str)),
        genes.geometry,
        genes.metadata,
        genes.stored,
    )


def _examples(genes: SequenceSet, rows: np.ndarray, values: np.ndarray, what: str) -> Examples | None:
    """Take the examples with a known target; None where there is no row at all."""
    if not len(rows):
        return None
    known = rows[is_known(values[rows])]
    if not len(known):
        raise EmptySplit(f"no {what} sequence has a target")
    if len(np.unique(values[known])) < 2:
        raise OneClass(f"all {len(known):,} {what} sequences have the same target")
    return Examples(genes.codes(known), values[known])


def _places(genes: SequenceSet, rows: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    """Take the table of the training examples, without their letters."""
    return genes.table.iloc[rows[is_known(values[rows])]].drop(columns="sequence", errors="ignore")
