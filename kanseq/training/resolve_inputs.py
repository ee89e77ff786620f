"""Prepare a run: fingerprint its inputs, and resolve its settings for this machine.

In: inputs and settings as requested. Out: fingerprints, and settings with ``auto`` resolved.
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
"""One table, or several."""


def describe_inputs(genes: Sets, labels: Tables | None, splits: PathLike | pd.DataFrame) -> dict[str, object]:
    """Return the fingerprints of the inputs, after checking that all files exist."""
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
    """Resolve ``auto``: to the setting of an existing run (in its file ``begun``), or to the best one for the device.

    Raises:
        BadOption: the model cannot be built, or does not fit the task or a setting.
    """
    goal.task_of(kind, config)
    if settings.precision == "auto" and begun.exists():
        before = read_run(begun.parent, begun.name).settings.get("precision")
        settings = replace(settings, precision=str(before or "auto"))
    return learner_of(kind).resolve_settings(settings, config, device)
