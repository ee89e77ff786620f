"""``kanseq train``: fit a model to every fold, score the genes that it never saw, and stand it beside a plain one.

In: a set, labels, splits. Out: a run's folder.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch

from kanseq.data.label_tables import join_labels
from kanseq.data.several_sets import Sets, as_one
from kanseq.data.split_tables import read_splits
from kanseq.files import PathLike
from kanseq.models.architecture import Architecture
from kanseq.models.registry import architecture, config_to_json, make_config
from kanseq.models.sizes import match_parameters as matched
from kanseq.showing import brief
from kanseq.specification.fields import gather
from kanseq.specification.optimisation import Settings
from kanseq.specification.python import takes
from kanseq.specification.training import TrainSpec
from kanseq.training.aims import aim_for, describe_aim
from kanseq.training.assignment import known_sequences
from kanseq.training.baselines import train_baseline
from kanseq.training.descriptions import RUN, describe_run, versions
from kanseq.training.folds import Fold, disturb_targets, prepare_folds
from kanseq.training.launching import launch
from kanseq.training.learners import learner_of
from kanseq.training.one_fold import Plan, train_fold
from kanseq.training.parts import BASELINES, finished_parts, is_done, part_folder, read_done
from kanseq.training.preparation import Tables, describe_inputs, resolve_settings
from kanseq.training.runs import check_run_output, open_run
from kanseq.training.settings import check_seeds, choose_device, processor, settings_for
from kanseq.training.targets import OWN_PAIR, own_pair
from kanseq.training.team import joined
from kanseq.training.verdicts import Score, score_folders, verdict

logger = logging.getLogger(__name__)


@brief
class Training(NamedTuple):
    """What a training did.

    Attributes:
        output: the run's folder.
        model: name of the architecture.
        parameters: trainable numbers of the model, as fitted to the first fold.
        folds: the folds that were asked for.
        trained: how many models (one per fold and seed) were trained now.
        skipped: how many were finished before.
        genes: training genes per fold, those with a class (for regression, with a number).
        precision: of the spline layers' products.
        threads: processor threads.
        device: where it ran.
        auroc: mean over the folds (and seeds) of the area under the ROC curve of their held-out genes (of several
            classes, the mean over them, each against the rest); None if no fold has two classes, and for regression.
        baseline_auroc: the same of ``kmer-logistic``; None if it was not trained.
        verdict: both in words, and which is better.
        seeds: the seeds that were asked for.
        auroc_spread: standard deviation over several seeds.
        pearson, baseline_pearson, pearson_spread: of regression: the same of Pearson's correlation between the targets
            and what was predicted; its plain model is ``kmer-ridge``.
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
    """Train a model on each fold's training genes and score the genes that the fold holds out.

    Genes with a class train (those between low and high too where ``mid`` is ``rank``; for regression all that have a
    number), and the held-out genes are read for nothing but their final score. A run that was begun with the same
    settings goes on where it was: finished folds are kept, and a broken-off fold continues with the next batch. The
    same inputs, settings, seed and threads give the same ``model.safetensors`` and ``predictions.tsv`` on a CPU, also
    after an interruption.

    Args:
        genes: the set, or its file; or several, which are put under each other without being copied.
        labels: the table of ``kanseq label``, or several of different species or conditions, which are put under each
            other; None takes the labels that the set came with.
        splits: the table of ``kanseq split``.
        output: the run's folder; made if its parent is there.
        model: an architecture of ``kanseq models``.
        holdout: ``all``, the name of a fold, or several.
        options: the model's own hyper-parameters.
        match_parameters: choose widths so that the network has so many parameters, as near as can be.
        condition: the condition whose labels are learned (``*``: the only one there is). Several, or ``all``: one model
            with an output for each; a gene trains where it has a label in one condition at least, and its other outputs
            learn nothing of it.
        task: ``binary``: low or high, or two classes of the set's own labels; ``multiclass``: its three or more own
            classes; ``regression``: log10(TPM + 1) or, without ``labels``, the set's own labels as numbers, in their
            own units, standardised by the fold's training genes. Where None ``multiclass`` for a set of more than two
            own classes, else ``binary``.
        control: ``labels``, ``sequence`` or ``positions``: what is shuffled on purpose, see
            :mod:`kanseq.data.controls`; each seed shuffles it in its own way.
        visible: ``all``, ``flanks`` or ``transcribed``: which columns of genes models (also the plain one) see.
        calibrate: ``platt`` or ``isotonic``: learn calibrated probabilities and a decision threshold from training
            genes; networks from genes of role ``tune``, which then do not train, estimators from scores of training
            genes by models that had not seen their neighbourhood. Of two classes only.
        mid: ``rank``: networks train on genes labelled mid, too, which shall score the higher the higher they rank
            between low and high; ``none``; where None the model's own.
        {settings}
        baseline: also train ``kmer-logistic`` (for regression ``kmer-ridge``) on the same folds, inside the run, and
            compare.
        checkpoint_minutes: at most so long between two states on disk.
        seed: of initial weights, the order of genes, and dropout; several give a model each.
        seeds: so many seeds, from ``seed`` on.
        threads: processor threads (of each process); 0 for as many as torch finds.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        devices: processes on this node that train each network together, on a GPU each where there are some; see
            :mod:`kanseq.training.team`.
        nodes: nodes on which this is called alike.
        rendezvous: ``HOST:PORT`` of one of several nodes.

    Settings of the optimisation, from ``epochs`` on, are those of
    :class:`kanseq.specification.optimisation.Settings`. None takes the model's own (``kanseq models NAME``), or the
    default there. Models that are fitted at once take ``balance`` only.

    Raises:
        BadOption: a setting is unknown or senseless, or the run was begun with other ones.
        BadTable: tables of labels contradict each other, or the set's own labels are not what the task learns.
        UnknownGene, EmptySplit, OneClass: the tables do not fit the set, or a fold cannot be trained.
        RunInUse: another process writes into the run.
        NotFinite: training met NaN; the fold's ``model.safetensors`` holds the last good weights.
        RankFailed: one of several processes has ended; the last state is whole.
        NotWritable: the folder cannot be written.
    """
    given = {"genes": genes, "labels": labels, "splits": splits, "output": output}
    return train_specified(gather(TrainSpec, {**given, **options}))


def train_specified(spec: TrainSpec) -> Training:
    """Train as a specification says; see :func:`train`."""
    output = check_run_output(spec.output)  # type: ignore[arg-type]
    kind = architecture(spec.model)
    settings = settings_for(kind, **spec.settings)
    seeds = check_seeds(spec.seed, spec.seeds)
    if (spec.devices, spec.nodes) != (1, 1):
        return _train_in_a_team(spec, settings.precision)
    prepared = _prepare(spec, kind, settings, output)
    trained, beside, count = 0, None, len(seeds)
    with _opened(prepared, spec, output, seeds[0]) as (plan, place):
        for seed in seeds:
            disturbed = plan._replace(genes=plan.aim.disturb(plan.genes, seed))
            folds = [disturb_targets(fold, plan.aim.control, seed) for fold in prepared.folds]
            trained += _train_folds(disturbed, folds, place, seed, named=count > 1)
            if seed == seeds[0] and spec.baseline and kind.compared:
                beside = train_baseline(disturbed, folds, place, seed)
        return _summary(plan, prepared.folds, place, seeds, trained, beside)


class _Prepared(NamedTuple):
    """What is known before a run's folder is opened: the plan (for a process alone), folds, and fingerprints."""

    plan: Plan
    folds: list[Fold]
    inputs: dict[str, object]


def _prepare(spec: TrainSpec, kind: Architecture, settings: Settings, output: Path) -> _Prepared:
    """Read the inputs, and settle what they and the model's recipe decide; nothing is written."""
    device = choose_device(spec.device)
    has_labels = spec.labels is not None
    aim = aim_for(kind, spec.learning, balance=settings.balance, labels=has_labels)
    inputs = describe_inputs(spec.genes, spec.labels, spec.splits)  # type: ignore[arg-type]
    genes = aim.see(as_one(spec.genes))  # type: ignore[arg-type]
    labels = join_labels(spec.labels) if has_labels else None  # type: ignore[arg-type]
    aim = aim.learning(genes, labels, spec.learning.task, spec.learning.condition)
    aim.check_model(kind, settings.balance, spec.options or {})
    config = make_config(spec.model, genes.geometry, spec.options or {}, aim.outputs)
    config = config if spec.match_parameters is None else matched(kind, config, spec.match_parameters)
    settings = resolve_settings(settings, kind, config, aim, output / RUN, device)
    folds = prepare_folds(
        genes,
        labels,
        read_splits(spec.splits),  # type: ignore[arg-type]
        holdout=spec.holdout,
        condition=aim.condition,
        task=aim.task,
        tune=settings.tune or (aim.calibrate != "none" and learner_of(kind).calibrates_on_tune),
        least=1 if aim.calibrate == "none" else 2,
        mid=aim.mid,
    )
    facts = {"contigs": genes.contigs, "versions": versions(), "inputs": inputs}
    pair = own_pair(genes) if not has_labels and aim.task == "binary" else ()
    # What predict takes for the targets 0 and 1 anyway need not be said.
    facts |= {OWN_PAIR: list(pair)} if pair not in ((), ("0", "1")) else {}
    known, minutes = known_sequences(genes), spec.checkpoint_minutes
    plan = Plan(genes, kind, config, aim, settings, facts, known, spec.threads, device, minutes)
    return _Prepared(plan, folds, inputs)


@contextmanager
def _opened(prepared: _Prepared, spec: TrainSpec, output: Path, seed: int) -> Iterator[tuple[Plan, Path]]:
    """Make the processor ready, meet the other processes and lock the run's folder; hands out the plan and the folder.

    A process that is not the first of several gets a folder of its own.
    """
    plan = prepared.plan
    with processor(spec.threads, seed) as count, joined(output, plan.device) as (team, place, device):
        machine = {"threads": count, "device": device}
        recorded = {**plan.aim.to_json(), **plan.kind.recorded(plan.settings)}
        config, kind = config_to_json(plan.config), plan.kind.kind
        described = describe_run(kind, spec.model, config, recorded, prepared.inputs, machine)
        with open_run(place, described):
            yield plan._replace(threads=count, device=device, team=team), place


def _train_in_a_team(spec: TrainSpec, precision: str) -> Training:
    """Have several processes train what is not finished; sum up, and train the plain model, in this one."""
    spec = replace(spec, threads=spec.threads or max(1, torch.get_num_threads() // spec.devices))
    output = Path(spec.output)  # type: ignore[arg-type]
    before = len(finished_parts(output))
    if not launch(spec):
        return _of_another_node(spec, output, precision)
    found = train_specified(replace(spec, devices=1, nodes=1, rendezvous=None))
    fresh = len(finished_parts(output)) - before
    return found._replace(trained=fresh, skipped=found.skipped - fresh)


def _of_another_node(spec: TrainSpec, output: Path, precision: str) -> Training:
    """Say that the first node has the run: here it may not even be seen."""
    return Training(
        output=output, model=spec.model, parameters=0, folds=[], trained=0, skipped=0, genes={},
        precision=precision, threads=spec.threads, device=spec.device,
        auroc=None, baseline_auroc=None, verdict="this node took its share; the first one sums up", seeds=[],
        auroc_spread=None, pearson=None, baseline_pearson=None, pearson_spread=None,
    )  # fmt: skip


def _train_folds(plan: Plan, folds: list[Fold], output: Path, seed: int, named: bool) -> int:
    """Train the folds that are not finished; gives how many. The seed is named where there are several."""
    trained = 0
    for number, fold in enumerate(folds, start=1):
        folder = part_folder(output, fold.name, seed)
        title = f"{plan.kind.name}, fold {fold.name} ({number} of {len(folds)})"
        title += f", seed {seed}" if named else ""
        if is_done(folder):
            logger.info("%s: finished before", title)
            continue
        between = len(fold.ranked) - len(fold.train) if len(fold.ranked) else 0
        more = f", and {between:,} between low and high" if between else ""
        logger.info("%s: %s training genes%s", title, f"{len(fold.train):,}", more)
        train_fold(plan, fold, folder, seed, title)
        trained += 1
    return trained


def _summary(
    plan: Plan, folds: list[Fold], output: Path, seeds: list[int], trained: int, beside: Score | None
) -> Training:
    """Score what was trained on the genes that it never saw, and say all of it."""
    task = plan.aim.task
    score = score_folders([[part_folder(output, fold.name, each) for fold in folds] for each in seeds], task)
    done = read_done(part_folder(output, folds[0].name, seeds[0])) or {}
    found = score and score.value, beside and beside.value, score and score.spread
    auroc, pearson = ((None,) * 3, found) if task == "regression" else (found, (None,) * 3)
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
        verdict=verdict(plan.kind.name, score, BASELINES[task], beside, task, len(folds), describe_aim(plan.aim)),
        seeds=seeds,
        auroc_spread=auroc[2],
        pearson=pearson[0],
        baseline_pearson=pearson[1],
        pearson_spread=pearson[2],
    )
