"""Run the trials of a hyper-parameter search, in any number of processes that share one Optuna study.

A trial trains a model with hyper-parameters that the sampler chose, and scores it on tuning genes. In: a training plan,
a fold, and ranges of hyper-parameters. Out: an Optuna study on disk.
"""

import logging
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kanseq.errors import BadOption, BadTable, NotFinite
from kanseq.evaluation.headline import MEASURES, score_table
from kanseq.io.files import disk_errors
from kanseq.io.locks import Lock, is_free, lock
from kanseq.models.registry import Value, make_config
from kanseq.runs.prediction_tables import read_predictions
from kanseq.training.fold_examples import FoldExamples
from kanseq.training.one_fold import TrainPlan, train_fold
from kanseq.tuning.search_space import Range

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

logger = logging.getLogger(__name__)

KILLED = "killed"
"""Optuna attribute of a trial that was started although the study already had enough trials. It is not
counted. Older versions also set the attribute for killed trials."""

CONTINUES = "continues"
"""Optuna attribute of a trial that continues a killed one; its value is the killed trial's number."""

WORKER = "worker"
"""Optuna attribute that identifies the process of a trial; its value is the name of the process's lock file."""

LOCKS = "workers"
"""Folder of the lock files: one per running process, and one that is locked whenever a trial is started."""


class HyperparameterSearch:
    """A hyper-parameter search. All of its trials use the same inputs, ranges and output folder."""

    def __init__(
        self,
        plan: TrainPlan,
        fold: FoldExamples,
        ranges: list[Range],
        options: dict[str, Value],
        output: Path,
        seed: int,
    ) -> None:
        """Store the inputs of the search.

        Args:
            plan: data, model and settings of every trial.
            fold: training and tuning genes of the fold. Trials are scored on ``fold.test``, so it must contain
                the tuning genes, not the held-out genes.
            ranges: hyper-parameters to search.
            options: fixed hyper-parameters of the model.
            output: the search's folder.
            seed: seed of every trial's training.
        """
        self.plan, self.fold, self.ranges, self.options = plan, fold, ranges, options
        self.output, self.seed, self.measure = output, seed, MEASURES[plan.goal.task]

    def run(self, study: "Study", trials: int) -> None:
        """Run trials until all processes together have run ``trials`` of them. Killed trials are continued first."""
        with _worker(self.output) as worker:
            if worker:
                self.take_up_killed(study)
            while (trial := self.next(study, trials, worker)) is not None:
                self.do(study, trial)

    def folder(self, number: int) -> Path:
        """Return the temporary folder of trial ``number``, which is deleted when the trial is finished."""
        return self.output / "trials" / str(number)

    def take_up_killed(self, study: "Study") -> None:
        """Put the trials whose process was killed back into the queue, so that their training is continued.

        Only processes that used this output folder are checked, because their lock files are in it.
        """
        from optuna.trial import TrialState

        # Trials are started under this lock. If a running trial has no worker, its process was killed at the start.
        with alone(self.output):
            continued = _continued(study)
            for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                worker = trial.user_attrs.get(WORKER)
                if worker is not None and not is_free(self.output / LOCKS / worker):
                    continue
                # Queue first: if this process is killed before tell(), another process finds the trial still running.
                if trial.number not in continued:
                    study.enqueue_trial(trial.params, user_attrs={CONTINUES: trial.number})
                study.tell(trial.number, state=TrialState.FAIL)
                logger.info("trial %d was killed, and will be continued", trial.number)

    def next(self, study: "Study", trials: int, worker: str) -> "Trial | None":
        """Start a trial, create its folder and return it; return None if the study has enough trials."""
        from optuna.trial import TrialState

        with alone(self.output):
            if len(counted(study)) >= trials:
                return None
            trial = study.ask()
            if worker:
                trial.set_user_attr(WORKER, worker)
            if sum(other.number < trial.number for other in counted(study)) >= trials:
                # A process that shares the database, but not this folder, has started the last trial.
                trial.set_user_attr(KILLED, True)
                study.tell(trial, state=TrialState.FAIL)
                return None
            folder = self.folder(trial.number)
            with disk_errors(folder):
                folder.parent.mkdir(exist_ok=True)
                before = trial.user_attrs.get(CONTINUES)
                if before is not None and self.folder(before).exists():
                    self.folder(before).rename(folder)
                folder.mkdir(exist_ok=True)
            return trial

    def do(self, study: "Study", trial: "Trial") -> None:
        """Run a trial, report its score or failure to the study, and delete its folder."""
        from optuna.trial import TrialState

        value: float | None = None
        try:
            suggested = {each.name: each.suggest(trial) for each in self.ranges}
            value = self.value_of(suggested, trial.number)
        except (BadOption, NotFinite, MemoryError) as error:
            logger.warning("trial %d failed: %s", trial.number, error)
        except Exception as error:
            # If the trial stayed in the running state, every process would try to continue it, and fail.
            if not _is_lack_of_memory(error):
                study.tell(trial, state=TrialState.FAIL)
                raise
            logger.warning("trial %d failed: %s", trial.number, str(error).splitlines()[0])
        if value is None:
            study.tell(trial, state=TrialState.FAIL)
        else:
            study.tell(trial, value)
            text = ", ".join(f"{name} {_format_value(setting)}" for name, setting in suggested.items())
            logger.info("trial %d: %s %.4f (best %.4f): %s", trial.number, self.measure, value, study.best_value, text)
        shutil.rmtree(self.folder(trial.number), ignore_errors=True)

    def value_of(self, suggested: Mapping[str, Value], number: int) -> float | None:
        """Train with the suggested values in the folder of trial ``number``; return the score on tuning genes."""
        plan, folder = self.plan, self.folder(number) / "fold"
        settings, chosen = self.parted(suggested)
        config = make_config(plan.kind.name, plan.genes.geometry, chosen, plan.goal.outputs)
        plan = plan._replace(config=config, settings=replace(plan.settings, **settings))
        plan.goal.check_model(plan.kind, plan.settings.balance, chosen)
        train_fold(plan, self.fold, folder, self.seed, f"{plan.kind.name}, trial {number}")
        return score_table(read_predictions(folder / "predictions.tsv"), plan.goal.task)

    def parted(self, suggested: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
        """Split suggested values into settings and model hyper-parameters; add fixed values to the latter."""
        of_model = {each.name for each in self.ranges if each.of_model}
        settings = {name: value for name, value in suggested.items() if name not in of_model}
        return settings, {**self.options, **{name: suggested[name] for name in suggested if name in of_model}}


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Lock the search in a folder, so that other processes wait. Do nothing if files cannot be locked."""
    (output / LOCKS).mkdir(exist_ok=True)
    with lock(output / LOCKS / "lock", wait=True):
        yield


@contextmanager
def _worker(output: Path) -> Iterator[str]:
    """Hold a lock file that shows that this process is running; yield its name, or "" if files cannot be locked."""
    (output / LOCKS).mkdir(exist_ok=True)
    path = output / LOCKS / secrets.token_hex(8)
    with lock(path) as found:
        try:
            if found is not Lock.HELD:
                logger.warning("%s: this file system has no locks: killed trials will not be continued", output)
            yield path.name if found is Lock.HELD else ""
        finally:
            path.unlink(missing_ok=True)


def _is_lack_of_memory(error: Exception) -> bool:
    """Return whether PyTorch raised an error because memory ran out. Only the error's message shows this."""
    return isinstance(error, RuntimeError) and ("memory" in str(error) or "alloc" in str(error).lower())


def open_study(output: Path, storage: str | None, name: str, seed: int) -> "Study":
    """Open or create the Optuna study of a search.

    Args:
        output: the search's folder, which contains the journal if there is no database.
        storage: URL of a database, or None.
        name: name of the study.
        seed: seed of the sampler.

    Raises:
        BadOption: the database cannot be opened.
        BadTable: the journal is damaged.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    options = {"study_name": name, "load_if_exists": True, "direction": "maximize", "sampler": _sampler(seed)}
    if storage is None:
        journal = output / "journal.log"
        with alone(output):
            _cut_torn_line(journal)
            try:
                return optuna.create_study(storage=JournalStorage(JournalFileBackend(str(journal))), **options)
            except (ValueError, KeyError, TypeError) as error:
                raise BadTable("this journal is damaged", where=journal, hint="search in another folder") from error
    try:
        return optuna.create_study(storage=storage, **options)
    # Depending on the database, several packages may raise their own types of errors.
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise BadOption(f"--storage {storage}: {reason}", hint="use an address such as sqlite:///trials.db") from error


def _cut_torn_line(journal: Path) -> None:
    """Remove an incomplete last line of the journal, left by a killed process."""
    if not journal.exists():
        return
    with open(journal, "r+b") as handle:
        whole = handle.read().rfind(b"\n") + 1
        handle.truncate(whole)


def _sampler(seed: int) -> "BaseSampler":
    """Return a TPE sampler whose random numbers depend only on the seed and the trial's number."""
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
    """Return finished and running trials, except those marked :data:`KILLED` and those that another trial continues."""
    from optuna.trial import TrialState

    continued = _continued(study)
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state != TrialState.WAITING and trial.number not in continued and KILLED not in trial.user_attrs
    ]


def _continued(study: "Study") -> set[int]:
    """Return the numbers of the killed trials that another trial, queued or started, continues."""
    return {trial.user_attrs[CONTINUES] for trial in study.get_trials(deepcopy=False) if CONTINUES in trial.user_attrs}


def _format_value(value: Value) -> str:
    """Return the value of a hyper-parameter as text for log messages."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
