"""Prepare a training run: fingerprint its inputs, and choose the values of settings that are ``auto``.

In: inputs and settings that the user specified. Out: fingerprints, and settings with ``auto`` replaced.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from kanseq.io.files import PathLike, check_input
from kanseq.models.architecture import Architecture
from kanseq.models.config import Config
from kanseq.runs.description import describe_input, read_run
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.sequences.several_sets import Sets, listed_sets
from kanseq.tasks.learning_goal import LearningGoal
from kanseq.training.learners.find_learner import learner_of
from kanseq.training.settings import Settings

Tables = PathLike | pd.DataFrame | Sequence[PathLike | pd.DataFrame]
"""One or several tables, each as a data frame or as the path of a file."""


def describe_inputs(genes: Sets, labels: Tables | None, splits: PathLike | pd.DataFrame) -> dict[str, object]:
    """Check that all input files exist, and return a fingerprint of each input by name (``genes``, ``genes 2``, …).

    Raises:
        MissingFile: a file is missing or cannot be read.
    """
    given: dict[str, PathLike | SequenceSet | pd.DataFrame | None] = {}
    tables = list(labels) if isinstance(labels, Sequence) and not isinstance(labels, str) else [labels]
    for name, several in (("genes", listed_sets(genes)), ("labels", tables)):
        given |= {name if at == 0 else f"{name} {at + 1}": one for at, one in enumerate(several)}
    given["splits"] = splits
    for one in given.values():
        if one is not None and not isinstance(one, (SequenceSet, pd.DataFrame)):
            check_input(one)
    return {name: describe_input(one) for name, one in given.items()}


def resolve_settings(
    settings: Settings, kind: Architecture, config: Config, goal: LearningGoal, begun: Path, device: str
) -> Settings:
    """Return the settings with ``auto`` replaced by the best value for the device.

    If the run was started before (its description ``begun`` exists), the precision recorded there replaces ``auto``.

    Raises:
        BadOption: the model cannot be built, or does not support the task or a setting.
    """
    goal.task_of(kind, config)
    if settings.precision == "auto" and begun.exists():
        before = read_run(begun.parent, begun.name).settings.get("precision")
        settings = replace(settings, precision=str(before or "auto"))
    return learner_of(kind).resolve_settings(settings, config, device)
