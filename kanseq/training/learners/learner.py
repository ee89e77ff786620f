"""The interface of learners: check settings, fit a model, and score examples for its calibration.

In: training examples and settings. Out: a fitted predictor.
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
    """The data, hyper-parameters and settings from which a learner fits a model.

    Attributes:
        config: hyper-parameters, an instance of the architecture's ``config``.
        task: the task, fitted to the targets (:meth:`kanseq.tasks.task.Task.fitted`); None for a generator.
        train: the training examples.
        tune: examples for early stopping and calibration, not used for training; None if there are none.
        settings: the optimisation settings with ``auto`` replaced, see :meth:`Learner.resolve_settings`.
        seed: seed of initial weights, the order of examples, and dropout.
        threads: number of processor threads.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        places: columns ``species, chrom, tss`` with the coordinates of each training gene, used to keep neighbouring
            genes in the same part in cross-validation. If None or without these columns, parts are random.
        team: the processes that train a network together.
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
    """Where and how often a training run writes its checkpoints, and the title of its progress display.

    Attributes:
        folder: folder for checkpoint and log; training resumes from a checkpoint in it. If None, neither is written.
        minutes: maximum time between two checkpoints, in minutes.
        title: title of the progress display.
    """

    folder: Path | None = None
    minutes: float = 10.0
    title: str = "training"


class Learner(ABC):
    """Base class of learners, which fit the models of one architecture.

    Attributes:
        kind: the architecture.
        calibrates_on_tune: whether calibration uses tuning examples; if false, it uses the training examples.
    """

    calibrates_on_tune: bool

    def __init__(self, kind: Architecture) -> None:
        """Create a learner for architecture ``kind``."""
        self.kind = kind

    @abstractmethod
    def resolve_settings(self, settings: Settings, config: Hyperparameters, device: str) -> Settings:
        """Return the settings with ``auto`` replaced, and with defaults for all settings that the model ignores.

        Raises:
            BadOption: the model cannot be built, or does not support a setting.
        """

    def build(self, fit_inputs: FitInputs) -> Predictor:
        """Seed torch and return an untrained model on the device; :meth:`fit` continues with the same random state."""
        torch.manual_seed(fit_inputs.seed)
        predictor = build_predictor(self.kind, fit_inputs.config, fit_inputs.task)
        predictor.place(fit_inputs.device, fit_inputs.settings.precision)
        return predictor

    @abstractmethod
    def fit(self, predictor: Predictor, fit_inputs: FitInputs, record: TrainingOutput) -> dict[str, object]:
        """Fit a model that :meth:`build` returned, in place.

        Returns:
            Facts about the training, for ``done.json``.

        Raises:
            NotFinite: a loss or gradient is NaN or infinite; the model has the last finite weights.
            OneClass, EmptySplit, BadOption: there are too few examples, or all examples are of the same class.
        """

    @abstractmethod
    def unseen(self, predictor: Predictor, fit_inputs: FitInputs) -> tuple[np.ndarray, np.ndarray]:
        """Return logits and targets of examples to learn a calibration from.

        The logits of an example come from a model that was not fitted to it. Both arrays are ``(n,)`` or
        ``(n, conditions)``.

        Raises:
            EmptySplit: there are too few examples.
        """
