"""``kanseq tune``: search for good hyper-parameters on the training genes of one fold, in one or several processes.

In: a set, labels, splits with tuning genes (role ``tune``), and ranges of hyper-parameters. Out: a folder with all
trials (journal and table) and the options of the best trial for ``kanseq train --config``.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import yaml

from kanseq.errors import BadOption, MissingPackage, NotWritable
from kanseq.io.files import PathLike, check_output, disk_errors, whole_text
from kanseq.io.tables.dialect import write_table
from kanseq.io.tables.model_tables import TRIALS
from kanseq.labels.label_tables import join_labels
from kanseq.models.registry import Value, architecture, config_to_json, make_config
from kanseq.runs.description import SEARCH, RunDescription, describe_run, versions
from kanseq.runs.held_out import known_sequences
from kanseq.runs.run_folder import LEFTOVERS, begin
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.sequences.several_sets import Sets, as_one
from kanseq.specification.fields import as_config, gather, options_of
from kanseq.specification.python_signatures import takes
from kanseq.specification.training import TrainSpec, TuneSpec
from kanseq.splits.split_tables import read_splits
from kanseq.tasks.learning_goal import LearningGoal, goal_for
from kanseq.training.fold_examples import FoldExamples, choose_folds, prepare_folds
from kanseq.training.one_fold import TrainPlan
from kanseq.training.resolve_inputs import Tables, describe_inputs, resolve_settings
from kanseq.training.settings import check_seeds, choose_device, processor, settings_for
from kanseq.tuning.search_space import Range, read_ranges
from kanseq.tuning.trials import LOCKS, HyperparameterSearch, alone, counted, open_study
from kanseq.verbs.short_repr import brief

if TYPE_CHECKING:
    from optuna import Study

logger = logging.getLogger(__name__)


@brief
class Tuned(NamedTuple):
    """Result of :func:`tune`, over all trials so far.

    Attributes:
        output: the folder of the search.
        model: name of the architecture.
        fold: name of the fold. Trials are trained on its training genes and scored on its tuning genes.
        trials: number of finished trials of all processes.
        failed: number of finished trials without a score: the model could not be built, or a loss was NaN.
        measure: description of the metric by which trials are scored on tuning genes; higher is better.
        value: the score of the best trial; None while no trial has a score.
        best: the searched hyper-parameters of the best trial.
        config: path of a YAML file with the options of the best trial and the learning goal, for ``kanseq train
            --config``; None while no trial has a score.
        table: a row per finished trial: ``trial, state, value`` and a column per searched hyper-parameter.
    """

    output: Path
    model: str
    fold: str
    trials: int
    failed: int
    measure: str
    value: float | None
    best: dict[str, Value]
    config: Path | None
    table: pd.DataFrame


@takes(TuneSpec)
def tune(
    genes: Sets,
    *,
    labels: Tables | None = None,
    splits: PathLike | pd.DataFrame,
    output: PathLike,
    **options: object,
) -> Tuned:
    """Search for good hyper-parameters of a model on the training genes of one fold.

    Each trial is trained on the fold's training genes (role ``train``) and scored on its tuning genes (role ``tune``).
    Networks also use the loss on tuning genes for early stopping. Held-out genes are not used at all. Values are
    suggested by a tree-structured Parzen estimator (Bergstra et al. 2011; Optuna's ``TPESampler``). Its random choices
    depend only on ``seed`` and the trial's number.

    Any number of processes may search in the same folder. Each adds trials until there are ``trials`` in total. To
    continue a search that was stopped, repeat the call. If the process of a trial was killed, the next process that
    searches in this folder continues the trial from its last checkpoint.

    Args:
        genes, labels, splits, condition, task, visible, mid: as for :func:`kanseq.train`.
        output: the folder of the search; created if its parent exists.
        holdout: the fold to use: trials are trained on its training genes and scored on its tuning genes.
        search: the ranges to search, each as text, see :meth:`kanseq.tuning.search_space.Range.read`. Hyper-parameters
            of the model and settings of the optimisation (except ``precision``) can be searched.
        trials: total number of trials.
        storage: the URL of an Optuna database, for processes that share no file system; by default a journal in
            ``output``.
        model: an architecture of ``kanseq models``.
        options: fixed values of hyper-parameters of the model that are not searched.
        {settings}
        seed: seed of the search, and of initial weights and order of genes in every trial.
        threads: processor threads; 0 for torch's default.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    The settings of the optimisation, from ``epochs`` on, are the same in all trials unless they are searched; see
    :func:`kanseq.train`.

    Raises:
        MissingPackage: Optuna is not installed.
        BadOption: a range or setting is invalid, the folder contains a search with different ranges or settings, or
            every trial failed.
        EmptySplit: the fold has no tuning genes.
        UnknownGene, OneClass, BadTable, MissingFile: as for :func:`kanseq.train`.
    """
    given = {"genes": genes, "labels": labels, "splits": splits, "output": output}
    return _tune(gather(TuneSpec, {**given, **options}))


def _tune(spec: TuneSpec) -> Tuned:
    """Search like :func:`tune`. The fields of ``spec`` are the arguments of :func:`tune`."""
    _require_optuna()
    kind, device, seed = architecture(spec.model), choose_device(spec.device), check_seeds(spec.seed)[0]
    ranges, options = [each.of(kind) for each in read_ranges(spec.search)], _named(spec.options)
    for each in ranges:
        if each.name in options:
            raise BadOption(f"--search {each}: it also has a fixed value", hint="leave out one of the two")
    settings = settings_for(kind, **spec.settings, tune=kind.takes("tune"))
    has_labels = spec.labels is not None
    goal = goal_for(kind, spec.learning, balance=_balance(ranges, settings.balance), labels=has_labels)
    inputs = describe_inputs(spec.genes, spec.labels, spec.splits)  # type: ignore[arg-type]
    genes = goal.see(as_one(spec.genes))  # type: ignore[arg-type]
    labels = join_labels(spec.labels) if has_labels else None  # type: ignore[arg-type]
    splits = read_splits(spec.splits)  # type: ignore[arg-type]
    goal = goal.learning(genes, labels, spec.learning.task, spec.learning.condition)
    goal.check_model(kind, settings.balance, options)
    config = make_config(spec.model, genes.geometry, options, goal.outputs)
    output = _made(Path(spec.output))  # type: ignore[arg-type]
    settings = resolve_settings(settings, kind, config, goal, output / SEARCH, device)
    fold = _inside(genes, labels, splits, spec.holdout, goal)
    facts = {"contigs": genes.contigs, "versions": versions(), "inputs": inputs}
    described = {**goal.to_json(), **settings.to_json(), "holdout": fold.name, "search": list(map(str, ranges))}
    with processor(spec.threads, seed) as count:
        machine = {"threads": count, "device": device}
        with_seed = {**described, "seed": seed}
        about = describe_run("search", spec.model, config_to_json(config), with_seed, inputs, machine)
        with alone(output):
            begin(output, about, SEARCH)
        plan = TrainPlan(genes, kind, config, goal, settings, facts, known_sequences(genes), count, device, 10.0)
        searched = HyperparameterSearch(plan, fold, ranges, options, output, seed)
        study = open_study(output, spec.storage, _name_of(about), seed)
        searched.run(study, spec.trials)
    return _summary(study, searched)


def _named(options: Mapping[str, Value] | None) -> dict[str, Value]:
    """Replace hyphens in option names with underscores, as in the model's configuration."""
    return {name.replace("-", "_"): value for name, value in (options or {}).items()}


def _balance(ranges: Sequence[Range], balance: str) -> str:
    """Return a value of the setting ``balance`` that a trial may use, other than ``none`` if possible."""
    searched = [choice for each in ranges if each.name == "balance" for choice in each.choices]
    return next((str(choice) for choice in (*searched, balance) if choice != "none"), "none")


def _require_optuna() -> None:
    """Check that Optuna is installed, and configure it to log only errors."""
    try:
        import optuna
    except ImportError as error:
        raise MissingPackage("kanseq tune needs Optuna", hint="pip install 'kanseq[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def _name_of(about: RunDescription) -> str:
    """Return the name of the Optuna study; it is unique for model, settings and inputs within a database."""
    deciding = {part: getattr(about, part) for part in ("model", "config", "settings", "inputs")}
    digest = hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()
    return f"kanseq.{about.model}.{digest[:16]}"


def _made(output: Path) -> Path:
    """Create the folder of the search, or check that it contains a search that can be continued; return its path."""
    if output.exists() and not output.is_dir():
        raise NotWritable(
            "the output of a search is a folder, but this is a file", where=output, hint="choose another name"
        )
    own_files = {output / SEARCH, output / LOCKS, *output.glob(LEFTOVERS)}
    if output.exists() and not (output / SEARCH).exists() and set(output.iterdir()) - own_files:
        raise BadOption("this folder contains files that are not from a search", where=output, hint="choose a new one")
    check_output(output / SEARCH if output.exists() else output)
    with disk_errors(output):
        output.mkdir(exist_ok=True)
    return output


def _inside(
    genes: SequenceSet, labels: pd.DataFrame | None, splits: pd.DataFrame, holdout: str, goal: LearningGoal
) -> FoldExamples:
    """Return the examples of fold ``holdout``, with its tuning genes as test genes instead of the held-out genes."""
    names = choose_folds(splits, holdout)
    if len(names) != 1:
        raise BadOption(
            f"--holdout {holdout}: a search uses one fold",
            hint="search each fold separately: tuning genes of one fold are held out by another",
        )
    [fold] = prepare_folds(
        genes, labels, splits, holdout=names, condition=goal.condition, task=goal.task, tune=True, mid=goal.mid
    )
    roles = np.full(len(fold.tune), "test")
    return fold._replace(test=fold.tune, test_targets=fold.tune_targets, test_roles=roles, held_out=[])


def _summary(study: "Study", searched: HyperparameterSearch) -> Tuned:
    """Write the table of trials and the options of the best trial, and return the result of :func:`tune`."""
    from optuna.trial import TrialState

    plan, output = searched.plan, searched.output
    trials = [trial for trial in counted(study) if trial.state.is_finished()]
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    rows = [
        {"trial": trial.number, "state": trial.state.name.lower(), "value": trial.value, **trial.params}
        for trial in trials
    ]
    table = pd.DataFrame(rows, columns=["trial", "state", "value", *(each.name for each in searched.ranges)])
    write_table(output / TRIALS.file, TRIALS, table)
    measure = f"{searched.measure} on {len(searched.fold.tune):,} tuning genes"
    counts = len(trials), len(trials) - len(complete)
    result = Tuned(output, plan.kind.name, searched.fold.name, *counts, measure, None, {}, None, table)
    if not complete:
        if len(trials) < len(counted(study)):
            logger.info("no trial is finished yet; other processes are running trials")
            return result
        raise BadOption("no trial could be scored", where=output, hint="see the warnings above; search other ranges")
    best = max(complete, key=lambda trial: (trial.value, -trial.number))
    with whole_text(output / "best.yaml") as handle:
        yaml.safe_dump(_options_of(searched, best.params), handle)
    return result._replace(value=float(best.value), best=dict(best.params), config=output / "best.yaml")  # type: ignore[arg-type]


def _options_of(searched: HyperparameterSearch, best: Mapping[str, Value]) -> dict[str, object]:
    """Return the options with which ``kanseq train`` trains a model as in the trial with hyper-parameters ``best``."""
    plan = searched.plan
    settings, chosen = searched.parted(best)
    learned = {each.name: getattr(plan.goal, each.name) for each in options_of(TuneSpec) if each.group == "learning"}
    optimisation = plan.kind.recorded(replace(plan.settings, tune=True))
    if not plan.kind.takes("mid"):
        del learned["mid"]
    if learned["condition"] == "*":
        del learned["condition"]
    # Compilation does not affect which options are best.
    optimisation.pop("compile", None)
    keywords = {"model": plan.kind.name, **learned, **optimisation, **settings, "options": chosen}
    return as_config(TrainSpec, keywords)
