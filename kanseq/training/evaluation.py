"""``kanseq evaluate``: score runs on the genes that they held out, and stand them side by side.

In: runs or tables of predictions. Out: metrics per fold and averaged, with bootstrap intervals, and differences.
"""

import json
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

import pandas as pd

from kanseq.errors import BadOption
from kanseq.files import PathLike, check_output, whole_text
from kanseq.io.dialect import table_lines
from kanseq.io.model_tables import METRICS
from kanseq.showing import brief
from kanseq.training.candidates import Candidate, load_candidates
from kanseq.training.comparison import compare_all
from kanseq.training.score_texts import (
    POOLED_NOTE,
    Entry,
    comparison_entry,
    model_entry,
    scores_table,
    scores_text,
)
from kanseq.training.scoring import score_candidate

logger = logging.getLogger(__name__)

FORMAT = 2
"""Version of ``metrics.json``."""


@brief
class Evaluation(NamedTuple):
    """What an evaluation found.

    Attributes:
        models: an entry of ``metrics.json`` for each model: ``name``, ``classes`` where there are several, ``folds`` (a
            list of ``fold, seeds, n, high`` and the metrics), ``mean``, ``spread`` over seeds, ``weighted_by_genes``,
            ``species`` and ``mean_of_species`` where there are several, and ``pooled``; a metric is ``{"value", "low",
            "high"}`` with a 95 % bootstrap interval.
        comparisons: for each model the differences of its means over folds to another's, with paired intervals, and
            ``delong``.
        text: the table of all models, aligned.
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
    """Score held-out genes: per fold, as mean over folds (the primary number), and in other averages.

    Every gene with a target counts, and only by models that did not see it. Classes are scored by
    :data:`kanseq.training.metrics.METRICS` (several of them as :func:`kanseq.training.class_metrics.score_classes` has
    it), predicted numbers by :data:`kanseq.training.expression_metrics.EXPRESSION_METRICS`. Intervals are percentiles
    over resamples of the genes within each fold (Efron 1979); the same genes are drawn for all models, so that
    differences are paired, and for all folds that score the very same genes, so that one test counts once. They say how
    much a score hangs on the choice of genes. How much it hangs on the first weights says the spread over seeds:
    several seeds of one fold are scored one by one and averaged, in one row.

    In the mean every fold counts once. Where folds are chromosomes of several species, species with many chromosomes
    weigh more in it (as in averages over the 37 chromosomes of four plant genomes); ``mean_of_species`` counts each
    species once, ``weighted_by_genes`` each gene.

    Args:
        runs: runs, or tables of predictions with targets (files, or tables in memory as :func:`kanseq.predict` returns
            them); the plain model inside each run is scored, too.
        output: where the metrics go as JSON; ``-`` is standard output.
        table: where they go tab-separated, a line per model and fold.
        folds: score these folds only.
        against: the row, model or run that all others are compared with; by default ``kmer-logistic`` (for expression
            ``kmer-ridge``) or, where there is none, the first.
        ensemble: score the mean of a model's seeds as well, as a row of its own.
        pooled: show pooled scores and averages weighted by genes in the text; the files hold them in any case.
        join: take all runs of the same architecture as one model with the folds of all of them.
        bootstrap: resamples per fold; 0 for no intervals.
        seed: of the resamples.

    Raises:
        MissingFile, ModelMismatch, BadTable: a run or a table is not there or not whole.
        UnknownGene: a table holds no gene with a target.
        OneClass: the scored genes of a fold are all of one class, or expressed alike.
        BadOption: no model has a fold of that name, or ``against`` names no model.
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
                # Both must lie on the disk before one takes its name.
                handle.flush()
    return result


def _warn_of_differences(candidates: list[Candidate]) -> None:
    """Say when models stand side by side that were scored on different genes."""
    firsts: dict[tuple[str, tuple[str, ...]], Candidate] = {}
    for candidate in candidates:
        first = firsts.setdefault((candidate.task, tuple(sorted(candidate.parts))), candidate)
        if _genes(candidate) != _genes(first):
            logger.warning("%s and %s are scored on different genes or folds", first.name, candidate.name)


def _genes(candidate: Candidate) -> dict[str, list[tuple[str, str]]]:
    """Give the genes that each fold scores."""
    return {fold: candidate.genes_of(fold) for fold in candidate.folds}
