"""``kanseq train``: fit a model to every fold, score the genes that it never saw, and stand it beside a plain one.

In: a set, labels, splits. Out: a run's folder.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from kanseq.data.labels import read_labels
from kanseq.data.sequences import SequenceSet
from kanseq.data.splits import read_splits
from kanseq.errors import BadOption
from kanseq.files import PathLike, check_input
from kanseq.models.architecture import Config, NetworkConfig
from kanseq.models.network import SequenceNetwork
from kanseq.models.registry import Architecture, architecture, config_to_json, make_config
from kanseq.nn.precision import resolve_precision
from kanseq.training.assignment import known_sequences
from kanseq.training.folds import Fold, prepare_folds
from kanseq.training.metrics import auroc
from kanseq.training.one_fold import Plan, train_fold
from kanseq.training.runs import (
    BASELINE,
    baseline_folder,
    check_run_output,
    describe_input,
    describe_run,
    fold_folder,
    is_done,
    open_run,
    read_done,
    read_run,
    versions,
)
from kanseq.training.settings import Settings, choose_device, processor
from kanseq.training.tables import read_predictions
from kanseq.training.tasks import Task

logger = logging.getLogger(__name__)

Option = str | int | float | bool


class Training(NamedTuple):
    """What a training did.

    Attributes:
        output: the run's folder.
        model: name of the architecture.
        parameters: trainable numbers of the model, as fitted to the first fold.
        folds: the folds that were asked for.
        trained: how many of them were trained now.
        skipped: how many were finished before.
        genes: labelled training genes per fold.
        precision: of the spline layers' products.
        threads: processor threads.
        device: where it ran.
        auroc: mean over the folds of the area under the ROC curve of their held-out genes; None if no fold has both
            classes.
        baseline_auroc: the same of ``kmer-logistic``; None if it was not trained.
        verdict: both in words, and which is better.
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


def train(
    genes: PathLike | SequenceSet,
    *,
    labels: PathLike | pd.DataFrame | None = None,
    splits: PathLike | pd.DataFrame,
    output: PathLike,
    model: str = "kan-mixer",
    holdout: str | Sequence[str] = "all",
    options: Mapping[str, Option] | None = None,
    condition: str = "*",
    epochs: int = 5,
    batch_size: int = 64,
    learning_rate: float = 5e-4,
    weight_decay: float = 0.1,
    decay: str = "decoupled",
    schedule: str = "constant",
    clip: float | None = None,
    balance: str = "none",
    tune: bool = False,
    patience: int = 3,
    precision: str = "auto",
    compile: bool = False,
    baseline: bool = True,
    checkpoint_minutes: float = 10.0,
    seed: int = 0,
    threads: int = 0,
    device: str = "auto",
) -> Training:
    """Train a model on each fold's training genes and score the genes that the fold holds out.

    Only genes labelled low or high train, and the held-out genes are read for nothing but their final score. A run
    that was begun with the same settings goes on where it was: finished folds are kept, and a broken-off fold
    continues with the next batch. The same inputs, settings, seed and threads give the same ``model.safetensors`` and
    ``predictions.tsv`` on a CPU, also after an interruption.

    Args:
        genes: the set, or its file.
        labels: the table of ``kanseq label``; None takes the labels that the set came with.
        splits: the table of ``kanseq split``.
        output: the run's folder; made if its parent is there.
        model: an architecture of ``kanseq models``.
        holdout: ``all``, the name of a fold, or several.
        options: the model's own hyper-parameters.
        condition: the condition whose labels are learned.
        epochs, batch_size, learning_rate, weight_decay, decay, schedule, clip, balance, tune, patience, precision:
            see :class:`kanseq.training.settings.Settings`; plain models use ``balance`` only.
        compile: whether steps go through ``torch.compile``; where that fails they do not, with one warning.
        baseline: also train ``kmer-logistic`` on the same folds, inside the run, and compare.
        checkpoint_minutes: at most so long between two states on disk.
        seed: of initial weights, the order of genes, and dropout.
        threads: processor threads; 0 for as many as torch finds.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        BadOption: a setting is unknown or senseless, or the run was begun with other ones.
        UnknownGene, EmptySplit, OneClass: the tables do not fit the set, or a fold cannot be trained.
        RunInUse: another process writes into the run.
        NotFinite: training met NaN; the fold's ``model.safetensors`` holds the last good weights.
        NotWritable: the folder cannot be written.
    """
    output = check_run_output(output)
    settings = Settings(
        epochs,
        batch_size,
        learning_rate,
        weight_decay,
        decay,
        schedule,
        clip,
        balance,
        tune,
        patience,
        precision,
        compile,
    )
    if not checkpoint_minutes >= 0:
        raise BadOption(f"checkpoint_minutes is {checkpoint_minutes}", mend="it must be at least 0")
    kind, device = architecture(model), choose_device(device)
    inputs = _describe_inputs(genes=genes, labels=labels, splits=splits)
    genes = genes if isinstance(genes, SequenceSet) else SequenceSet.read(genes)
    config = make_config(model, genes.geometry, options or {})
    settings = _resolved(settings, kind, config, output, device)
    folds = prepare_folds(
        genes,
        labels if labels is None or isinstance(labels, pd.DataFrame) else read_labels(labels),
        splits if isinstance(splits, pd.DataFrame) else read_splits(splits),
        holdout=holdout,
        condition=condition,
        tune=settings.tune,
    )
    recorded = {"condition": condition, **({"balance": balance} if kind.plain else settings.to_json())}
    facts = {"contigs": genes.contigs, "versions": versions(), "inputs": inputs}
    known, beside = known_sequences(genes), None
    with processor(threads, seed) as count, ExitStack() as held:
        machine = {"threads": count, "device": device}
        described = describe_run(model, config_to_json(config), recorded, inputs, machine)
        held.enter_context(open_run(output, described))
        plan = Plan(genes, kind, config, settings, condition, facts, known, count, device, checkpoint_minutes)
        trained, parameters = _train_folds(plan, folds, output, seed)
        if baseline and not kind.plain:
            beside = _train_baseline(plan, folds, output, seed)
    score = _mean_auroc([fold_folder(output, fold.name, seed) for fold in folds])
    return Training(
        output=output,
        model=model,
        parameters=parameters,
        folds=[fold.name for fold in folds],
        trained=trained,
        skipped=len(folds) - trained,
        genes={fold.name: len(fold.train) for fold in folds},
        precision=settings.precision,
        threads=count,
        device=device,
        auroc=score,
        baseline_auroc=beside,
        verdict=_verdict(model, score, beside, len(folds)),
    )


def _describe_inputs(**given: PathLike | SequenceSet | pd.DataFrame | None) -> dict[str, object]:
    """Fingerprint the inputs, after making sure that all files are there."""
    for one in given.values():
        if one is not None and not isinstance(one, (SequenceSet, pd.DataFrame)):
            check_input(one)
    return {name: describe_input(one) for name, one in given.items()}


def _resolved(settings: Settings, kind: Architecture, config: Config, output: Path, device: str) -> Settings:
    """Settle what ``auto`` means: what the run was begun with, or else what the device is best at.

    A model without layers that take their products in bfloat16 is float32 throughout.
    """
    if kind.plain:
        if settings.tune:
            logger.warning("%s tunes itself inside the training genes: --tune has no effect", kind.name)
        return replace(settings, tune=False, precision="float32")
    if not any(hasattr(layer, "precision") for layer in _built(kind, config).modules()):
        if settings.precision == "bfloat16":
            logger.warning("%s has no layers that multiply in bfloat16: it trains in float32", kind.name)
        return replace(settings, precision="float32")
    if settings.precision != "auto":
        return settings
    if (output / "run.json").exists():
        before = read_run(output).get("settings", {}).get("precision")  # type: ignore[attr-defined]
        if before:
            return replace(settings, precision=before)
    return replace(settings, precision=resolve_precision("auto", device))


def _built(kind: Architecture, config: NetworkConfig) -> SequenceNetwork:
    """Build a network once before anything is written, to see that it can be built and trained."""
    Task(outputs=config.outputs)
    try:
        with torch.random.fork_rng():
            return kind.build(config)  # type: ignore[return-value]
    except (RuntimeError, MemoryError) as error:
        reason = str(error).splitlines()[0]
        raise BadOption(f"the model '{kind.name}' cannot be built ({reason})", mend="make it smaller") from error


def _train_folds(plan: Plan, folds: list[Fold], output: Path, seed: int) -> tuple[int, int]:
    """Train the folds that are not finished; gives how many, and the model's parameters."""
    trained = 0
    for number, fold in enumerate(folds, start=1):
        folder = fold_folder(output, fold.name, seed)
        title = f"{plan.kind.name}, fold {fold.name} ({number} of {len(folds)})"
        if is_done(folder):
            logger.info("%s: finished before", title)
            continue
        logger.info("%s: %s training genes", title, f"{len(fold.train):,}")
        train_fold(plan, fold, folder, seed, title)
        trained += 1
    done = read_done(fold_folder(output, folds[0].name, seed))
    return trained, int(done["parameters"]) if done else 0  # type: ignore[call-overload]


def _train_baseline(plan: Plan, folds: list[Fold], output: Path, seed: int) -> float | None:
    """Train ``kmer-logistic`` on the folds that lack it, on tuning genes too; gives its mean score."""
    kind = architecture(BASELINE)
    config = make_config(BASELINE, plan.genes.geometry)
    plan = plan._replace(kind=kind, config=config, settings=replace(plan.settings, precision="float32", tune=False))
    for fold in folds:
        folder = baseline_folder(output, fold.name)
        if not is_done(folder):
            logger.info("%s, fold %s: %s training genes", BASELINE, fold.name, f"{len(fold.train) + len(fold.tune):,}")
            train_fold(plan, _with_tuning(fold), folder, seed, BASELINE)
    return _mean_auroc([baseline_folder(output, fold.name) for fold in folds])


def _with_tuning(fold: Fold) -> Fold:
    """Let the tuning genes train, in the set's order."""
    rows = np.concatenate([fold.train, fold.tune])
    order = np.argsort(rows, kind="stable")
    targets = np.concatenate([fold.train_targets, fold.tune_targets])[order]
    return fold._replace(train=rows[order], train_targets=targets, tune=fold.tune[:0], tune_targets=fold.tune[:0])


def _mean_auroc(folders: list[Path]) -> float | None:
    """Score each fold's held-out genes and average; folds without both classes are left out."""
    scores = []
    for folder in folders:
        table = read_predictions(folder / "predictions.tsv")
        table = table[(table["role"] == "test") & table["target"].notna()]
        if table["target"].nunique() == 2:
            scores.append(auroc(table["target"].to_numpy(), table["logit"].to_numpy()))
    return float(np.mean(scores)) if scores else None


def _verdict(model: str, score: float | None, beside: float | None, folds: int) -> str:
    """Say both scores, and which is better."""
    over = f"mean over {folds} folds" if folds > 1 else "one fold"
    if score is None:
        return f"{model} cannot be scored: no fold holds out genes of both classes"
    if beside is None:
        return f"{model} auROC {score:.3f} on held-out genes ({over})"
    better = f"{model if score > beside else BASELINE} is better" if score != beside else "they are equal"
    return f"{model} auROC {score:.3f}, {BASELINE} {beside:.3f} on held-out genes ({over}): {better}"
