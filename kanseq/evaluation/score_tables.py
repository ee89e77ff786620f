"""Format scores as text, as a table and as JSON.

In: scores of all models and their differences. Out: an aligned table, a tab-separated table, and JSON objects.
"""

import statistics
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import pandas as pd

from kanseq.evaluation.candidates import Candidate
from kanseq.evaluation.comparison import Comparison
from kanseq.evaluation.delong import DeLong
from kanseq.evaluation.scoring import METRICS_OF, FoldScore, ModelScore, Scored, Value

Entry: TypeAlias = dict[str, object]
"""An object in ``metrics.json``: names, counts, and metrics as ``{"value", "low", "high"}``."""

WIDTH = 120
"""Maximum width of the aligned table, in characters."""

SHOWN = {
    "binary": ("auROC", "auPRC", "MCC", "accuracy", "F1", "Brier", "ECE"),
    "multiclass": ("auROC", "auPRC", "MCC", "accuracy", "F1", "Brier", "ECE"),
    "regression": ("Pearson", "Spearman", "R2", "RMSE", "MAE"),
}
"""Metrics in the columns of the aligned table, by task; the first is shown with its confidence interval."""

POOLED_NOTE = "pooled scores mix the scales of different folds' models; the mean over folds is the primary number"


class _TextRow(NamedTuple):
    """A row of the aligned table: model, counts, metrics, and the text of the last column.

    ``folds`` is None in rows that show differences between models.
    """

    name: str
    folds: int | None
    genes: int
    scored: Scored
    last: str = ""


def model_entry(candidate: Candidate, score: ModelScore) -> Entry:
    """Return the JSON object with all scores of one model, for ``metrics.json``."""
    sizes: Entry = {"n": score.genes}
    if None not in (highs := [fold.high for fold in score.folds.values()]):
        sizes["high"] = sum(high for high in highs if high is not None)
    entry: Entry = {
        "name": candidate.name,
        "model": candidate.model,
        "task": candidate.task,
        **({"classes": list(candidate.classes)} if candidate.classes else {}),
        "conditions": list(candidate.parts),
        "seeds": list(candidate.members or candidate.seeds),
        "ensemble": bool(candidate.members),
        "folds": [_fold_entry(name, fold) for name, fold in score.folds.items()],
        "mean": {**sizes, **_metrics(score.mean)},
        "spread": _spread(score),
        "weighted_by_genes": {**sizes, **_metrics(score.weighted)},
    }
    if score.mean_of_species is not None:
        entry["species"] = {
            name: {"folds": len(score.folds_of(name)), "n": _genes(score.folds_of(name)), **_metrics(scored)}
            for name, scored in score.species.items()
        }
        entry["mean_of_species"] = {**sizes, **_metrics(score.mean_of_species)}
    return {**entry, "pooled": {**sizes, **_metrics(score.pooled), "note": POOLED_NOTE}}


def comparison_entry(comparison: Comparison) -> Entry:
    """Return the JSON object with the differences between two models, for ``metrics.json``."""
    test = comparison.delong
    return {
        "model": comparison.model,
        "against": comparison.against,
        "folds": comparison.folds,
        "n": comparison.genes,
        "left_out": {"model": comparison.left_out[0], "against": comparison.left_out[1]},
        **_metrics(comparison.scored),
        "delong": test
        and {
            "difference": test.difference,
            "z": test.z,
            "p": test.p,
            "folds": [
                {"fold": fold, "difference": one.difference, "z": one.z, "p": one.p}
                for fold, one in comparison.delong_folds.items()
            ],
        },
    }


def scores_text(
    candidates: Sequence[Candidate], scores: Sequence[ModelScore], comparisons: Sequence[Comparison], pooled: bool
) -> str:
    """Return aligned tables of all scores, as text.

    The first table shows the means over folds. Below it are the scores of single seeds, differences between models,
    scores by species and, if ``pooled``, other averages.
    """
    lines: list[str] = []
    for task, shown in SHOWN.items():
        models = [(one, score) for one, score in zip(candidates, scores, strict=True) if one.task == task]
        if not models:
            continue
        rows = [
            _TextRow(one.name, len(score.folds), score.genes, score.mean, _deviation(score)) for one, score in models
        ]
        lines += ([""] if lines else []) + _aligned(
            "model", rows, shown, "± seeds" if any(r.last for r in rows) else ""
        )
        for one, score in models:
            if len(score.by_seed) > 1:
                values = ", ".join(f"{values[shown[0]]:.3f}" for values in score.by_seed.values())
                lines.append(f"{one.name}: {shown[0]} of the seeds {values}")
        lines += _differences([one for one in comparisons if one.model in {c.name for c, _ in models}], shown)
        if any(score.species for _, score in models):
            lines += ["", *_aligned("by species", _by_species(models), shown)]
        if pooled:
            kinds = (("weighted by genes", "weighted"), ("pooled", "pooled"))
            rows = [
                _TextRow(f"{one.name}, {kind}", len(score.folds), score.genes, getattr(score, field))
                for one, score in models
                for kind, field in kinds
            ]
            lines += ["", *_aligned("other averages", rows, shown), POOLED_NOTE]
    return "".join(line.rstrip() + "\n" for line in lines)


def scores_table(candidates: Sequence[Candidate], scores: Sequence[ModelScore]) -> pd.DataFrame:
    """Return the table ``metrics.tsv``: for each model, a row for each fold and a row for each average.

    The averages are ``mean``, ``weighted_by_genes`` and, as last row, ``pooled``. For several species, there are also
    ``species:NAME`` and ``mean_of_species``. Columns whose names end in ``_sd``, ``_min`` or ``_max`` describe the
    spread over seeds. They are filled only in the row ``mean``.
    """
    tasks = {candidate.task for candidate in candidates}
    metrics = list(dict.fromkeys(name for task, names in METRICS_OF.items() if task in tasks for name in names))
    parts = ("", "_low", "_high")
    spread = ("sd", "min", "max")
    header = ["model", "fold", "n", *(f"{name}{part}" for name in metrics for part in parts)]
    header += ["seeds", *(f"{name}_{part}" for name in metrics for part in spread)]
    lines = []
    for candidate, score in zip(candidates, scores, strict=True):
        rows = [(name, fold.genes, fold.scored, fold.seeds) for name, fold in score.folds.items()]
        rows.append(("mean", score.genes, score.mean, len(score.by_seed)))
        rows.append(("weighted_by_genes", score.genes, score.weighted, len(score.by_seed)))
        for name, scored in score.species.items():
            rows.append((f"species:{name}", _genes(score.folds_of(name)), scored, len(score.by_seed)))
        if score.mean_of_species is not None:
            rows.append(("mean_of_species", score.genes, score.mean_of_species, len(score.by_seed)))
        rows.append(("pooled", score.genes, score.pooled, len(score.by_seed)))
        for name, genes, scored, seeds in rows:
            values = [scored.shown(metric) if metric in scored.values else (None,) * 3 for metric in metrics]
            found = _spread(score) if name == "mean" else None
            over = [(found or {}).get(metric, {}) for metric in metrics]
            numbers = [number for value in values for number in value]
            numbers_of_seeds = [one.get(part) for one in over for part in spread]
            lines.append([candidate.name, name, genes, *numbers, seeds, *numbers_of_seeds])
    return pd.DataFrame(lines, columns=header)


def _fold_entry(name: str, fold: FoldScore) -> Entry:
    """Return the JSON object with the scores of a fold, for ``metrics.json``."""
    high = {} if fold.high is None else {"high": fold.high}
    species = {} if fold.species is None else {"species": fold.species}
    return {"fold": name, **species, "seeds": fold.seeds, "n": fold.genes, **high, **_metrics(fold.scored)}


def _metrics(scored: Scored) -> Entry:
    """Return each metric with its confidence interval, as JSON objects."""
    return {name: scored.shown(name)._asdict() for name in scored.values}


def _spread(score: ModelScore) -> dict[str, dict[str, float]] | None:
    """Return, for each metric, the spread over seeds of the mean over folds; None for a single seed.

    The spread is the standard deviation, minimum and maximum, and the value of each seed.
    """
    if len(score.by_seed) < 2:
        return None
    found = {}
    for name in score.mean.values:
        values = [one[name] for one in score.by_seed.values()]
        extremes = {"sd": statistics.stdev(values), "min": min(values), "max": max(values)}
        found[name] = {**extremes, "by_seed": {str(seed): one[name] for seed, one in score.by_seed.items()}}
    return found  # type: ignore[return-value]


def _deviation(score: ModelScore) -> str:
    """Return the standard deviation over seeds of auROC or Pearson's r, as text; empty for a single seed."""
    spread = _spread(score)
    return (
        "" if spread is None else f"{next(spread[name]['sd'] for name in ('auROC', 'Pearson') if name in spread):.3f}"
    )


def _genes(folds: Sequence[FoldScore]) -> int:
    """Return the number of scored genes, summed over ``folds``."""
    return sum(fold.genes for fold in folds)


def _by_species(models: Sequence[tuple[Candidate, ModelScore]]) -> list[_TextRow]:
    """Return the rows of the table of scores by species: for each model, one row per species and one for their mean."""
    rows = []
    for candidate, score in models:
        for name, scored in score.species.items():
            folds = score.folds_of(name)
            rows.append(_TextRow(f"{candidate.name}, {name}", len(folds), _genes(folds), scored))
        if score.mean_of_species is not None:
            name = f"{candidate.name}, mean of {len(score.species)} species"
            rows.append(_TextRow(name, len(score.folds), score.genes, score.mean_of_species))
    return rows


def _differences(comparisons: Sequence[Comparison], shown: Sequence[str]) -> list[str]:
    """Format differences in score as aligned tables, one for each reference model; return the lines."""
    lines: list[str] = []
    for against in dict.fromkeys(one.against for one in comparisons):
        mine = [one for one in comparisons if one.against == against]
        rows = [_TextRow(one.model, None, one.genes, one.scored, _probability(one.delong)) for one in mine]
        lines += ["", *_aligned(f"minus {against}", rows, shown, "DeLong p" if any(r.last for r in rows) else "", "+")]
        lines += [
            f"{one.model}: {one.left_out[0]:,} of its genes and {one.left_out[1]:,} of {against} are not compared"
            for one in mine
            if any(one.left_out)
        ]
    return lines


def _probability(test: DeLong | None) -> str:
    """Return the p-value of a test as text; empty if there is none."""
    if test is None or test.p is None:
        return ""
    if test.p >= 0.001:
        return f"{test.p:.3f}"
    return f"{test.p:.0e}" if test.p > 1e-300 else "<1e-300"


def _aligned(title: str, rows: Sequence[_TextRow], shown: Sequence[str], last: str = "", sign: str = "") -> list[str]:
    """Return the lines of an aligned table. A name that would make the table too wide is put on a separate line.

    Args:
        title: header of the column of names.
        rows: the rows below the header.
        shown: metrics to show; the first is shown with its confidence interval.
        last: header of the last column; if empty, there is no such column.
        sign: ``+`` to show a plus sign before positive numbers, else empty.
    """
    counts = ["genes"] if rows[0].folds is None else ["folds", "genes"]
    cells = [[title, *counts, f"{shown[0]} [95 %]", *shown[1:], *([last] if last else [])]]
    for row in rows:
        numbers = [_ranged(row.scored.shown(shown[0]), sign), *(f"{row.scored.values[n]:{sign}.3f}" for n in shown[1:])]
        counted = [f"{count:,}" for count in (row.folds, row.genes) if count is not None]
        cells.append([row.name, *counted, *numbers, *([row.last] if last else [])])
    widths = [max(len(line[at]) for line in cells) for at in range(len(cells[0]))]
    most = WIDTH - sum(widths[1:]) - 2 * (len(widths) - 1)
    short = [len(line[0]) for line in cells if len(line[0]) <= most]
    widths[0] = max(short, default=0)
    left = (0, 1 + len(counts))
    lines = []
    for line in cells:
        if len(line[0]) > most:
            lines.append(line[0])
            line[0] = ""
        pairs = list(zip(line, widths, strict=True))
        lines.append("  ".join(c.ljust(w) if at in left else c.rjust(w) for at, (c, w) in enumerate(pairs)))
    return lines


def _ranged(value: Value, sign: str) -> str:
    """Return a value and its confidence interval as text. If ``sign`` is ``+``, positive numbers have a plus sign."""
    shown = f"{value.value:{sign}.3f}"
    return shown if value.low is None else f"{shown} [{value.low:{sign}.3f}, {value.high:{sign}.3f}]"
