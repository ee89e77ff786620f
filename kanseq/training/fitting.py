"""``kanseq train``: fit a model to every fold, score the genes that it never saw, and stand it beside a plain one.

In: a set, labels, splits. Out: a run's folder.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch

from kanseq.data.combining import Sets, as_one
from kanseq.data.label_tables import join_labels
from kanseq.data.splits import read_splits
from kanseq.errors import BadOption
from kanseq.files import PathLike
from kanseq.models.registry import architecture, config_to_json, make_config
from kanseq.models.sizes import match_parameters as matched
from kanseq.showing import brief
from kanseq.training.aims import Aim, describe_aim, mid_for
from kanseq.training.assignment import known_sequences
from kanseq.training.baselines import train_baseline
from kanseq.training.folds import Fold, prepare_folds
from kanseq.training.one_fold import Plan, train_fold
from kanseq.training.preparation import Tables, describe_inputs, resolve_settings
from kanseq.training.runs import (
    BASELINES,
    check_run_output,
    describe_run,
    fold_folder,
    is_done,
    open_run,
    read_done,
    versions,
)
from kanseq.training.settings import Settings, check_seeds, choose_device, processor, settings_for
from kanseq.training.targets import OWN_PAIR, own_pair
from kanseq.training.team import joined, launch
from kanseq.training.verdicts import Score, score_folders, verdict

logger = logging.getLogger(__name__)

Option = str | int | float | bool


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
            and what was foretold; its plain model is ``kmer-ridge``.
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


def train(
    genes: Sets,
    *,
    labels: Tables | None = None,
    splits: PathLike | pd.DataFrame,
    output: PathLike,
    model: str = "kan-words",
    holdout: str | Sequence[str] = "all",
    options: Mapping[str, Option] | None = None,
    match_parameters: int | None = None,
    condition: str | Sequence[str] = "*",
    task: str | None = None,
    control: str = "none",
    visible: str = "all",
    calibrate: str = "none",
    mid: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    decay: str | None = None,
    schedule: str | None = None,
    clip: float | None = None,
    balance: str = "none",
    tune: bool = False,
    patience: int | None = None,
    precision: str | None = None,
    compile: bool = False,
    baseline: bool = True,
    checkpoint_minutes: float = 10.0,
    seed: int | Sequence[int] = 0,
    seeds: int = 1,
    threads: int = 0,
    device: str = "auto",
    devices: int = 1,
    nodes: int = 1,
    rendezvous: str | None = None,
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
        control: ``labels``, ``sequence`` or ``positions``: what is destroyed on purpose, see
            :mod:`kanseq.data.controls`; each seed destroys it in its own way.
        visible: ``all``, ``flanks`` or ``transcribed``: which columns of genes models (also the plain one) see.
        calibrate: ``platt`` or ``isotonic``: learn calibrated probabilities and a decision threshold from training
            genes; networks from genes of role ``tune``, which then do not train, plain models from scores of training
            genes by models that had not seen their neighbourhood. Of two classes only.
        mid: ``rank``: networks train on genes labelled mid, too, which shall score the higher the higher they rank
            between low and high; ``none``; where None the model's own.
        epochs, batch_size, learning_rate, weight_decay, decay, schedule, clip, balance, tune, patience, precision:
            see :class:`kanseq.training.settings.Settings`; where None the model's own (``kanseq models NAME``), or the
            defaults there. Plain models use ``balance`` only.
        compile: whether steps go through ``torch.compile``; where that fails they do not, with one warning.
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

    Raises:
        BadOption: a setting is unknown or senseless, or the run was begun with other ones.
        BadTable: tables of labels contradict each other, or the set's own labels are not what the task learns.
        UnknownGene, EmptySplit, OneClass: the tables do not fit the set, or a fold cannot be trained.
        RunInUse: another process writes into the run.
        NotFinite: training met NaN; the fold's ``model.safetensors`` holds the last good weights.
        RankFailed: one of several processes has ended; the last state is whole.
        NotWritable: the folder cannot be written.
    """
    given = dict(locals())
    output = check_run_output(output)
    kind = architecture(model)
    settings = settings_for(kind, **{each.name: given.get(each.name) for each in fields(Settings)})
    if not checkpoint_minutes >= 0:
        raise BadOption(f"checkpoint_minutes is {checkpoint_minutes}", mend="it must be at least 0")
    wanted = check_seeds(seed, seeds)
    if (devices, nodes) != (1, 1):
        return _train_in_a_team(given, settings.precision)
    device = choose_device(device)
    aim = Aim(
        "*",
        task or "binary",
        control,
        visible,
        calibrate,
        mid_for(kind, task, mid, balance=balance, labels=labels is not None),
    )
    inputs = describe_inputs(genes, labels, splits)
    genes = aim.see(as_one(genes))
    labelled = None if labels is None else join_labels(labels)
    aim = aim.learning(genes, labelled, task, condition)
    aim.check_model(kind, balance, options or {})
    config = make_config(model, genes.geometry, options or {}, aim.outputs)
    config = config if match_parameters is None else matched(kind, config, match_parameters)
    settings = resolve_settings(settings, kind, config, aim, output / "run.json", device)
    folds = prepare_folds(
        genes,
        labelled,
        splits if isinstance(splits, pd.DataFrame) else read_splits(splits),
        holdout=holdout,
        condition=aim.condition,
        task=aim.task,
        tune=settings.tune or (calibrate != "none" and not kind.plain),
        least=1 if calibrate == "none" else 2,
        mid=aim.mid,
    )
    recorded = {**aim.to_json(), **({"balance": balance} if kind.plain else settings.to_json())}
    facts = {"contigs": genes.contigs, "versions": versions(), "inputs": inputs}
    pair = own_pair(genes) if labelled is None and aim.task == "binary" else ()
    # What predict takes for the targets 0 and 1 anyway need not be said.
    facts |= {OWN_PAIR: list(pair)} if pair not in ((), ("0", "1")) else {}
    known, trained, beside = known_sequences(genes), 0, None
    with processor(threads, wanted[0]) as count, joined(output, device) as (team, place, device), ExitStack() as held:
        machine = {"threads": count, "device": device}
        described = describe_run(model, config_to_json(config), recorded, inputs, machine)
        held.enter_context(open_run(place, described))
        plan = Plan(genes, kind, config, aim, settings, facts, known, count, device, checkpoint_minutes, team)
        for each in wanted:
            disturbed = plan._replace(genes=aim.disturb(genes, each))
            left = [aim.disturb_targets(fold, each) for fold in folds]
            trained += _train_folds(disturbed, left, place, each, named=len(wanted) > 1)
            if each == wanted[0] and baseline and not kind.plain:
                beside = train_baseline(disturbed, left, place, each)
        return _summary(plan, folds, place, wanted, trained, beside)


def _train_in_a_team(given: dict[str, object], precision: str) -> Training:
    """Have several processes train what is not finished; sum up, and train the plain model, in this one."""
    devices, nodes, rendezvous = (given.pop(name) for name in ("devices", "nodes", "rendezvous"))
    given["threads"] = given["threads"] or max(1, torch.get_num_threads() // max(1, devices))  # type: ignore[operator,call-overload]
    output = Path(given["output"])  # type: ignore[arg-type]
    before = set(output.glob(FINISHED))
    options = {"set": [f"{key}={value}" for key, value in (given["options"] or {}).items()]}  # type: ignore[attr-defined]
    options |= {name: value for name, value in given.items() if name not in ("genes", "options", "baseline")}
    first = launch(
        options,
        devices=devices,
        nodes=nodes,
        rendezvous=rendezvous,
        genes=given["genes"],
        threads=given["threads"],  # type: ignore[arg-type]
    )
    if not first:
        return _of_another_node(given, output, precision)
    found = train(**given)  # type: ignore[arg-type]
    fresh = len(set(output.glob(FINISHED)) - before)
    return found._replace(trained=fresh, skipped=found.skipped - fresh)


def _of_another_node(given: Mapping[str, object], output: Path, precision: str) -> Training:
    """Say that the first node has the run: here it may not even be seen."""
    return Training(
        output=output, model=str(given["model"]), parameters=0, folds=[], trained=0, skipped=0, genes={},
        precision=precision, threads=given["threads"], device=str(given["device"]),  # type: ignore[arg-type]
        auroc=None, baseline_auroc=None, verdict="this node took its share; the first one sums up", seeds=[],
        auroc_spread=None, pearson=None, baseline_pearson=None, pearson_spread=None,
    )  # fmt: skip


FINISHED = "folds/*/seed-*/done.json"
"""Where finished folds of a run are known by."""


def _train_folds(plan: Plan, folds: list[Fold], output: Path, seed: int, named: bool) -> int:
    """Train the folds that are not finished; gives how many. The seed is named where there are several."""
    trained = 0
    for number, fold in enumerate(folds, start=1):
        folder = fold_folder(output, fold.name, seed)
        title = f"{plan.kind.name}, fold {fold.name} ({number} of {len(folds)})"
        title += f", seed {seed}" if named else ""
        if is_done(folder):
            logger.info("%s: finished before", title)
            continue
        between = len(fold.ranked) - len(fold.train) if len(fold.ranked) and not plan.kind.plain else 0
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
    score = score_folders([[fold_folder(output, fold.name, each) for fold in folds] for each in seeds], task)
    done = read_done(fold_folder(output, folds[0].name, seeds[0])) or {}
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
