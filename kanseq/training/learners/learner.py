"""Interface for fitting an architecture: resolve its settings, fit it, and score examples for calibration.

In: examples and settings. Out: a fitted predictor.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from kanseq.models.architecture import Architecture
from kanseq.models.config import Hyperparameters
from kanseq.models.inputs import Examples
from kanseq.runs.predictors import Predictor, build_predictor
from kanseq.tasks.task import Task
from kanseq.training.processes.distributed import ALONE, Team
from kanseq.training.settings import Settings


class FitInputs(NamedTuple):
    """Everything that determines a fitted model.

    Attributes:
        config: hyper-parameters, an instance of the architecture's ``config``.
        task: the task, fitted to the targets (:meth:`kanseq.tasks.task.Task.fitted`); None for a generator.
        train: the training examples.
        tune: examples for early stopping and calibration, which do not train; None if there are none.
        settings: settings of the optimisation without ``auto``, see :meth:`Learner.resolve_settings`.
        seed: seed of initial weights, the order of examples, and dropout.
        threads: processor threads.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        places: ``species, chrom, tss`` of each training example, if these are genes, so that neighbours stay together
            when hyper-parameters are chosen. If None or without these columns, parts are random.
        team: the processes that train together.
    """

    config: Hyperparameters
    task: Task | None
    train: Examples
    tune: Examples | None
    settings: Settings
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    places: pd.DataFrame | None = None
    team: Team = ALONE


class TrainingOutput(NamedTuple):
    """Checkpoints, log and progress of a training.

    Attributes:
        folder: folder of checkpoint and log; training continues from a checkpoint there. None writes neither.
        minutes: longest time between two checkpoints, in minutes.
        title: title of the progress.
    """

    folder: Path | None = None
    minutes: float = 10.0
    title: str = "training"


class Learner(ABC):
    """Fits the models of one architecture.

    Attributes:
        kind: the architecture.
        calibrates_on_tune: whether calibrations are learned from tuning examples, so that these are required.
    """

    calibrates_on_tune: bool

    def __init__(self, kind: Architecture) -> None:
        """Store the architecture."""
        self.kind = kind

    @abstractmethod
    def resolve_settings(self, settings: Settings, config: Hyperparameters, device: str) -> Settings:
        """Return settings with ``auto`` resolved, and with settings that have no effect at their defaults.

        Raises:
            BadOption: the model cannot be built, or does not support a setting.
        """

    def build(self, fit_inputs: FitInputs) -> Predictor:
        """Build an untrained model. Seed torch's random state, which :meth:`fit` continues to use."""
        torch.manual_seed(fit_inputs.seed)
        predictor = build_predictor(self.kind, fit_inputs.config, fit_inputs.task)
        predictor.place(fit_inputs.device, fit_inputs.settings.precision)
        return predictor

    @abstractmethod
    def fit(self, predictor: Predictor, fit_inputs: FitInputs, record: TrainingOutput) -> dict[str, object]:
        """Fit a model from :meth:`build` in place.

        Returns:
            Facts for ``done.json``.

        Raises:
            NotFinite: a loss or gradient is NaN or infinite; the model has the last finite weights.
            OneClass, EmptySplit, BadOption: there are too few examples, or all of one class.
        """

    @abstractmethod
    def unseen(self, predictor: Predictor, fit_inputs: FitInputs) -> tuple[np.ndarray, np.ndarray]:
        """Return logits of examples by models that were not fitted to them, and their targets, for calibration.

        Both are ``(n,)`` or ``(n, conditions)``.

        Raises:
            EmptySplit: there are too few examples.
        """
