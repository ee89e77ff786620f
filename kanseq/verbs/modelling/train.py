"""``kanseq train``: train a model on every fold, score it on the held-out genes, and compare it with a baseline.

In: a set, labels, splits. Out: the folder of a run.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch

from kanseq.evaluation.headline import HeadlineScore, score_folders, verdict
from kanseq.io.files import PathLike
from kanseq.labels.label_tables import join_labels
from kanseq.models.architecture import Architecture
from kanseq.models.registry import architecture, config_to_json, make_config
from kanseq.models.sizes import match_parameters as matched
from kanseq.runs.description import RUN, describe_run, versions
from kanseq.runs.held_out import known_sequences
from kanseq.runs.parts import BASELINES, finished_parts, is_done, part_folder, read_done
from kanseq.runs.run_folder import check_run_output, open_run
from kanseq.sequences.several_sets import Sets, as_one
from kanseq.specification.fields import gather
from kanseq.specification.optimisation import Settings
from kanseq.specification.python_signatures import takes
from kanseq.specification.training import TrainSpec
from kanseq.splits.split_tables import read_splits
from kanseq.tasks.learning_goal import describe_goal, goal_for
from kanseq.tasks.targets import OWN_PAIR, own_pair
from kanseq.training.baselines import train_baseline
from kanseq.training.fold_examples import FoldExamples, disturb_targets, prepare_folds
from kanseq.training.learners.find_learner import learner_of
from kanseq.training.one_fold import TrainPlan, train_fold
from kanseq.training.processes.distributed import join_team
from kanseq.training.processes.launch import launch
from kanseq.training.resolve_inputs import Tables, describe_inputs, resolve_settings
from kanseq.training.settings import check_seeds, choose_device, processor, settings_for
from kanseq.verbs.short_repr import brief

logger = logging.getLogger(__name__)


@brief
class Training(NamedTuple):
    """Result of :func:`train`.

    Attributes:
        output: the folder of the run.
        model: name of the architecture.
        parameters: number of trainable parameters of the model, as fitted to the first fold.
        folds: names of the requested folds.
        trained: number of models (one per fold and seed) trained by this call.
        skipped: number of models that had been trained before this call.
        genes: fold -> number of training genes that have a class (for regression, a number).
        precision: precision of matrix products in spline layers.
        threads: processor threads.
        device: the device used.
        auroc: auROC on held-out genes, averaged over folds and seeds. With three or more classes, it is also averaged
            over the classes, each against the rest. None for regression, or if no fold has held-out genes of two
            classes.
        baseline_auroc: the auROC of the baseline ``kmer-logistic``; None if it was not trained.
        verdict: a sentence with the scores of model and baseline that states which is better.
        seeds: the requested seeds.
        auroc_spread: standard deviation of the auROC over seeds; None for one seed.
        pearson, baseline_pearson, pearson_spread: for regression, Pearson's correlation between targets and
            predictions: its mean for the model, its mean for the baseline ``kmer-ridge``, and the standard deviation of
            the model's mean over seeds.
    """

    output: Path
    model: str
    parameters: int
    folds: list[str]
    trained: int
    skipped: int
    genes: dict[str, int]
    precision: str
    threads: int
    device: str
    auroc: float | None
    baseline_auroc: float | None
    verdict: str
    seeds: list[int]
    auroc_spread: float | None
    pearson: float | None
    baseline_pearson: float | None
    pearson_spread: float | None


@takes(TrainSpec)
def train(
    genes: Sets,
    *,
    labels: Tables | None = None,
    splits: PathLike | pd.DataFrame,
    output: PathLike,
    **options: object,
) -> Training:
    """Train a model on the training genes of each fold, and score it on the genes that the fold holds out.

    Only training genes with a class are used. With ``mid="rank"``, genes between low and high are used as well. For
    regression, all training genes with a number are used. Held-out genes are used for the final score only. If
    ``output`` contains a run with the same settings, it is continued: finished folds are kept, and an interrupted fold
    continues with the next batch. On a CPU, the same inputs, settings, seed and threads produce the same
    ``model.safetensors`` and ``predictions.tsv``, even after an interruption.

    Args:
        genes: the set, or its file; or several sets, which are combined (without copying sequences).
        labels: the table from ``kanseq label``, or several tables (of different species or conditions), which are
            concatenated; if None, the labels in the set are used.
        splits: the table from ``kanseq split``.
        output: the folder of the run; created if its parent exists.
        model: an architecture that ``kanseq models`` lists.
        holdout: the folds to train: ``all``, the name of a fold, or several names.
        options: hyper-parameters of the model.
        match_parameters: choose layer widths so that the number of parameters is as close to this as possible.
        condition: the condition to learn (``*``: the only condition of the labels). If several conditions or ``all``
            are specified, one model with an output per condition is trained. A gene is used if it has a label in at
            least one condition. Conditions without a label for the gene are ignored in the loss.
        task: ``binary``: low or high, or the two classes of the labels in the set; ``multiclass``: the three or more
            classes of the labels in the set; ``regression``: log10(TPM + 1) or, without ``labels``, the labels in the
            set as numbers. For regression, targets are standardised with mean and standard deviation of the fold's
            training genes, and predictions are converted back. None means ``multiclass`` if the labels in the set have
            more than two classes, else ``binary``.
        control: negative control: ``none``, or the data to shuffle: ``labels``, ``sequence`` or ``positions``, see
            :mod:`kanseq.sequences.controls`; the shuffle depends on the seed.
        visible: ``all``, ``flanks`` or ``transcribed``: the part of each gene window that the model and the baseline
            may see.
        calibrate: ``none``, ``platt`` or ``isotonic``: learn calibrated probabilities and a decision threshold from
            training genes, for two classes only. Networks use genes with the role ``tune``, which are then not used to
            fit weights. Estimators (models that are not networks) use cross-validated scores of training genes, from
            models that were not trained on neighbouring genes.
        mid: how networks use genes labelled mid in training: ``rank`` (learn to rank them by expression, between low
            and high) or ``none`` (not at all). None means the model's default.
        {settings}
        baseline: also train the baseline ``kmer-logistic`` (for regression ``kmer-ridge``) on the same folds, and
            compare the model with it.
        checkpoint_minutes: maximum time between two checkpoints, in minutes.
        seed: seed of initial weights, order of genes, and dropout; with several seeds, one model per seed is trained.
        seeds: number of consecutive seeds, starting with ``seed``.
        threads: processor threads of each process; 0 for torch's default.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        devices: number of processes on this node that train each network together, on one GPU each if there are GPUs;
            see :mod:`kanseq.training.processes.distributed`.
        nodes: number of nodes that train together; make the same call on each node.
        rendezvous: ``HOST:PORT`` of the node that all nodes connect to, if there are several.

    The settings of the optimisation, from ``epochs`` on, are the fields of
    :class:`kanseq.specification.optimisation.Settings`. None means the model's default (``kanseq models NAME``) or, if
    the model has none, the default of this class. Estimators use only ``balance``.

    Raises:
        BadOption: a setting is unknown or invalid, or the run was started with different settings.
        BadTable: tables of labels contradict each other, or the labels in the set are invalid for the task.
        UnknownGene, EmptySplit, OneClass: tables and set do not match, or a fold has no training genes, or only
            training genes of one class.
        RunInUse: another process is writing to the run.
        NotFinite: a loss or gradient is NaN or infinite; the fold's ``model.safetensors`` has the last finite weights.
        RankFailed: one of several processes ended with an error; the last checkpoint is complete.
        NotWritable: the folder cannot be written.
    """
    given = {"genes": genes, "labels": labels, "splits": splits, "output": output}
    return train_specified(gather(TrainSpec, {**given, **options}))


def train_specified(spec: TrainSpec) -> Training:
    """Train like :func:`train`. The fields of ``spec`` are the arguments of :func:`train`."""
    output = check_run_output(spec.output)  # type: ignore[arg-type]
    kind = architecture(spec.model)
    settings = settings_for(kind, **spec.settings)
    seeds = check_seeds(spec.seed, spec.seeds)
    if (spec.devices, spec.nodes) != (1, 1):
        return _train_in_a_team(spec, settings.precision)
    prepared = _prepare(spec, kind, settings, output)
    trained, baseline, count = 0, None, len(seeds)
    with _opened(prepared, spec, output, seeds[0]) as (plan, place):
        for seed in seeds:
            disturbed = plan._replace(genes=plan.goal.disturb(plan.genes, seed))
            folds = [disturb_targets(fold, plan.goal.control, seed) for fold in prepared.folds]
            trained += _train_folds(disturbed, folds, place, seed, named=count > 1)
            if seed == seeds[0] and spec.baseline and kind.compared:
                baseline = train_baseline(disturbed, folds, place, seed)
        return _summary(plan, prepared.folds, place, seeds, trained, baseline)


class _Prepared(NamedTuple):
    """Everything that is read and resolved before the run's folder is opened.

    Attributes:
        plan: the settings and data that all folds share, for training in a single process.
        folds: training, tuning and test examples of each fold.
        inputs: names and checksums of the input files."""

    plan: TrainPlan
    folds: list[FoldExamples]
    inputs: dict[str, object]


def _prepare(spec: TrainSpec, kind: Architecture, settings: Settings, output: Path) -> _Prepared:
    """Read the inputs, and resolve learning goal, hyper-parameters and settings; nothing is written."""
    device = choose_device(spec.device)
    has_labels = spec.labels is not None
    goal = goal_for(kind, spec.learning, balance=settings.balance, labels=has_labels)
    inputs = describe_inputs(spec.genes, spec.labels, spec.splits)  # type: ignore[arg-type]
    genes = goal.see(as_one(spec.genes))  # type: ignore[arg-type]
    labels = join_labels(spec.labels) if has_labels else None  # type: ignore[arg-type]
    goal = goal.learning(genes, labels, spec.learning.task, spec.learning.condition)
    goal.check_model(kind, settings.balance, spec.options or {})
    config = make_config(spec.model, genes.geometry, spec.options or {}, goal.outputs)
    config = config if spec.match_parameters is None else matched(kind, config, spec.match_parameters)
    settings = resolve_settings(settings, kind, config, goal, output / RUN, device)
    folds = prepare_folds(
        genes,
        labels,
        read_splits(spec.splits),  # type: ignore[arg-type]
        holdout=spec.holdout,
        condition=goal.condition,
        task=goal.task,
        tune=settings.tune or (goal.calibrate != "none" and learner_of(kind).calibrates_on_tune),
        least=1 if goal.calibrate == "none" else 2,
        mid=goal.mid,
    )
    facts = {"contigs": genes.contigs, "versions": versions(), "inputs": inputs}
    pair = own_pair(genes) if not has_labels and goal.task == "binary" else ()
    # kanseq predict knows labels 0 and 1 without a record of the pair.
    facts |= {OWN_PAIR: list(pair)} if pair not in ((), ("0", "1")) else {}
    known, minutes = known_sequences(genes), spec.checkpoint_minutes
    plan = TrainPlan(genes, kind, config, goal, settings, facts, known, spec.threads, device, minutes)
    return _Prepared(plan, folds, inputs)


@contextmanager
def _opened(prepared: _Prepared, spec: TrainSpec, output: Path, seed: int) -> Iterator[tuple[TrainPlan, Path]]:
    """Set up threads, join the other processes and lock the run's folder; yield the completed plan and the folder.

    If several processes train together, all except the first get a temporary copy of the folder.
    """
    plan = prepared.plan
    with processor(spec.threads, seed) as count, join_team(output, plan.device) as (team, place, device):
        machine = {"threads": count, "device": device}
        recorded = {**plan.goal.to_json(), **plan.kind.recorded(plan.settings)}
        config, kind = config_to_json(plan.config), plan.kind.kind
        described = describe_run(kind, spec.model, config, recorded, prepared.inputs, machine)
        with open_run(place, described):
            yield plan._replace(threads=count, device=device, team=team), place


def _train_in_a_team(spec: TrainSpec, precision: str) -> Training:
    """Train the unfinished folds in several processes, then the baseline in this process; return the result."""
    spec = replace(spec, threads=spec.threads or max(1, torch.get_num_threads() // spec.devices))
    output = Path(spec.output)  # type: ignore[arg-type]
    before = len(finished_parts(output))
    if not launch(spec):
        return _of_another_node(spec, output, precision)
    result = train_specified(replace(spec, devices=1, nodes=1, rendezvous=None))
    fresh = len(finished_parts(output)) - before
    return result._replace(trained=fresh, skipped=result.skipped - fresh)


def _of_another_node(spec: TrainSpec, output: Path, precision: str) -> Training:
    """Return a result without scores, for all nodes except the first. These nodes do not need access to the run."""
    return Training(
        output=output, model=spec.model, parameters=0, folds=[], trained=0, skipped=0, genes={},
        precision=precision, threads=spec.threads, device=spec.device,
        auroc=None, baseline_auroc=None, verdict="this node has finished; the first node reports the results", seeds=[],
        auroc_spread=None, pearson=None, baseline_pearson=None, pearson_spread=None,
    )  # fmt: skip


def _train_folds(plan: TrainPlan, folds: list[FoldExamples], output: Path, seed: int, named: bool) -> int:
    """Train the unfinished folds and return how many were trained. If ``named``, log messages include the seed."""
    trained = 0
    for number, fold in enumerate(folds, start=1):
        folder = part_folder(output, fold.name, seed)
        title = f"{plan.kind.name}, fold {fold.name} ({number} of {len(folds)})"
        title += f", seed {seed}" if named else ""
        if is_done(folder):
            logger.info("%s: already finished", title)
            continue
        between = len(fold.ranked) - len(fold.train) if len(fold.ranked) else 0
        more = f", and {between:,} between low and high" if between else ""
        logger.info("%s: %s training genes%s", title, f"{len(fold.train):,}", more)
        train_fold(plan, fold, folder, seed, title)
        trained += 1
    return trained


def _summary(
    plan: TrainPlan,
    folds: list[FoldExamples],
    output: Path,
    seeds: list[int],
    trained: int,
    baseline: HeadlineScore | None,
) -> Training:
    """Score the trained models on held-out genes and return the result of :func:`train`.

    ``trained`` is the number of models trained by this call, ``baseline`` the score of the baseline."""
    task = plan.goal.task
    score = score_folders([[part_folder(output, fold.name, each) for fold in folds] for each in seeds], task)
    done = read_done(part_folder(output, folds[0].name, seeds[0])) or {}
    values = score and score.value, baseline and baseline.value, score and score.spread
    auroc, pearson = ((None,) * 3, values) if task == "regression" else (values, (None,) * 3)
    return Training(
        output=output,
        model=plan.kind.name,
        parameters=int(done.get("parameters", 0)),  # type: ignore[call-overload]
        folds=[fold.name for fold in folds],
        trained=trained,
        skipped=len(folds) * len(seeds) - trained,
        genes={fold.name: len(fold.train) for fold in folds},
        precision=plan.settings.precision,
        threads=plan.threads,
        device=plan.device,
        auroc=auroc[0],
        baseline_auroc=auroc[1],
        verdict=verdict(plan.kind.name, score, BASELINES[task], baseline, task, len(folds), describe_goal(plan.goal)),
        seeds=seeds,
        auroc_spread=auroc[2],
        pearson=pearson[0],
        baseline_pearson=pearson[1],
        pearson_spread=pearson[2],
    )
