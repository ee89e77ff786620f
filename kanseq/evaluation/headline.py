"""Summarise the score of a run on its held-out genes in one number and one line of text.

In: prediction tables by fold and seed. Out: a mean, its spread over seeds, and a line that compares two models.
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
"""The metric of each task; higher is better. For several classes, auROC is one-against-rest, averaged over classes."""

NEEDED = {
    "binary": "of both classes",
    "multiclass": "of several classes",
    "regression": "with different target values",
}
"""The test genes that a fold needs to be scored, by task: the end of the message "no fold holds out genes ..."."""


class HeadlineScore(NamedTuple):
    """The score of a model on held-out genes.

    Attributes:
        value: the mean score over folds, averaged over seeds.
        spread: sample standard deviation (n - 1), over seeds, of the mean score over folds; None for one seed.
        seeds: number of seeds.
    """

    value: float
    spread: float | None = None
    seeds: int = 1

    def __str__(self) -> str:
        """Return the score as text, such as ``0.812 ± 0.004``; for one seed, without the spread."""
        return f"{self.value:.3f}" if self.spread is None else f"{self.value:.3f} ± {self.spread:.3f}"


def score_folders(folders: Sequence[Sequence[Path]], task: str) -> HeadlineScore | None:
    """Compute the score of a model from the files ``predictions.tsv`` of its folds.

    Args:
        folders: for each seed, the folders of its folds.
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
    """Return the score of the test genes in a fold's prediction table; None if they cannot be scored.

    The score is the area under the ROC curve for classes, and Pearson's correlation for expression. It is averaged over
    conditions, except those in which all targets are equal.
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
    model: str,
    score: HeadlineScore | None,
    other: str,
    baseline: HeadlineScore | None,
    task: str,
    folds: int,
    note: str,
) -> str:
    """Return a line of text with the scores of a model and its baseline, and which of them is better.

    Args:
        model: name of the model.
        score: the score of the model; None if it cannot be scored.
        other: name of the baseline.
        baseline: the score of the baseline; None if it was not trained.
        task: one of :data:`kanseq.models.architecture.TASKS`.
        folds: number of folds.
        note: text for the start of the line, such as the run's negative control; may be empty.
    """
    if score is None:
        return f"{model} cannot be scored: no fold holds out genes {NEEDED[task]}"
    over = f"mean over {folds} folds" if folds > 1 else "one fold"
    over += f", {score.seeds} seeds" if score.seeds > 1 else ""
    text = f"{note}: " if note else ""
    text += f"{model} {MEASURES[task]} {score}"
    if baseline is None:
        return f"{text} on held-out genes ({over})"
    difference = score.value - baseline.value
    better = f"{model if difference > 0 else other} is better" if difference else "they are equal"
    return f"{text}, {other} {baseline} on held-out genes ({over}): {better}"
