"""``kanseq evaluate``: score runs on the genes that they held out, and stand them side by side.

In: runs or tables of predictions. Out: metrics per fold, as mean over folds and pooled, with bootstrap intervals.
"""

import json
import logging
import math
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.errors import BadOption, OneClass, UnknownGene
from kanseq.files import PathLike, check_output, some, whole_text
from kanseq.training.comparison import Candidate, comparison_text, load_candidates, named_apart
from kanseq.training.metrics import METRICS, draw, interval, resampled, score
from kanseq.training.runs import BASELINE
from kanseq.training.tasks import CLASSES

logger = logging.getLogger(__name__)

POOLED_NOTE = "pooled scores mix the scales of different folds' models; the mean over folds is the primary number"

Values = dict[str, float | None]
"""A metric's ``value``, and ``low`` and ``high`` of its 95 % interval."""


class Evaluation(NamedTuple):
    """What an evaluation found.

    Attributes:
        models: for each model ``name``, ``folds`` (a list of ``fold, seeds, n, high`` and the metrics), ``mean`` and
            ``pooled``; a metric is ``{"value", "low", "high"}`` with a 95 % bootstrap interval.
        comparisons: for each model that is scored on the same genes as a ``kmer-logistic`` (or as the first model,
            where there is none) the difference of their mean auROC, with a paired 95 % interval.
        text: the table of all models, aligned.
    """

    models: list[dict[str, object]]
    comparisons: list[dict[str, object]]
    text: str


class _Scored(NamedTuple):
    """One fold, or the mean of several: the metrics, and their values in every draw."""

    values: dict[str, float]
    draws: dict[str, np.ndarray]


def evaluate(
    runs: PathLike | Sequence[PathLike],
    *,
    output: PathLike | None = None,
    table: PathLike | None = None,
    folds: Sequence[str] = (),
    bootstrap: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Score held-out genes: per fold, as mean over folds (the primary number), and pooled.

    Every gene with a target counts, and only by models that did not see it. Intervals are percentiles over resamples of
    the genes within each fold (Efron 1979); the same genes are drawn for all models, so that differences are paired.
    Several seeds of one fold are scored one by one and averaged.

    Args:
        runs: runs, or tables of predictions that carry targets; each run's ``kmer-logistic`` is scored beside it.
        output: where the metrics go as JSON; ``-`` is standard output.
        table: where they go tab-separated, a line per model and fold.
        folds: score these folds only.
        bootstrap: resamples per fold; 0 for no intervals.
        seed: of the resamples.

    Raises:
        MissingFile, ModelMismatch, BadTable: a run or a table is not there or not whole.
        UnknownGene: a table holds no gene with a target.
        OneClass: the scored genes of a fold are all low or all high.
        BadOption: no model has a fold of that name.
    """
    paths = [runs] if isinstance(runs, (str, Path)) or not isinstance(runs, Sequence) else list(runs)
    check_output(output, table, inputs=paths)
    if bootstrap < 0:
        raise BadOption(f"bootstrap is {bootstrap}", mend="it must be at least 0")
    candidates = [_chosen(candidate, folds) for candidate in named_apart(load_candidates(paths))]
    _warn_of_differences(candidates)
    models, means = [], []
    for candidate in candidates:
        model, mean = _evaluate_one(candidate, bootstrap, seed)
        models.append(model)
        means.append(mean)
    comparisons = _compare(candidates, means)
    result = Evaluation(models, comparisons, comparison_text(models, comparisons))
    described = {"format": 1, "bootstrap": bootstrap, "seed": seed, "note": POOLED_NOTE}
    content = {**described, "models": models, "comparisons": comparisons}
    texts = ((table, _tabular(models)), (output, json.dumps(content, indent=2, allow_nan=False) + "\n"))
    with ExitStack() as outputs:
        for path, text in texts:
            if path is not None:
                handle = outputs.enter_context(whole_text(path))
                handle.write(text)
                # Both must lie on the disk before one takes its name.
                handle.flush()
    return result


def _chosen(candidate: Candidate, folds: Sequence[str]) -> Candidate:
    """Keep the folds that are asked for, and their genes with a target."""
    missing = [name for name in folds if name not in candidate.folds]
    if missing:
        there = some(list(candidate.folds), 20)
        raise BadOption(f"{candidate.name} has no fold '{missing[0]}'", mend=f"it has {there}")
    kept = {}
    for fold in folds or candidate.folds:
        kept[fold] = [_scorable(table, fold, candidate) for table in candidate.folds[fold]]
    return candidate._replace(folds=kept)


def _scorable(table: pd.DataFrame, fold: str, candidate: Candidate) -> pd.DataFrame:
    """Keep the genes with a target that the fold tested, in the order of their names."""
    if (table["role"] == "seen").any():
        logger.warning("%s: genes that the model was trained on are left out of the score", candidate.name)
    rows = table[table["target"].notna() & ~table["role"].isin(("unused", "seen", "train", "tune"))]
    if rows.empty:
        raise UnknownGene(
            f"fold '{fold}' of {candidate.name} holds no gene with a target",
            where=candidate.path,
            mend="evaluate the run itself, or predict a set that carries labels",
        )
    if rows["target"].nunique() < 2:
        kind = CLASSES[int(rows["target"].iloc[0])]
        raise OneClass(
            f"fold '{fold}' of {candidate.name}: all {len(rows):,} scored genes are labelled {kind}",
            where=candidate.path,
            mend="name the other folds with --fold",
        )
    return rows.sort_values(["species", "id"], kind="stable").reset_index(drop=True)


def _warn_of_differences(candidates: list[Candidate]) -> None:
    """Say when models stand side by side that were scored on different genes."""
    first = candidates[0]
    for other in candidates[1:]:
        if genes_of(other) != genes_of(first):
            logger.warning("%s and %s are scored on different genes or folds", first.name, other.name)


def genes_of(candidate: Candidate) -> dict[str, list[tuple[str, str]]]:
    """Give the genes that a model is scored on, by fold."""
    return {
        fold: list(zip(tables[0]["species"], tables[0]["id"], strict=True)) for fold, tables in candidate.folds.items()
    }


def _evaluate_one(candidate: Candidate, bootstrap: int, seed: int) -> tuple[dict[str, object], _Scored]:
    """Score one model; gives its entry, and its mean over folds with all draws."""
    scored, lines, drawn = [], [], {}
    for fold, tables in candidate.folds.items():
        genes = len(tables[0])
        drawn[fold] = draw(genes, bootstrap, [seed, zlib.crc32(fold.encode())])
        of_fold = _average([_score_table(table, _fitting(drawn[fold], table)) for table in tables])
        high = int(tables[0]["target"].sum())
        lines.append({"fold": fold, "seeds": len(tables), "n": genes, "high": high, **_shown(of_fold)})
        scored.append(of_fold)
    mean = _average(scored)
    together = {"n": sum(line["n"] for line in lines), "high": sum(line["high"] for line in lines)}
    entry = {
        "name": candidate.name,
        "folds": lines,
        "mean": {**together, **_shown(mean)},
        "pooled": {**together, **_shown(_pooled(candidate, drawn))},
    }
    return entry, mean


def _pooled(candidate: Candidate, drawn: dict[str, np.ndarray]) -> _Scored:
    """Score all folds' genes as if one model had scored them, seed by seed."""
    seeds = min(len(tables) for tables in candidate.folds.values())
    scored = []
    for at in range(seeds):
        tables = [tables[at] for tables in candidate.folds.values()]
        together = np.concatenate(
            [_fitting(drawn[fold], table) for fold, table in zip(candidate.folds, tables, strict=True)], axis=1
        )
        scored.append(_score_table(pd.concat(tables, ignore_index=True), together))
    return _average(scored)


def _fitting(drawn: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """Insist that all seeds of a fold score the same number of genes."""
    if drawn.shape[1] != len(table):
        raise UnknownGene("the seeds of a fold are scored on different genes", mend="train them with the same labels")
    return drawn


def _score_table(table: pd.DataFrame, drawn: np.ndarray) -> _Scored:
    """Score one table as it is, and in every draw."""
    columns = tuple(table[name].to_numpy(dtype=np.float64) for name in ("target", "logit", "probability"))
    return _Scored(score(*columns), resampled(*columns, drawn))


def _average(scored: list[_Scored]) -> _Scored:
    """Average metrics, and draws draw by draw."""
    values = {name: float(np.mean([one.values[name] for one in scored])) for name in METRICS}
    return _Scored(values, {name: np.mean([one.draws[name] for one in scored], axis=0) for name in METRICS})


def _shown(scored: _Scored) -> dict[str, Values]:
    """Give each metric with its interval."""
    return {name: _with_interval(scored.values[name], scored.draws[name]) for name in METRICS}


def _with_interval(value: float, draws: np.ndarray) -> Values:
    """Join a value and its interval; what cannot be told is None."""
    low, high = interval(draws)
    return {"value": value, "low": None if math.isnan(low) else low, "high": None if math.isnan(high) else high}


def _compare(candidates: list[Candidate], means: list[_Scored]) -> list[dict[str, object]]:
    """Take the difference of each model's mean auROC to the reference's, draw by draw."""
    plain = [at for at, candidate in enumerate(candidates) if candidate.model == BASELINE]
    genes = [genes_of(candidate) for candidate in candidates]
    found = []
    for at, candidate in enumerate(candidates):
        same = [other for other in plain or [0] if other != at and genes[other] == genes[at]]
        if not same or at in plain:
            continue
        value = means[at].values["auROC"] - means[same[0]].values["auROC"]
        draws = means[at].draws["auROC"] - means[same[0]].draws["auROC"]
        against = candidates[same[0]].name
        found.append({"model": candidate.name, "against": against, "auROC": _with_interval(value, draws)})
    return found


def _tabular(models: list[dict[str, object]]) -> str:
    """Lay the metrics out as tab-separated text, a line per model and fold."""
    header = ["model", "fold", "n", *(f"{name}{part}" for name in METRICS for part in ("", "_low", "_high"))]
    lines = [header]
    for model in models:
        rows = [*model["folds"], {"fold": "mean", **model["mean"]}, {"fold": "pooled", **model["pooled"]}]  # type: ignore[misc,dict-item]
        for row in rows:
            numbers = [row[name][part] for name in METRICS for part in ("value", "low", "high")]
            shown = ["" if number is None else f"{number:.6g}" for number in numbers]
            lines.append([str(model["name"]), str(row["fold"]), str(row["n"]), *shown])
    return "".join("\t".join(line) + "\n" for line in lines)
