"""How an architecture learns: what its settings mean, how it is fitted, and on what it is calibrated.

In: examples and settings. Out: a fitted predictor.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from kanseq.models.architecture import Architecture
from kanseq.models.config import Options
from kanseq.training.inputs import Examples
from kanseq.training.predictors import Predictor, build_predictor
from kanseq.training.settings import Settings
from kanseq.training.tasks import Task
from kanseq.training.team import ALONE, Team


class Lesson(NamedTuple):
    """All that a fitted model follows from.

    Attributes:
        config: hyper-parameters, an instance of the architecture's ``config``.
        task: what is learned, fitted to the targets (:meth:`kanseq.training.tasks.Task.fitted`); None for a generator.
        train: the examples that train.
        tune: examples that do not train, for early stopping and calibration; None if there are none.
        settings: the optimisation, with nothing left to ``auto``, see :meth:`Learner.resolve_settings`.
        seed: of initial weights, the order of examples, and dropout.
        threads: processor threads.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        places: a row for each training example: ``species, chrom, tss``, where the examples are genes. Neighbours stay
            together where hyper-parameters are chosen. None or without these columns: parts are random.
        team: the processes that train together.
    """

    config: Options
    task: Task | None
    train: Examples
    tune: Examples | None
    settings: Settings
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    places: pd.DataFrame | None = None
    team: Team = ALONE


class Record(NamedTuple):
    """What a training writes on the way.

    Attributes:
        folder: where state and log go; a state there is where the training continues. None for neither.
        minutes: at most so long between two states on disk.
        title: what the progress is called.
    """

    folder: Path | None = None
    minutes: float = 10.0
    title: str = "training"


class Learner(ABC):
    """Fits the models of one architecture.

    Attributes:
        kind: the architecture.
        calibrates_on_tune: whether calibrations are learned from examples that do not train, so that these are wanted.
    """

    calibrates_on_tune: bool

    def __init__(self, kind: Architecture) -> None:
        """Fit models of this architecture."""
        self.kind = kind

    @abstractmethod
    def resolve_settings(self, settings: Settings, config: Options, device: str) -> Settings:
        """Return settings with nothing left to ``auto``, and with what has no effect at its default.

        Raises:
            BadOption: the model cannot be built, or does not have what a setting acts on.
        """

    def build(self, lesson: Lesson) -> Predictor:
        """Build an untrained model. Sets torch's random state, with which :meth:`fit` continues."""
        torch.manual_seed(lesson.seed)
        predictor = build_predictor(self.kind, lesson.config, lesson.task)
        predictor.place(lesson.device, lesson.settings.precision)
        return predictor

    @abstractmethod
    def fit(self, predictor: Predictor, lesson: Lesson, record: Record) -> dict[str, object]:
        """Fit a model that :meth:`build` made, in place.

        Returns:
            Facts for ``done.json``.

        Raises:
            NotFinite: a loss or gradient is NaN or infinite; the model holds the last good weights.
            OneClass, EmptySplit, BadOption: the examples do not suffice.
        """

    @abstractmethod
    def unseen(self, predictor: Predictor, lesson: Lesson) -> tuple[np.ndarray, np.ndarray]:
        """Return logits of examples by models that were not fitted to them, and their targets; to calibrate with.

        Both are ``(n,)`` or ``(n, conditions)``.

        Raises:
            EmptySplit: there are too few examples.
        """
