"""The score of a run on its held-out genes, as one number and in words.

In: tables of predictions by fold and seed. Out: a mean, its spread over seeds, and a line that compares two models.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from kanseq.evaluation.class_metrics import mean_auroc
from kanseq.evaluation.metrics import auroc
from kanseq.runs.prediction_tables import LOGIT_OF, classes_of, read_predictions

MEASURES = {"binary": "auROC", "multiclass": "auROC", "regression": "Pearson r"}
"""The metric of each task; higher is better. For several classes: the mean over classes, each against the rest."""

NEEDED = {
    "binary": "of both classes",
    "multiclass": "of several classes",
    "regression": "that differ in what is predicted",
}
"""The genes that a fold must hold out to be scored, for each task."""


class HeadlineScore(NamedTuple):
    """The score of a model on held-out genes.

    Attributes:
        value: mean over seeds of the mean over folds.
        spread: standard deviation of the seeds' means (of a sample, n - 1); None for one seed.
        seeds: number of seeds.
    """

    value: float
    spread: float | None = None
    seeds: int = 1

    def __str__(self) -> str:
        """Format value and spread."""
        return f"{self.value:.3f}" if self.spread is None else f"{self.value:.3f} ± {self.spread:.3f}"


def score_folders(folders: Sequence[Sequence[Path]], task: str) -> HeadlineScore | None:
    """Score the predictions in folders of folds, by seed.

    Args:
        folders: for each seed the folders of its folds.
        task: one of :data:`kanseq.models.architecture.TASKS`.

    Returns:
        The score; None if no fold can be scored.
    """
    means = []
    for of_seed in folders:
        scores = [score_table(read_predictions(folder / "predictions.tsv"), task) for folder in of_seed]
        known = [score for score in scores if score is not None]
        if known:
            means.append(float(np.mean(known)))
    if not means:
        return None
    return HeadlineScore(float(np.mean(means)), float(np.std(means, ddof=1)) if len(means) > 1 else None, len(means))


def score_table(table: pd.DataFrame, task: str) -> float | None:
    """Score one fold's held-out genes: the mean over conditions, without those in which all targets are equal.

    Classes are scored by the area under the ROC curve, expression by Pearson's correlation.
    """
    table = table[(table["role"] == "test") & table["target"].notna()]
    scores = []
    for _, rows in table.groupby("condition", sort=False):
        target, logit = rows["target"].to_numpy(), rows["logit"].to_numpy()
        if len(np.unique(target)) < 2:
            continue
        if task == "multiclass":
            logits = rows[[f"{LOGIT_OF}{name}" for name in classes_of(rows)]].to_numpy()
            scores.append(mean_auroc(target, logits))
        elif task == "binary":
            scores.append(auroc(target, logit))
        else:
            # The correlation of a constant prediction is undefined; it counts as 0.
            scores.append(float(np.corrcoef(target, logit)[0, 1]) if len(np.unique(logit)) > 1 else 0.0)
    return float(np.mean(scores)) if scores else None


def verdict(
    model: str, score: HeadlineScore | None, other: str, beside: HeadlineScore | None, task: str, folds: int, note: str
) -> str:
    """Return a line with both scores and the better model.

    Args:
        model: name of the model.
        score: its score.
        other: name of the baseline.
        beside: the score of the baseline, None if it was not trained.
        task: one of :data:`kanseq.models.architecture.TASKS`.
        folds: number of folds.
        note: a special property of the run, such as a negative control; empty by default.
    """
    if score is None:
        return f"{model} cannot be scored: no fold holds out genes {NEEDED[task]}"
    over = f"mean over {folds} folds" if folds > 1 else "one fold"
    over += f", {score.seeds} seeds" if score.seeds > 1 else ""
    text = f"{note}: " if note else ""
    text += f"{model} {MEASURES[task]} {score}"
    if beside is None:
        return f"{text} on held-out genes ({over})"
    difference = score.value - beside.value
    better = f"{model if difference > 0 else other} is better" if difference else "they are equal"
    return f"{text}, {other} {beside} on held-out genes ({over}): {better}"
