"""``kanseq evaluate``: score the predictions of runs for held-out genes, and compare the models.

In: runs or tables of predictions. Out: metrics per fold and averaged, differences between models, bootstrap intervals.
"""

import json
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

import pandas as pd

from kanseq.errors import BadOption
from kanseq.evaluation.candidates import Candidate, load_candidates
from kanseq.evaluation.comparison import compare_all
from kanseq.evaluation.score_tables import (
    POOLED_NOTE,
    Entry,
    comparison_entry,
    model_entry,
    scores_table,
    scores_text,
)
from kanseq.evaluation.scoring import score_candidate
from kanseq.io.files import PathLike, check_output, whole_text
from kanseq.io.tables.dialect import table_lines
from kanseq.io.tables.model_tables import METRICS
from kanseq.verbs.short_repr import brief

logger = logging.getLogger(__name__)

FORMAT = 2
"""Version of the format of ``metrics.json``."""


@brief
class Evaluation(NamedTuple):
    """Result of :func:`evaluate`.

    Attributes:
        models: the entry of each model in ``metrics.json``: ``name``, ``classes`` (if more than two), ``folds`` (a list
            of ``fold, seeds, n, high`` and the metrics), ``mean`` over folds, ``spread`` over seeds,
            ``weighted_by_genes``, ``species`` and ``mean_of_species`` (if there are several species), and ``pooled``. A
            metric is ``{"value", "low", "high"}``, where low and high are the limits of the 95 % bootstrap interval.
        comparisons: an entry for each model that was compared with the reference model. It contains the differences
            between their means over folds, with paired bootstrap intervals, and the results of DeLong's test
            (``delong``).
        text: the table of all models as aligned text.
        table: a row for each fold and for each average of a model, with the columns of ``metrics.tsv``.
    """

    models: list[Entry]
    comparisons: list[Entry]
    text: str
    table: pd.DataFrame


def evaluate(
    runs: PathLike | pd.DataFrame | Sequence[PathLike | pd.DataFrame],
    *,
    output: PathLike | None = None,
    table: PathLike | None = None,
    folds: Sequence[str] = (),
    against: PathLike | None = None,
    ensemble: bool = False,
    pooled: bool = False,
    join: bool = False,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Score the predictions for held-out genes in each fold, and average the scores over folds.

    Every gene with a target is scored, but only by models that were not trained on it. The metrics are
    :data:`kanseq.evaluation.metrics.METRICS` for two classes, those of
    :func:`kanseq.evaluation.class_metrics.score_classes` for three or more classes, and
    :data:`kanseq.evaluation.expression_metrics.EXPRESSION_METRICS` for regression.

    Intervals are percentiles over bootstrap resamples of the genes within each fold (Efron 1979). The same genes are
    drawn for all models, so that differences are paired. If several folds have identical test genes, the same genes are
    drawn in all of them, because these folds are not independent test sets. Intervals show how much a score depends on
    the choice of test genes. The spread over seeds shows how much it depends on the initial weights. The seeds of a
    fold are scored separately, and their scores are averaged.

    In the mean over folds (the main score), all folds have the same weight. If folds are chromosomes of several
    species, species with many chromosomes therefore have a larger weight (as in averages over the 37 chromosomes of
    four plant genomes). In ``mean_of_species`` all species have the same weight; in ``weighted_by_genes`` all genes
    have the same weight.

    Args:
        runs: folders of runs, or tables of predictions with targets (files, or tables in memory as
            :func:`kanseq.predict` returns them). The baseline inside each run is scored as well.
        output: path of ``metrics.json``, with all metrics and comparisons; ``-`` is standard output.
        table: path of ``metrics.tsv``, with a line per model and fold.
        folds: names of the folds to score; all if empty.
        against: the reference for all comparisons: the name of a row of the table, of a model, or of a run. By default
            ``kmer-logistic`` (for regression ``kmer-ridge``) or, if this baseline is missing, the first model.
        ensemble: also score, in a separate row, the mean prediction over the seeds of each model.
        pooled: also show pooled scores and averages weighted by genes in the text. The files always contain them.
        join: treat all runs of the same architecture as one model with the folds of all these runs.
        bootstrap: number of bootstrap resamples per fold; 0 for no intervals.
        seed: seed of the bootstrap resamples.

    Raises:
        MissingFile, ModelMismatch, BadTable: a run or a table is missing or incomplete.
        UnknownGene: a table has no gene with a target.
        OneClass: the scored genes of a fold all have the same class, or all have the same expression.
        BadOption: no model has a fold with a name in ``folds``, or ``against`` does not name a model.
    """
    paths = list(runs) if isinstance(runs, Sequence) and not isinstance(runs, str) else [runs]
    check_output(output, table, inputs=paths)
    if bootstrap < 0:
        raise BadOption(f"bootstrap is {bootstrap}", hint="it must be at least 0")
    candidates = load_candidates(paths, folds=folds, join=join, ensemble=ensemble)
    _warn_of_differences(candidates)
    scores = [score_candidate(candidate, bootstrap, seed) for candidate in candidates]
    reference = None if against is None else str(against)
    comparisons = compare_all(candidates, scores, against=reference, bootstrap=bootstrap, seed=seed)
    models = [model_entry(candidate, score) for candidate, score in zip(candidates, scores, strict=True)]
    compared = [comparison_entry(comparison) for comparison in comparisons]
    metrics = scores_table(candidates, scores)
    result = Evaluation(models, compared, scores_text(candidates, scores, comparisons, pooled), metrics)
    described = {"format": FORMAT, "bootstrap": bootstrap, "seed": seed, "note": POOLED_NOTE}
    content = {**described, "models": models, "comparisons": compared}
    texts = (
        (table, table_lines(METRICS, metrics)),
        (output, [json.dumps(content, indent=2, allow_nan=False) + "\n"]),
    )
    with ExitStack() as outputs:
        for path, lines in texts:
            if path is not None:
                handle = outputs.enter_context(whole_text(path))
                handle.writelines(lines)
                # Files get their final names when the stack closes; by then both must be complete.
                handle.flush()
    return result


def _warn_of_differences(candidates: list[Candidate]) -> None:
    """Warn about models with the same task and conditions that are scored on different genes or folds."""
    firsts: dict[tuple[str, tuple[str, ...]], Candidate] = {}
    for candidate in candidates:
        first = firsts.setdefault((candidate.task, tuple(sorted(candidate.parts))), candidate)
        if _genes(candidate) != _genes(first):
            logger.warning("%s and %s are scored on different genes or folds", first.name, candidate.name)


def _genes(candidate: Candidate) -> dict[str, list[tuple[str, str]]]:
    """Return the keys (species and id) of the scored genes of each fold, as a dictionary by fold name."""
    return {fold: candidate.genes_of(fold) for fold in candidate.folds}
