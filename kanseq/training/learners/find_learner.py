"""Choose the learner of an architecture, and fit models to arrays.

In: an architecture and examples. Out: a fitted predictor.
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
    """Return the learner that fits models of an architecture."""
    return _LEARNERS[kind.learner](kind)


class Learned(NamedTuple):
    """A model that was fitted to arrays.

    Attributes:
        predictor: the model.
        task: the task, which defines the meaning of the outputs, with mean and scale of the training targets for
            regression; None for a generator.
        settings: the resolved settings of the optimisation.
        facts: facts about the training: ``epochs`` and ``kept_epoch`` of a network.
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

    The same arguments give the same model on a CPU.

    Args:
        kind: the architecture.
        config: its hyper-parameters, an instance of ``kind.config``.
        task: the task; None for a generator.
        train: the training examples, with inputs as the model reads them and targets as the task defines them.
        settings: settings of the optimisation; those that the architecture does not use have no effect.
        tune: examples for early stopping if ``settings.tune`` is set; they do not train.
        places: places of the training examples, see :class:`~kanseq.training.learners.learner.FitInputs`.
        seed: seed of all random choices.
        threads: processor threads; 0 for as many as torch finds.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        folder: folder of a network's checkpoint and log; training continues from a checkpoint there. None writes
            neither.
        title: title of the progress.

    Raises:
        BadOption: the model cannot be built, a setting does not fit it, or there is no such device.
        OneClass: an estimator learns classes, and all targets are of one class.
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
