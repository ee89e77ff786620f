"""Compute the metrics of one model: by fold, averaged over folds in several ways, and by seed.

In: a model's predictions. Out: metrics, and their values in bootstrap draws of the genes.
"""

import math
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kanseq.evaluation.candidates import Candidate
from kanseq.evaluation.class_metrics import resampled_classes, score_classes
from kanseq.evaluation.expression_metrics import EXPRESSION_METRICS, resampled_expression, score_expression
from kanseq.evaluation.fold_predictions import Gene, Predicted
from kanseq.evaluation.metrics import METRICS, draw, interval, resampled, score

METRICS_OF = {"binary": METRICS, "multiclass": METRICS, "regression": EXPRESSION_METRICS}
"""The metrics of each task."""


class Value(NamedTuple):
    """The value of a metric and the bounds of its 95 % confidence interval (None if they cannot be computed)."""

    value: float
    low: float | None
    high: float | None


class Scored(NamedTuple):
    """All metrics of one fold or of an average, and their bootstrap draws.

    Attributes:
        values: metric -> value.
        draws: metric -> its value in each bootstrap draw, float64 ``(times,)``.
        is_difference: whether the values are differences of metrics.
    """

    values: dict[str, float]
    draws: dict[str, np.ndarray]
    is_difference: bool = False

    def shown(self, name: str) -> Value:
        """Return the metric ``name`` with its percentile interval.

        Some genes occur several times in a bootstrap draw. This increases the calibration error (ECE), as if there were
        fewer genes. The draws of the ECE are therefore shifted to make their mean equal to the value.
        """
        value, draws = self.values[name], self.draws[name]
        if name == "ECE" and np.isfinite(draws).any():
            draws = draws - np.nanmean(draws) + value
            draws = draws if self.is_difference else np.maximum(draws, 0.0)
        low, high = interval(draws)
        return Value(value, None if math.isnan(low) else low, None if math.isnan(high) else high)

    def less(self, other: "Scored") -> "Scored":
        """Return these metrics minus those of ``other``, also for each draw. Both must have the same draws."""
        values = {name: value - other.values[name] for name, value in self.values.items()}
        return Scored(values, {name: drawn - other.draws[name] for name, drawn in self.draws.items()}, True)


class FoldScore(NamedTuple):
    """The score of one fold.

    Attributes:
        scored: the metrics, averaged over seeds and conditions.
        genes: number of genes that are scored in at least one condition.
        high: number of genes labelled high; None for three or more classes, several conditions, and regression.
        seeds: number of seeds.
        species: the species of all genes; None if there are several species.
    """

    scored: Scored
    genes: int
    high: int | None
    seeds: int
    species: str | None


class ModelScore(NamedTuple):
    """All scores of one model.

    Attributes:
        folds: the score of each fold.
        mean: the mean over folds, the primary result. All folds have the same weight, whatever their size and species.
        weighted: the mean over folds, weighted by the number of genes in each fold.
        species: species -> mean over its folds. Empty if there is only one species, or if a fold has several species.
        mean_of_species: the mean over ``species``; None if ``species`` is empty.
        pooled: metrics over the genes of all folds together, as if one model had predicted them.
        by_seed: seed -> metric -> mean over folds, for the seeds that all folds have.
    """

    folds: dict[str, FoldScore]
    mean: Scored
    weighted: Scored
    species: dict[str, Scored]
    mean_of_species: Scored | None
    pooled: Scored
    by_seed: dict[int, dict[str, float]]

    @property
    def genes(self) -> int:
        """Number of scored genes, summed over folds."""
        return sum(fold.genes for fold in self.folds.values())

    def folds_of(self, species: str) -> list[FoldScore]:
        """Return the scores of the folds that contain genes of this species only."""
        return [fold for fold in self.folds.values() if fold.species == species]


def score_candidate(candidate: Candidate, bootstrap: int, seed: int) -> ModelScore:
    """Compute all scores of one model.

    For the bootstrap, genes are drawn with replacement within each fold. The random numbers depend only on ``seed`` and
    the fold's name, so models with the same genes get the same draws. Folds with exactly the same test genes use the
    same draws (those of the fold that is first by name), because five scores on one test set are no more evidence than
    one score. A draw is the same for all seeds and for all conditions of a gene, and scores are averaged over
    seeds and conditions within a draw. Intervals therefore reflect only the choice of genes.

    Args:
        candidate: the model and its predictions.
        bootstrap: number of bootstrap draws.
        seed: seed of the draws.
    """
    drawn = _draw(candidate, bootstrap, seed)
    scored = {fold: _score_fold(candidate, fold, drawn[fold]) for fold in candidate.folds}
    folds = {fold: _described(candidate, fold, _mean_of_seeds(found)) for fold, found in scored.items()}
    every = [fold.scored for fold in folds.values()]
    names = [fold.species for fold in folds.values()]
    several = len(set(names)) > 1 and None not in names
    species = {
        str(name): average([fold.scored for fold in folds.values() if fold.species == name])
        for name in (dict.fromkeys(names) if several else ())
    }
    return ModelScore(
        folds,
        average(every),
        average(every, [fold.genes for fold in folds.values()]),
        species,
        average(list(species.values())) if species else None,
        average([_pooled(candidate, condition, drawn) for condition in candidate.parts]),
        {one: _mean_values([part[one] for found in scored.values() for part in found]) for one in candidate.seeds},
    )


def mean_over_folds(candidate: Candidate, bootstrap: int, seed: int) -> Scored:
    """Compute the mean over folds in the same way as :func:`score_candidate`, without the other scores."""
    drawn = _draw(candidate, bootstrap, seed)
    return average([_mean_of_seeds(_score_fold(candidate, fold, drawn[fold])) for fold in candidate.folds])


def same_tests(candidate: Candidate) -> list[list[str]]:
    """Return groups of folds with exactly the same test genes. Names are sorted in groups, and groups by first name."""
    groups: dict[tuple[Gene, ...], list[str]] = {}
    for fold in sorted(candidate.folds):
        groups.setdefault(tuple(candidate.genes_of(fold)), []).append(fold)
    return list(groups.values())


def _draw(candidate: Candidate, bootstrap: int, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Draw genes for the bootstrap; return the counts of each gene, ``(bootstrap, n)``, by fold and condition."""
    drawn = {}
    for folds in same_tests(candidate):
        genes = candidate.genes_of(folds[0])
        counts = draw(len(genes), bootstrap, [seed, zlib.crc32(folds[0].encode())])
        column = {gene: at for at, gene in enumerate(genes)}
        for fold in folds:
            drawn[fold] = {
                condition: counts[:, [column[gene] for gene in part[fold].genes]]
                for condition, part in candidate.parts.items()
            }
    return drawn


def _score_fold(candidate: Candidate, fold: str, drawn: dict[str, np.ndarray]) -> list[dict[int, Scored]]:
    """Return the scores of a fold: for each condition, a dictionary from seed to score."""
    predicted = {condition: part[fold] for condition, part in candidate.parts.items()}
    return [
        {number: _score(one, at, drawn[condition], candidate.task) for at, number in enumerate(one.seeds)}
        for condition, one in predicted.items()
    ]


def _mean_of_seeds(scored: list[dict[int, Scored]]) -> Scored:
    """Average a fold's scores (for each condition, seed -> score) over seeds, then over conditions."""
    return average([average(list(of_condition.values())) for of_condition in scored])


def _described(candidate: Candidate, fold: str, scored: Scored) -> FoldScore:
    """Return a fold's score, together with its numbers of genes, high genes and seeds, and its species."""
    predicted = [part[fold] for part in candidate.parts.values()]
    is_plain = len(predicted) == 1 and candidate.task == "binary"
    high = int(predicted[0].targets.sum()) if is_plain else None
    species = {one.species for one in predicted}
    genes, seeds = len(candidate.genes_of(fold)), len(predicted[0].seeds)
    return FoldScore(scored, genes, high, seeds, species.pop() if len(species) == 1 else None)


def average(scored: Sequence[Scored], weights: Sequence[int] | None = None) -> Scored:
    """Return the mean of several scores (weighted unless ``weights`` is None), for each metric and for each draw."""
    names = scored[0].values
    values = {name: float(_mean([one.values[name] for one in scored], weights)) for name in names}
    return Scored(values, {name: _mean([one.draws[name] for one in scored], weights) for name in names})


def _mean(rows: Sequence[float] | Sequence[np.ndarray], weights: Sequence[int] | None) -> np.ndarray:
    """Return the mean of ``rows`` over the first axis, weighted unless ``weights`` is None."""
    return np.mean(rows, axis=0) if weights is None else np.asarray(weights, dtype=np.float64) @ rows / sum(weights)


def _mean_values(scored: list[Scored]) -> dict[str, float]:
    """Return the mean of each metric over several scores, ignoring their bootstrap draws."""
    return {name: float(np.mean([one.values[name] for one in scored])) for name in scored[0].values}


def _pooled(candidate: Candidate, condition: str, drawn: dict[str, dict[str, np.ndarray]]) -> Scored:
    """Score the genes of all folds together in one condition, as if predicted by one model, and average over seeds."""
    part = candidate.parts[condition]
    counts = np.concatenate([drawn[fold][condition] for fold in part], axis=1)
    scored = []
    for at in range(min(len(fold.seeds) for fold in part.values())):
        columns = [(fold.targets, fold.logits[at], fold.probabilities[at], fold.called[at]) for fold in part.values()]
        targets, logits, probabilities, called = (np.concatenate(column) for column in zip(*columns, strict=True))
        has_threshold = np.array([all(fold.has_threshold[at] for fold in part.values())])
        together = Predicted([], targets, (0,), logits[None], probabilities[None], called[None], has_threshold)
        scored.append(_score(together, 0, counts, candidate.task))
    return average(scored)


def _score(predicted: Predicted, at: int, drawn: np.ndarray, task: str) -> Scored:
    """Score the predictions of the seed at position ``at``: for all genes once, and for each bootstrap draw."""
    targets, logits = predicted.targets, predicted.logits[at]
    if task == "regression":
        return Scored(score_expression(targets, logits), resampled_expression(targets, logits, drawn))
    probabilities, called = predicted.probabilities[at], predicted.called[at]
    if task == "multiclass":
        return Scored(
            score_classes(targets, logits, probabilities, called),
            resampled_classes(targets, logits, probabilities, drawn, called),
        )
    return Scored(
        score(targets, logits, probabilities, called), resampled(targets, logits, probabilities, drawn, called)
    )
