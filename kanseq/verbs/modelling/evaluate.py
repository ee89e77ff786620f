"""``kanseq evaluate``: score runs on their held-out genes, and compare them.

In: runs or tables of predictions. Out: metrics per fold and averaged, with bootstrap intervals, and differences.
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
"""Version of ``metrics.json``."""


@brief
class Evaluation(NamedTuple):
    """Results of an evaluation.

    Attributes:
        models: an entry of ``metrics.json`` for each model: ``name``, ``classes`` if there are several, ``folds`` (a
            list of ``fold, seeds, n, high`` and the metrics), ``mean``, ``spread`` over seeds, ``weighted_by_genes``,
            ``species`` and ``mean_of_species`` if there are several, and ``pooled``; a metric is ``{"value", "low",
            "high"}`` with a 95 % bootstrap interval.
        comparisons: for each model the differences between its means over folds and those of a reference model, with
            paired intervals, and ``delong``.
        text: the table of all models as aligned text.
        table: a row per model and fold, and per average, with the columns of ``metrics.tsv``.
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
    """Score held-out genes: per fold, as the mean over folds (the primary score), and as other averages.

    All genes with a target are scored, and only by models that were not trained on them. Classes are scored by
    :data:`kanseq.evaluation.metrics.METRICS` (three or more by :func:`kanseq.evaluation.class_metrics.score_classes`),
    predicted numbers by :data:`kanseq.evaluation.expression_metrics.EXPRESSION_METRICS`. Intervals are percentiles over
    bootstrap resamples of the genes within each fold (Efron 1979). The same genes are drawn for all models, so that
    differences are paired, and for all folds with exactly the same test genes, so that one test counts once. Intervals
    show how much a score depends on the choice of genes. The spread over seeds shows how much it depends on the initial
    weights: several seeds of one fold are scored separately and averaged in one row.

    In the mean every fold counts once. If folds are chromosomes of several species, species with many chromosomes
    therefore weigh more (as in averages over the 37 chromosomes of four plant genomes); in ``mean_of_species`` each
    species counts once, in ``weighted_by_genes`` each gene.

    Args:
        runs: runs, or tables of predictions with targets (files, or tables in memory as :func:`kanseq.predict` returns
            them); the baseline inside each run is scored, too.
        output: JSON file of the metrics; ``-`` is standard output.
        table: tab-separated file of the metrics, with a line per model and fold.
        folds: names of the folds to score; all if empty.
        against: the row, model or run that all others are compared with; by default ``kmer-logistic`` (for expression
            ``kmer-ridge``) or, if there is none, the first.
        ensemble: also score the mean of a model's seeds, as a separate row.
        pooled: show pooled scores and averages weighted by genes in the text; the files always contain them.
        join: treat all runs of the same architecture as one model with the folds of all of them.
        bootstrap: number of resamples per fold; 0 for no intervals.
        seed: seed of the resamples.

    Raises:
        MissingFile, ModelMismatch, BadTable: a run or a table is missing or incomplete.
        UnknownGene: a table has no gene with a target.
        OneClass: the scored genes of a fold are all of one class, or all have the same expression.
        BadOption: no model has a fold of that name, or ``against`` does not name a model.
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
                # Both must be written before either gets its final name.
                handle.flush()
    return result


def _warn_of_differences(candidates: list[Candidate]) -> None:
    """Warn if models of the same task and conditions are scored on different genes."""
    firsts: dict[tuple[str, tuple[str, ...]], Candidate] = {}
    for candidate in candidates:
        first = firsts.setdefault((candidate.task, tuple(sorted(candidate.parts))), candidate)
        if _genes(candidate) != _genes(first):
            logger.warning("%s and %s are scored on different genes or folds", first.name, candidate.name)


def _genes(candidate: Candidate) -> dict[str, list[tuple[str, str]]]:
    """Return the genes that each fold scores."""
    return {fold: candidate.genes_of(fold) for fold in candidate.folds}
