"""Scores of one model: per fold, averaged over folds in several ways, and seed by seed, each with its bootstrap draws.

In: a model's predictions. Out: metrics, and the same in every resample of the genes.
"""

import math
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kanseq.training.candidates import Candidate
from kanseq.training.class_metrics import resampled_classes, score_classes
from kanseq.training.expression_metrics import EXPRESSION_METRICS, resampled_expression, score_expression
from kanseq.training.metrics import METRICS, draw, interval, resampled, score
from kanseq.training.predicted import Gene, Predicted

METRICS_OF = {"binary": METRICS, "multiclass": METRICS, "regression": EXPRESSION_METRICS}
"""What a task is scored by."""


class Value(NamedTuple):
    """A metric's value and the ends of its 95 % interval; None where these cannot be told."""

    value: float
    low: float | None
    high: float | None


class Scored(NamedTuple):
    """Metrics of one fold, or of an average.

    Attributes:
        values: metric -> value.
        draws: metric -> its value in every resample, float64 ``(times,)``.
        is_difference: whether these are differences of metrics.
    """

    values: dict[str, float]
    draws: dict[str, np.ndarray]
    is_difference: bool = False

    def shown(self, name: str) -> Value:
        """Give a metric with its percentile interval.

        A resample repeats genes, which moves the calibration error up as a smaller sample does; its draws are moved
        back by as much as their mean lies off the value.
        """
        value, draws = self.values[name], self.draws[name]
        if name == "ECE" and np.isfinite(draws).any():
            draws = draws - np.nanmean(draws) + value
            draws = draws if self.is_difference else np.maximum(draws, 0.0)
        low, high = interval(draws)
        return Value(value, None if math.isnan(low) else low, None if math.isnan(high) else high)

    def less(self, other: "Scored") -> "Scored":
        """Subtract what was scored on the same draws."""
        values = {name: value - other.values[name] for name, value in self.values.items()}
        return Scored(values, {name: drawn - other.draws[name] for name, drawn in self.draws.items()}, True)


class FoldScore(NamedTuple):
    """A fold's score.

    Attributes:
        scored: the mean over seeds and conditions.
        genes: how many genes are scored, in any condition.
        high: how many of them are high; None for several classes or conditions, and for regression.
        seeds: how many seeds there are.
        species: the species of all its genes; None where there are several.
    """

    scored: Scored
    genes: int
    high: int | None
    seeds: int
    species: str | None


class ModelScore(NamedTuple):
    """All scores of one model.

    Attributes:
        folds: each fold's.
        mean: the mean over folds, each fold once, whatever its size and species: the primary number.
        weighted: the mean over folds, each as often as it has genes.
        species: where folds lie in several species each one's mean over its folds; else empty.
        mean_of_species: the mean of those; None where there are none.
        pooled: all genes as if one model had scored them.
        by_seed: for each seed that all folds have its mean over folds, metric -> value.
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
        """Genes of all folds."""
        return sum(fold.genes for fold in self.folds.values())

    def folds_of(self, species: str) -> list[FoldScore]:
        """The folds of one species."""
        return [fold for fold in self.folds.values() if fold.species == species]


def score_candidate(candidate: Candidate, bootstrap: int, seed: int) -> ModelScore:
    """Score one model in every way.

    Within each fold the genes are drawn with replacement, by random numbers that depend on ``seed`` and the fold's name
    alone: models with the same genes meet the same draws. Folds that score the very same genes share their draws, those
    of the first of them by name: five scores of one test are no more evidence than one. A gene is drawn with all its
    conditions and for all seeds at once; the scores of seeds and conditions are averaged within a draw, so that
    intervals tell of genes alone.

    Args:
        candidate: its predictions.
        bootstrap: draws.
        seed: of the draws.
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
    """Give the mean over folds alone, as :func:`score_candidate` does."""
    drawn = _draw(candidate, bootstrap, seed)
    return average([_mean_of_seeds(_score_fold(candidate, fold, drawn[fold])) for fold in candidate.folds])


def same_tests(candidate: Candidate) -> list[list[str]]:
    """Put folds together that score the very same genes: their names, sorted in each group, groups by their first."""
    groups: dict[tuple[Gene, ...], list[str]] = {}
    for fold in sorted(candidate.folds):
        groups.setdefault(tuple(candidate.genes_of(fold)), []).append(fold)
    return list(groups.values())


def _draw(candidate: Candidate, bootstrap: int, seed: int) -> dict[str, dict[str, np.ndarray]]:
    """Say for each fold and condition how often each gene is drawn."""
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
    """Score a fold for each condition and seed."""
    predicted = {condition: part[fold] for condition, part in candidate.parts.items()}
    return [
        {number: _score(one, at, drawn[condition], candidate.task) for at, number in enumerate(one.seeds)}
        for condition, one in predicted.items()
    ]


def _mean_of_seeds(scored: list[dict[int, Scored]]) -> Scored:
    """Average seeds, then conditions."""
    return average([average(list(of_condition.values())) for of_condition in scored])


def _described(candidate: Candidate, fold: str, scored: Scored) -> FoldScore:
    """Put a fold's score beside what it was scored on."""
    predicted = [part[fold] for part in candidate.parts.values()]
    is_plain = len(predicted) == 1 and candidate.task == "binary"
    high = int(predicted[0].targets.sum()) if is_plain else None
    species = {one.species for one in predicted}
    genes, seeds = len(candidate.genes_of(fold)), len(predicted[0].seeds)
    return FoldScore(scored, genes, high, seeds, species.pop() if len(species) == 1 else None)


def average(scored: Sequence[Scored], weights: Sequence[int] | None = None) -> Scored:
    """Average metrics, and draws draw by draw."""
    names = scored[0].values
    values = {name: float(_mean([one.values[name] for one in scored], weights)) for name in names}
    return Scored(values, {name: _mean([one.draws[name] for one in scored], weights) for name in names})


def _mean(rows: Sequence[float] | Sequence[np.ndarray], weights: Sequence[int] | None) -> np.ndarray:
    """Average over the first axis."""
    return np.mean(rows, axis=0) if weights is None else np.asarray(weights, dtype=np.float64) @ rows / sum(weights)


def _mean_values(scored: list[Scored]) -> dict[str, float]:
    """Average metrics without their draws."""
    return {name: float(np.mean([one.values[name] for one in scored])) for name in scored[0].values}


def _pooled(candidate: Candidate, condition: str, drawn: dict[str, dict[str, np.ndarray]]) -> Scored:
    """Score all folds' genes of one condition as if one model had scored them, seed by seed."""
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
    """Score one seed's predictions as they are, and in every draw."""
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
