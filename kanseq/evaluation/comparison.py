"""Compare models with a reference model: differences in all metrics on the same genes, and DeLong's test.

In: predictions and scores of all models. Out: for each model, its differences from the reference model.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kanseq.errors import BadOption
from kanseq.evaluation.candidates import Candidate
from kanseq.evaluation.delong import DeLong, combined, delong
from kanseq.evaluation.fold_predictions import Predicted, varies
from kanseq.evaluation.scoring import ModelScore, Scored, mean_over_folds, same_tests
from kanseq.io.files import some
from kanseq.runs.parts import BASELINES

logger = logging.getLogger(__name__)

SAME = 1e-6
"""Targets that differ by less than this are treated as equal."""


class Comparison(NamedTuple):
    """Differences in score between two models (``model`` minus ``against``), on the genes that both are scored on.

    Attributes:
        model, against: names of the two models.
        scored: for each metric, the difference between the models' means over folds; also for each bootstrap draw.
        folds: number of compared folds.
        genes: number of compared genes (those in at least one condition), summed over folds.
        left_out: numbers of genes of ``model`` and of ``against`` that are not compared, because the other model has no
            score or a different target for them in that fold, or because only one class would be left in the fold.
        delong_folds, delong: DeLong's test for each fold and for the mean over folds; empty and None for three or more
            classes, several conditions, and regression.
    """

    model: str
    against: str
    scored: Scored
    folds: int
    genes: int
    left_out: tuple[int, int]
    delong_folds: dict[str, DeLong]
    delong: DeLong | None


def compare_all(
    candidates: Sequence[Candidate],
    scores: Sequence[ModelScore],
    *,
    against: str | None = None,
    bootstrap: int = 1000,
    seed: int = 0,
) -> list[Comparison]:
    """Compare each model with a reference model.

    Two models are compared only on genes for which both have a score in the same fold and with the same target.
    Otherwise, a difference could be due to the genes instead of the models. Genes that are left out are counted.

    Args:
        candidates, scores: the models and their scores.
        against: the reference model, specified by the name of its row, by its model or by its run; by default the
            task's baseline (``kmer-logistic``, for expression ``kmer-ridge``) or, if it is missing, the first model.
        bootstrap, seed: number and seed of the bootstrap draws; the same as for ``scores``.

    Raises:
        BadOption: ``against`` does not name a model.
    """
    pool = _references(candidates, against)
    found = []
    for at, candidate in enumerate(candidates):
        fitting = [other for other in pool if other != at and _is_comparable(candidate, candidates[other])]
        if at in pool or not fitting:
            continue
        pairs = {other: _shared(candidate, candidates[other]) for other in fitting}
        # Choose the reference that has the most genes in common with the model; in a tie, the first.
        best = max(fitting, key=lambda other: len(_compared(pairs[other][0])))
        if not pairs[best][0].parts:
            logger.warning("%s and %s share no genes that can be compared", candidate.name, candidates[best].name)
            continue
        found.append(_compare(candidate, candidates[best], pairs[best], (scores[at], scores[best]), bootstrap, seed))
    return found


def _references(candidates: Sequence[Candidate], against: str | None) -> list[int]:
    """Return the positions in ``candidates`` of possible reference models; for ``against``, see :func:`compare_all`."""
    everyone = range(len(candidates))
    alone = [at for at in everyone if not candidates[at].members]
    if against is None:
        found = [at for at in alone if candidates[at].model == BASELINES[candidates[at].task]]
        for task in BASELINES:
            of_task = [at for at in alone if candidates[at].task == task]
            if of_task and not set(of_task) & set(found):
                found += [at for at in of_task if candidates[at].family == candidates[of_task[0]].family]
        return found
    exact = [at for at in everyone if candidates[at].name == against]
    path = Path(against).absolute()
    named = [at for at in alone if against in (candidates[at].family, candidates[at].model)]
    placed = [at for at in alone if candidates[at].path.absolute() == path]
    # The path of a run means its model, not the baseline inside the run.
    placed = [at for at in placed if candidates[at].family == candidates[placed[0]].family]
    found = exact or placed or named
    if not found:
        there = some([candidate.name for candidate in candidates], 20)
        raise BadOption(f"--against '{against}': there is no such model", hint=f"choose from {there}")
    return found


def _is_comparable(one: Candidate, other: Candidate) -> bool:
    """Return whether two models have the same task, classes and conditions (``*`` matches any single condition)."""
    alone = len(one.parts) == len(other.parts) == 1
    unnamed = "*" in one.parts or "*" in other.parts
    same = (one.task, one.classes) == (other.task, other.classes)
    return same and (set(one.parts) == set(other.parts) or (alone and unnamed))


def _shared(one: Candidate, other: Candidate) -> tuple[Candidate, Candidate]:
    """Restrict two models to the genes that both are scored on; ``parts`` is empty if there are no such genes."""
    parts: tuple[dict[str, dict[str, Predicted]], ...] = ({}, {})
    for name, one_part in one.parts.items():
        other_name = name if name in other.parts else next(iter(other.parts))
        other_part = other.parts[other_name]
        cut: tuple[dict[str, Predicted], ...] = ({}, {})
        for fold in one_part:
            if fold not in other_part:
                continue
            rows, other_rows = _same_genes(one_part[fold], other_part[fold])
            if varies(one_part[fold].targets[rows], one.task):
                cut[0][fold], cut[1][fold] = one_part[fold].only(rows), other_part[fold].only(other_rows)
        parts[0][name], parts[1][other_name] = cut
    # Conditions are averaged fold by fold, so only folds that all conditions have can be used.
    common = set.intersection(*(set(part) for part in parts[0].values()))
    for side in parts:
        for name in side:
            side[name] = {fold: predicted for fold, predicted in side[name].items() if fold in common}
    if not common:
        return one._replace(parts={}), other._replace(parts={})
    return one._replace(parts=parts[0]), other._replace(parts=parts[1])


def _same_genes(one: Predicted, other: Predicted) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers in ``one`` and in ``other`` of the genes that have the same target in both."""
    row_of = {gene: row for row, gene in enumerate(other.genes)}
    rows = np.array([row for row, gene in enumerate(one.genes) if gene in row_of], dtype=np.int64)
    other_rows = np.array([row_of[one.genes[row]] for row in rows], dtype=np.int64)
    same = np.abs(one.targets[rows] - other.targets[other_rows]) < SAME
    return rows[same], other_rows[same]


def _compared(candidate: Candidate) -> set[tuple[str, tuple[str, str]]]:
    """Return the genes that a model is scored on, as pairs of fold and gene."""
    if not candidate.parts:
        return set()
    return {(fold, gene) for fold in candidate.folds for gene in candidate.genes_of(fold)}


def _compare(
    one: Candidate,
    other: Candidate,
    shared: tuple[Candidate, Candidate],
    scores: tuple[ModelScore, ModelScore],
    bootstrap: int,
    seed: int,
) -> Comparison:
    """Compare the scores of two models. If they are scored on different genes, score them again on the shared genes."""
    genes = len(_compared(shared[0]))
    left_out = (len(_compared(one)) - genes, len(_compared(other)) - genes)
    if _rows(one) == _rows(shared[0]) and _rows(other) == _rows(shared[1]):
        first, second = (score.mean for score in scores)
    else:
        first, second = (mean_over_folds(candidate, bootstrap, seed) for candidate in shared)
    tests, of_mean = _tests(*shared) if one.task == "binary" and len(one.parts) == 1 else ({}, None)
    return Comparison(
        one.name,
        other.name,
        first.less(second),
        len(shared[0].folds),
        genes,
        left_out,
        tests,
        of_mean,
    )


def _tests(one: Candidate, other: Candidate) -> tuple[dict[str, DeLong], DeLong]:
    """Run DeLong's test for each fold and for the mean over folds.

    For the mean, folds with the same test genes are treated like several seeds of one fold.
    """
    (one_part,), (other_part,) = one.parts.values(), other.parts.values()
    tests = {fold: delong(one_part[fold].targets, one_part[fold].logits, other_part[fold].logits) for fold in one_part}
    groups: list[list[str]] = []
    for folds in same_tests(one):
        # Expression quartiles are computed per fold, so a gene may have different labels in different folds.
        same_targets = all(np.array_equal(one_part[folds[0]].targets, one_part[fold].targets) for fold in folds)
        groups += [folds] if same_targets else [[fold] for fold in folds]
    of_groups = []
    for folds in groups:
        sides = [np.concatenate([side[fold].logits for fold in folds]) for side in (one_part, other_part)]
        alone = len(folds) == 1
        of_groups.append(tests[folds[0]] if alone else delong(one_part[folds[0]].targets, *sides))
    return tests, combined(of_groups, [len(folds) for folds in groups])


def _rows(candidate: Candidate) -> int:
    """Return the number of genes that a model is scored on, summed over folds and conditions."""
    return sum(len(fold.genes) for part in candidate.parts.values() for fold in part.values())
