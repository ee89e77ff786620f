"""Find the learner of an architecture, and fit a model to arrays without a run folder.

In: an architecture, hyper-parameters and training examples. Out: a fitted predictor.
"""

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from kanseq.models.architecture import Architecture
from kanseq.models.config import Hyperparameters
from kanseq.models.inputs import Examples
from kanseq.runs.predictors import Predictor
from kanseq.tasks.task import Task
from kanseq.training.learners.estimator_learner import EstimatorLearner
from kanseq.training.learners.learner import FitInputs, Learner, TrainingOutput
from kanseq.training.learners.step_learner import StepLearner
from kanseq.training.settings import Settings, choose_device, processor

_LEARNERS: dict[str, type[Learner]] = {"steps": StepLearner, "at-once": EstimatorLearner}


def learner_of(kind: Architecture) -> Learner:
    """Return the learner that fits models of architecture ``kind``."""
    return _LEARNERS[kind.learner](kind)


class Learned(NamedTuple):
    """A model that was fitted to arrays, and how it was fitted.

    Attributes:
        predictor: the fitted model.
        task: the task, which defines the meaning of the outputs; None for a generator. For regression, it includes the
            mean and scale of the training targets.
        settings: the optimisation settings, with ``auto`` replaced by the value that was used.
        facts: facts about the training, such as ``epochs`` and ``kept_epoch`` of a network.
    """

    predictor: Predictor
    task: Task | None
    settings: Settings
    facts: dict[str, object]


def fit_examples(
    kind: Architecture,
    config: Hyperparameters,
    task: Task | None,
    train: Examples,
    settings: Settings,
    *,
    tune: Examples | None = None,
    places: pd.DataFrame | None = None,
    seed: int = 0,
    threads: int = 0,
    device: str = "auto",
    folder: Path | None = None,
    title: str = "training",
) -> Learned:
    """Fit a model of any architecture to arrays.

    On a CPU, the same arguments give the same model.

    Args:
        kind: the architecture.
        config: hyper-parameters, an instance of ``kind.config``.
        task: the task; None for a generator.
        train: the training examples: inputs in the form that the model reads, and targets in the form of the task.
        settings: the optimisation settings; those that the architecture does not use have no effect.
        tune: examples for early stopping, not used for training; required if ``settings.tune`` is set.
        places: coordinates of the training examples, see :class:`~kanseq.training.learners.learner.FitInputs`.
        seed: seed of all random choices.
        threads: number of processor threads; 0 for torch's current number.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        folder: folder for a network's checkpoint and log; training resumes from a checkpoint in it. If None, neither
            is written.
        title: title of the progress display.

    Raises:
        BadOption: the model cannot be built or does not support a setting, or there is no such device.
        OneClass: the model is an estimator for classes, and all targets are of the same class.
        NotFinite: a loss or gradient is NaN or infinite.
    """
    device, learner = choose_device(device), learner_of(kind)
    settings = learner.resolve_settings(settings, config, device)
    task = None if task is None else task.fitted(train.targets)
    with processor(threads, seed) as count:
        fit_inputs = FitInputs(config, task, train, tune, settings, seed, count, device, places)
        predictor = learner.build(fit_inputs)
        facts = learner.fit(predictor, fit_inputs, TrainingOutput(folder, title=title))
    return Learned(predictor, task, settings, facts)
