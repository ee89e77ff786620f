"""Compute the attributions of genes by trained models, average them over models, and check that they add up.

In: the settings, model files and genes. Out: attributions, averaged over models and references.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

from kanseq.attribution.attribution_sums import Sums
from kanseq.attribution.hypothetical import HypotheticalSums
from kanseq.attribution.methods import Method
from kanseq.attribution.references import References
from kanseq.attribution.shares import Attribution, MethodOptions
from kanseq.errors import BadOption, ModelMismatch, NotComplete
from kanseq.geometry import Geometry
from kanseq.runs.held_out import Scorer
from kanseq.runs.scorer import Models
from kanseq.runs.trained_model import TrainedModel
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.tasks.learning_goal import warn_of_control

EXPLAINED = {"float32": 1e-4, "float64": 1e-9}
"""Precision in which models are explained -> largest completeness error allowed for the method ``paths``."""

AHEAD = 2
"""Maximum number of pending batches per thread: one that runs and one that waits."""


class ExplainPlan(NamedTuple):
    """The settings for computing attributions: method, references, condition, precision, batch size and device."""

    method: Method
    references: References
    options: MethodOptions
    condition: str | None
    precision: str
    batch_size: int
    device: str

    def check(self) -> None:
        """Raise BadOption if the method does not support the options."""
        if self.options.hypothetical and not self.method.gives_hypothetical:
            raise BadOption(
                f"the method {self.method.name} has no hypothetical contributions",
                hint="use --method paths, gradient, integrated or ism",
            )

    def ready(self, model: TrainedModel) -> TrainedModel:
        """Prepare a loaded model for the condition and precision to explain, and return it."""
        model.task = model.task.only(self.condition)
        # From here on several threads share the model, and none of them may change it.
        model.predictor.freeze(self.precision)
        return model


def scored_genes(genes: SequenceSet, scorers: list[Scorer]) -> tuple[SequenceSet, list[Scorer]]:
    """Return the genes that at least one model explains, and the scorers with row numbers among these genes."""
    rows = np.unique(np.concatenate([scorer.rows for scorer in scorers]))
    return genes.select(rows), [scorer._replace(rows=np.searchsorted(rows, scorer.rows)) for scorer in scorers]


def add_up(
    sums: Sums,
    possible: HypotheticalSums | None,
    models: Models,
    scorers: list[Scorer],
    share: np.ndarray,
    genes: SequenceSet,
    plan: ExplainPlan,
) -> Geometry:
    """Compute the attributions of every gene by every model that may score it, one model at a time.

    Args:
        sums: sums to which the attributions by each model are added.
        possible: sums to which hypothetical contributions are added; None if they are not requested.
        models: the models.
        scorers: which models explain which genes.
        share: for each gene, the weight of one model in the mean over models, ``(n,)``.
        genes: the genes.
        plan: the settings.

    Returns:
        The geometry of the models, which includes the columns that they mask.

    Raises:
        ModelMismatch: the models mask different columns.
    """
    geometry = None
    warn_of_control(models.metadata)
    with _progress(sum(len(scorer.rows) for scorer in scorers)) as advance:
        for scorer, loaded in models.each(scorers):
            model = plan.ready(loaded)
            if geometry not in (None, model.geometry):
                raise ModelMismatch("the models of this run mask different columns", where=scorer.path)
            geometry = model.geometry
            batches = [
                scorer.rows[start : start + plan.batch_size] for start in range(0, len(scorer.rows), plan.batch_size)
            ]
            for rows, found in zip(batches, _explained(model, batches, genes, plan), strict=True):
                sums.add(rows, found, share[rows], scorer)
                if possible is not None and found.hypothetical is not None:
                    possible.add(rows, found.hypothetical, share[rows])
                advance(len(rows))
    assert geometry is not None
    return geometry


def _explained(
    model: TrainedModel, batches: list[np.ndarray], genes: SequenceSet, plan: ExplainPlan
) -> Iterator[Attribution]:
    """Yield the attributions of batches of genes by one model, in order; several threads share the model.

    Each batch runs on one thread. That is faster than one batch on several threads, and gives the same numbers for any
    number of threads.
    """

    def explain_rows(rows: np.ndarray) -> Attribution:
        codes, names = model.geometry.hide(genes.codes(rows)), list(genes.table["id"].iloc[rows])
        return plan.method.attribute(model, codes, names, plan.references, plan.options)

    count = torch.get_num_threads()
    workers = 1 if plan.device != "cpu" else min(count, len(batches))
    if workers == 1:
        yield from map(explain_rows, batches)
        return
    # New threads inherit this setting when they start.
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(workers)
    try:
        yield from _in_order(pool, explain_rows, batches, AHEAD * workers)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(count)


def _in_order(
    pool: Executor, work: Callable[[np.ndarray], Attribution], batches: Iterable[np.ndarray], most: int
) -> Iterator[Attribution]:
    """Run ``work`` on batches in a thread pool, with at most ``most`` pending, and yield the results in order."""
    submitted: deque[Future[Attribution]] = deque()
    for batch in batches:
        if len(submitted) == most:
            yield submitted.popleft().result()
        submitted.append(pool.submit(work, batch))
    while submitted:
        yield submitted.popleft().result()


def check_sums(sums: Sums, genes: SequenceSet, plan: ExplainPlan) -> None:
    """Check that all attributions add up before they are written, see :func:`check_errors`."""
    check_errors(sums.errors, genes.table["id"], plan)


def check_errors(errors: np.ndarray, names: Sequence[str], plan: ExplainPlan) -> None:
    """Check that attributions by the method ``paths`` sum to the difference between the logits of gene and reference.

    Args:
        errors: completeness errors ``(n, references)``, see :class:`kanseq.attribution.shares.Attribution`.
        names: ids of the genes, ``(n,)``.
        plan: the settings. Attributions by other methods are not checked.

    Raises:
        NotComplete: an error is larger than :data:`EXPLAINED` allows; the message names the worst gene.
    """
    most = EXPLAINED[plan.precision]
    if plan.method.name != "paths" or not errors.size or (errors <= most).all():
        return
    row = int(np.where(np.isnan(errors), np.inf, errors).max(1).argmax())
    raise NotComplete(
        f"the attributions of gene '{list(names)[row]}' do not add up: the completeness error is "
        f"{errors[row].max():.1e}, and at most {most:.0e} is allowed",
        hint="use --precision float64; if that fails, the method paths cannot explain this model: use --method ism",
    )


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar if standard error is a terminal; yield a function that advances it by a number of genes."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("explaining", total=total)
        yield lambda done: bar.advance(task, done)
