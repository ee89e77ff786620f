"""The trials of a search, which any number of processes share: each is suggested by what earlier ones reached.

In: a plan, a fold whose tuning genes are to be scored, and ranges. Out: a study that Optuna keeps on disk.
"""

import logging
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kanseq.errors import BadOption, NotFinite, RunInUse
from kanseq.files import disk_errors
from kanseq.models.registry import make_config
from kanseq.training.folds import Fold
from kanseq.training.one_fold import Plan, train_fold
from kanseq.training.runs import locked
from kanseq.training.search_space import SEARCHED, Range, Value
from kanseq.training.tables import read_predictions
from kanseq.training.verdicts import MEASURES, score_table

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

logger = logging.getLogger(__name__)

KILLED = "killed"
"""User attribute of trials that do not count: their process was killed, or there were enough already."""

CONTINUES = "continues"
"""User attribute of a trial that goes on where the process of an earlier one was killed: that one's number."""


class Search:
    """What all trials of a search share."""

    def __init__(
        self, plan: Plan, fold: Fold, ranges: list[Range], options: dict[str, Value | bool], output: Path, seed: int
    ) -> None:
        """Search in one fold, whose ``test`` genes are those that trials are scored on."""
        self.plan, self.fold, self.ranges, self.options = plan, fold, ranges, options
        self.output, self.seed, self.measure = output, seed, MEASURES[plan.aim.task]

    def folder(self, number: int) -> Path:
        """Say where a trial trains; its folder is deleted when it is finished."""
        return self.output / "trials" / str(number)

    def take_up_killed(self, study: "Study") -> None:
        """Let trials whose process was killed be done again, from where their training was."""
        from optuna.trial import TrialState

        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            folder = self.folder(trial.number)
            if not folder.exists():
                continue
            try:
                with locked(folder):
                    study._storage.set_trial_user_attr(trial._trial_id, KILLED, True)
                    study.tell(trial.number, state=TrialState.FAIL)
            except RunInUse:
                continue
            study.enqueue_trial(trial.params, user_attrs={CONTINUES: trial.number})
            logger.info("trial %d was killed, and is taken up again", trial.number)

    def one_more(self, study: "Study", trials: int) -> bool:
        """Do a trial, unless there are enough."""
        from optuna.trial import TrialState

        if len(counted(study)) >= trials:
            return False
        trial = study.ask()
        if sum(other.number < trial.number for other in counted(study)) >= trials:
            # Another process was faster.
            trial.set_user_attr(KILLED, True)
            study.tell(trial, state=TrialState.FAIL)
            return False
        folder = self.folder(trial.number)
        with disk_errors(folder):
            folder.parent.mkdir(exist_ok=True)
            before = trial.user_attrs.get(CONTINUES)
            if before is not None and self.folder(before).exists():
                self.folder(before).rename(folder)
            folder.mkdir(exist_ok=True)
        with locked(folder):
            suggested = {each.name: each.suggest(trial) for each in self.ranges}
            try:
                value = self.value_of(suggested, folder, trial.number)
            except (BadOption, NotFinite) as error:
                logger.warning("trial %d failed: %s", trial.number, error)
                value = None
        if value is None:
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, value)
            said = ", ".join(f"{name} {_shown(setting)}" for name, setting in suggested.items())
            logger.info("trial %d: %s %.4f (best %.4f): %s", trial.number, self.measure, value, study.best_value, said)
        shutil.rmtree(folder, ignore_errors=True)
        return True

    def value_of(self, suggested: Mapping[str, Value], folder: Path, number: int) -> float | None:
        """Train with some hyper-parameters, and score on the tuning genes."""
        plan = self.plan
        settings = replace(plan.settings, **{name: suggested[name] for name in SEARCHED if name in suggested})
        chosen = {**self.options, **{name: value for name, value in suggested.items() if name not in SEARCHED}}
        config = make_config(plan.kind.name, plan.genes.geometry, chosen, plan.aim.outputs)
        plan.aim.check_model(plan.kind, settings.balance, chosen)
        plan = plan._replace(config=config, settings=settings)
        train_fold(plan, self.fold, folder / "fold", self.seed, f"{plan.kind.name}, trial {number}")
        return score_table(read_predictions(folder / "fold" / "predictions.tsv"), plan.aim.task)


def open_study(output: Path, storage: str | None, name: str, seed: int) -> "Study":
    """Open the study, or begin it.

    Raises:
        BadOption: the database cannot be opened.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    given = {"study_name": name, "load_if_exists": True, "direction": "maximize", "sampler": _sampler(seed)}
    if storage is None:
        return optuna.create_study(storage=JournalStorage(JournalFileBackend(str(output / "journal.log"))), **given)
    try:
        return optuna.create_study(storage=storage, **given)
    # Addresses, drivers and databases have errors of their own in several packages.
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise BadOption(f"--storage {storage}: {reason}", mend="an address such as sqlite:///trials.db") from error


def _sampler(seed: int) -> "BaseSampler":
    """Make a sampler whose random choices follow from the seed and the trial's number, in whatever process."""
    from optuna.samplers import BaseSampler, TPESampler

    class PerTrial(BaseSampler):
        def __init__(self) -> None:
            self.number, self.current = -1, TPESampler(seed=seed)

        def of(self, number: int) -> TPESampler:
            if number != self.number:
                derived = int(np.random.default_rng([seed, number]).integers(2**32))
                self.number, self.current = number, TPESampler(seed=derived, constant_liar=True)
            return self.current

        def infer_relative_search_space(self, study, trial):
            return self.of(trial.number).infer_relative_search_space(study, trial)

        def sample_relative(self, study, trial, search_space):
            return self.of(trial.number).sample_relative(study, trial, search_space)

        def sample_independent(self, study, trial, param_name, param_distribution):
            return self.of(trial.number).sample_independent(study, trial, param_name, param_distribution)

    return PerTrial()


def counted(study: "Study") -> list["FrozenTrial"]:
    """List the trials that are finished or under way."""
    from optuna.trial import TrialState

    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state != TrialState.WAITING and KILLED not in trial.user_attrs
    ]


def _shown(value: Value) -> str:
    """Show a hyper-parameter."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
