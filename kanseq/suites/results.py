"""Results of a benchmark: a row per data set and model, with confidence intervals over the test sequences.

In: the folders of data sets with their runs. Out: a table, which can also be formatted as Markdown.
"""

import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.evaluation.candidates import Candidate, load_candidates
from kanseq.evaluation.comparison import Comparison, compare_all
from kanseq.evaluation.scoring import ModelScore, score_candidate
from kanseq.models.registry import architecture, config_from_json
from kanseq.models.sizes import cost_of
from kanseq.runs.description import read_run
from kanseq.runs.parts import finished_parts, parts, read_done
from kanseq.suites.protocol import ABOUT
from kanseq.suites.published import PublishedScore

SHOWN = ("MCC", "accuracy", "auROC", "auPRC", "precision", "recall", "F1")
"""Metrics in the table of results; for several classes, precision, recall, F1 and the areas are means over classes."""

MAIN = "MCC"
"""The main metric, shown with its confidence interval, its difference from the baseline, and published values."""

MINUS = f"{MAIN}_minus_baseline"


class DataSetScores(NamedTuple):
    """The scores of one model on one data set.

    Attributes:
        candidate, score: the predictions for the test set, and their scores.
        fits: the main metric for each fold and seed.
    """

    candidate: Candidate
    score: ModelScore
    fits: list[float]


def results_of(
    folder: Path,
    names: Sequence[str],
    *,
    baseline: str | None,
    published: Mapping[str, PublishedScore],
    bootstrap: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return a table with the scores of all models on one data set.

    Intervals are percentiles over bootstrap resamples of the test sequences (Efron 1979); all folds with the same test
    set use the same resamples. The standard deviation is over all fits (folds times seeds), each scored on the complete
    test set.

    Args:
        folder: folder of the data set.
        names: names of the runs to score, which must be complete.
        baseline: name of the run that the others are compared with; None for no comparison.
        published: run -> its published score; runs without published scores are missing. If it is empty, the table has
            no column ``published_sd``.
        bootstrap, seed: number and seed of the resamples.

    Returns:
        A table with one row per model; see ``docs/genomic_kans.md`` for the columns.
    """
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    scores = {name: _scores(folder / name, bootstrap, seed) for name in names}
    differences = _differences(scores, baseline, folder, bootstrap, seed)
    rows = []
    for name in names:
        found, run = scores[name], folder / name
        done = [read_done(part.folder) or {} for part in finished_parts(run)]
        row: dict[str, object] = {
            "data_set": folder.name,
            "model": name,
            "classes": len(about["classes"]),
            "test": len(found.candidate.genes_of(found.candidate.folds[0])),
            "train": round(median(int(each["training_genes"]) for each in done)),
            "folds": len(found.candidate.folds),
            "seeds": len(found.candidate.seeds),
            "parameters": int(done[0]["parameters"]),
            "flops": _flops(run),
            "seconds_per_epoch": _seconds_per_epoch(run),
        }
        shown = found.score.mean.shown(MAIN)
        row |= {MAIN: shown.value, f"{MAIN}_sd": _deviation(found.fits)}
        row |= {f"{MAIN}_low": shown.low, f"{MAIN}_high": shown.high}
        row |= {metric: found.score.mean.values[metric] for metric in SHOWN if metric != MAIN}
        difference = differences.get(name)
        against = None if difference is None else difference.scored.shown(MAIN)
        row |= {
            MINUS: None if against is None else against.value,
            f"{MINUS}_low": None if against is None else against.low,
            f"{MINUS}_high": None if against is None else against.high,
            "published": published[name].mcc / 100 if name in published else None,
        }
        if published:
            sd = published[name].sd if name in published else None
            row["published_sd"] = None if sd is None else sd / 100
        rows.append(row)
    return pd.DataFrame(rows)


def table_text(table: pd.DataFrame) -> str:
    """Format the table of results as Markdown, with one section per data set."""
    lines = []
    for name, rows in table.groupby("data_set", sort=False):
        first = rows.iloc[0]
        fits = " × ".join(
            f"{first[f'{kind}s']} {kind}{'s' if first[f'{kind}s'] > 1 else ''}" for kind in ("fold", "seed")
        )
        lines.append(f"### {name}: {first['classes']} classes, {first['test']:,} test sequences, {fits}\n")
        header = ["model", "parameters", "MFLOPs", "s/epoch", f"{MAIN} ± sd [95 %]", "minus baseline", "published"]
        header += [metric for metric in SHOWN if metric != MAIN]
        lines += [_line(header), _line(["---", *["---:"] * (len(header) - 1)])]
        for row in rows.to_dict("records"):
            lines.append(_line(_cells(row)))
        lines.append("")
    return "\n".join(lines) + "\n"


def _cells(row: Mapping[str, float]) -> list[str]:
    """Format one row of the table of results as cells of the Markdown table."""
    return [
        f"`{row['model']}`",
        f"{row['parameters']:,}",
        "" if _is_none(row["flops"]) else f"{row['flops'] / 1e6:,.1f}",
        "" if _is_none(row["seconds_per_epoch"]) else f"{row['seconds_per_epoch']:.1f}",
        f"{row[MAIN]:.3f}{_plus_minus(row[f'{MAIN}_sd'])}{_range(row, MAIN)}",
        "" if _is_none(row[MINUS]) else f"{row[MINUS]:+.3f}{_range(row, MINUS, '+')}".replace("-", "−"),
        "" if _is_none(row["published"]) else f"{row['published']:.3f}{_plus_minus(row.get('published_sd'))}",
        *(f"{row[metric]:.3f}" for metric in SHOWN if metric != MAIN),
    ]


def _range(row: Mapping[str, float], name: str, sign: str = "") -> str:
    """Format the confidence interval of the column ``name``; empty if it is missing."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "" if _is_none(low) else f" [{low:{sign}.3f}, {high:{sign}.3f}]".replace("-", "−")


def _plus_minus(deviation: float | None) -> str:
    """Format a standard deviation as ``± 0.012``; empty if it is missing, as for a single fit."""
    return "" if _is_none(deviation) else f" ± {deviation:.3f}"


def _is_none(value: float | None) -> bool:
    """Return whether a number is missing (None, or NaN because tables convert None to NaN)."""
    return value is None or math.isnan(value)


def _line(cells: Sequence[str]) -> str:
    """Join cells to a line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def _scores(run: Path, bootstrap: int, seed: int) -> DataSetScores:
    """Score the predictions of a run: the mean over all folds and seeds, and each fold and seed separately."""
    (candidate,) = load_candidates([run])
    score = score_candidate(candidate, bootstrap, seed)
    fits = [
        score_candidate(_fit(candidate, fold, at), 0, seed).mean.values[MAIN]
        for fold in candidate.folds
        for at in range(len(candidate.seeds))
    ]
    return DataSetScores(candidate, score, fits)


def _flops(run: Path) -> int | None:
    """Return the floating-point operations per sequence of a run's network; None for a model without a network."""
    described = read_run(run)
    name = described.model
    cost = cost_of(architecture(name), config_from_json(name, described.config))
    return None if cost is None else cost.flops


def _fit(candidate: Candidate, fold: str, at: int) -> Candidate:
    """Return the candidate restricted to one fold, and to the seed at position ``at``."""
    parts = {condition: {fold: part[fold].seed_at(at)} for condition, part in candidate.parts.items()}
    return candidate._replace(parts=parts)


def _differences(
    scores: Mapping[str, DataSetScores], baseline: str | None, folder: Path, bootstrap: int, seed: int
) -> dict[str, Comparison]:
    """Compare all models with the baseline over the same resamples; return name -> comparison."""
    if baseline not in scores:
        return {}
    names = list(scores)
    candidates = [scores[name].candidate._replace(name=name, family=name) for name in names]
    found = compare_all(
        candidates,
        [scores[name].score for name in names],
        against=str(folder / str(baseline)),
        bootstrap=bootstrap,
        seed=seed,
    )
    return {one.model: one for one in found}


def _seconds_per_epoch(run: Path) -> float | None:
    """Return the median training time per epoch over all folds and seeds of a run; None for models without epochs."""
    times = []
    logs = [log for part in parts(run) if (log := part.folder / "log.jsonl").exists()]
    for log in logs:
        seconds = [0.0, *(json.loads(line)["seconds"] for line in log.read_text(encoding="utf-8").splitlines())]
        # The clock of a resumed training starts at 0 again.
        times += [after - before for before, after in pairwise(seconds) if after > before]
    return median(times) if times else None


def _deviation(fits: Sequence[float]) -> float | None:
    """Return the sample standard deviation of the scores of several fits; None for a single fit."""
    return float(np.std(fits, ddof=1)) if len(fits) > 1 else None
