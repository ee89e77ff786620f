"""Train the baseline of a run on the same genes and for the same learning goal as the run's model.

In: the plan and folds of a run. Out: in the folder of each fold, a folder with the baseline's model.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kanseq.evaluation.headline import HeadlineScore, score_folders
from kanseq.models.classical.kmers import KmerConfig, bin_count
from kanseq.models.registry import architecture, make_config
from kanseq.runs.parts import BASELINES, baseline_part, is_done
from kanseq.training.fold_examples import FoldExamples
from kanseq.training.one_fold import TrainPlan, train_fold

MOST_BYTES = 2 * 10**9
"""Maximum size of a baseline's table of k-mer counts, in bytes. Fitting uses about three times as much memory."""

logger = logging.getLogger(__name__)


def train_baseline(plan: TrainPlan, folds: Sequence[FoldExamples], output: Path, seed: int) -> HeadlineScore | None:
    """Train the task's baseline on all folds for which this is not done yet, and return its mean score over all folds.

    Tuning genes are used for training. The k-mer counts of all training genes must fit in memory. If the counts are too
    large, the baseline is not trained, and a warning is logged.

    Args:
        plan: data, model and settings of the run.
        folds: the folds of the run.
        output: the run's folder.
        seed: seed of random choices.

    Returns:
        The score on the held-out genes; None if the baseline is not trained or its folds cannot be scored.
    """
    task = plan.goal.task
    name = BASELINES[task]
    config = make_config(name, plan.genes.geometry)
    assert isinstance(config, KmerConfig)
    most = max(len(fold.train) + len(fold.tune) for fold in folds)
    size = 4 * most * bin_count(config.geometry, config.bin) * 4**config.k
    if size > MOST_BYTES:
        logger.warning(
            "%s is not trained: the counts of %s training genes take %.1f GB; kmer-sgd learns from any number of genes",
            name, f"{most:,}", size / 1e9,
        )  # fmt: skip
        return None
    settings = replace(plan.settings, precision="float32", tune=False)
    plan = plan._replace(kind=architecture(name), config=config, settings=settings)
    for fold in folds:
        folder = baseline_part(output, fold.name, task).folder
        if not is_done(folder):
            logger.info("%s, fold %s: %s training genes", name, fold.name, f"{len(fold.train) + len(fold.tune):,}")
            train_fold(plan, _with_tuning(fold), folder, seed, name)
    return score_folders([[baseline_part(output, fold.name, task).folder for fold in folds]], task)


def _with_tuning(fold: FoldExamples) -> FoldExamples:
    """Move the tuning genes of a fold to the training genes, and empty ``ranked``, which baselines do not use."""
    rows = np.concatenate([fold.train, fold.tune])
    order = np.argsort(rows, kind="stable")
    targets = np.concatenate([fold.train_targets, fold.tune_targets])[order]
    return fold._replace(
        train=rows[order],
        train_targets=targets,
        tune=fold.tune[:0],
        tune_targets=fold.tune_targets[:0],
        ranked=fold.ranked[:0],
        ranked_targets=fold.ranked_targets[:0],
    )
