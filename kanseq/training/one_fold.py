"""Train one fold: fit, save, and score the genes that it holds out.

In: a plan and a fold's rows. Out: the fold's folder.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from kanseq.data.row_codes import codes_of
from kanseq.data.sequences import SequenceSet
from kanseq.errors import NotFinite
from kanseq.files import disk_errors
from kanseq.models.architecture import Architecture, Config
from kanseq.models.plain import PlainModel
from kanseq.models.registry import parameter_count
from kanseq.nn.precision import set_precision
from kanseq.training.aims import Aim
from kanseq.training.calibration import Calibration
from kanseq.training.checkpoints import TrainedModel, build_model, save_model
from kanseq.training.folds import Fold
from kanseq.training.inputs import Examples
from kanseq.training.loop import Fitted, Limits, fit
from kanseq.training.objectives import make_objective
from kanseq.training.parts import DONE, remove_state, write_done
from kanseq.training.plain import fit_plain, out_of_fold
from kanseq.training.runs import remove_leftovers
from kanseq.training.scores import fit_calibrations
from kanseq.training.settings import Settings
from kanseq.training.tables import predictions_table, write_held_out, write_predictions
from kanseq.training.team import ALONE, Team

WRITTEN = ("model.safetensors", "predictions.tsv", "held_out.txt")
"""Files of a trained fold that its ``done.json`` lists."""


class Plan(NamedTuple):
    """All that stays the same from fold to fold.

    Attributes:
        genes: the set.
        kind: the architecture.
        config: its hyper-parameters, an instance of ``kind.config``.
        aim: what is learned.
        settings: the optimisation, with nothing left to ``auto``.
        facts: what every model file says of the run: contigs, versions, inputs.
        known: digests of the set's sequences that lie on no contig.
        threads: processor threads.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        checkpoint_minutes: at most so long between two states on disk.
        team: the processes that train together.
    """

    genes: SequenceSet
    kind: Architecture
    config: Config
    aim: Aim
    settings: Settings
    facts: dict[str, object]
    known: np.ndarray
    threads: int
    device: str
    checkpoint_minutes: float
    team: Team = ALONE


def train_fold(plan: Plan, fold: Fold, folder: Path, seed: int, title: str) -> None:
    """Train one fold into its folder; ``done.json`` is written last.

    Args:
        plan: what is to be trained.
        fold: the fold's rows.
        folder: where its files go; a ``state.safetensors`` there is where training goes on.
        seed: of initial weights, the order of genes, and dropout.
        title: what the progress is called.

    Raises:
        NotFinite: training met NaN; ``model.safetensors`` holds the last good weights.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DONE).unlink(missing_ok=True)
        remove_leftovers(folder)
    write_held_out(folder / "held_out.txt", fold.held_out)
    rows, targets = fold.train, fold.train_targets
    # The plain model beside a network learns classes alone.
    if len(fold.ranked) and not plan.kind.plain:
        rows, targets = fold.ranked, fold.ranked_targets
    train = Examples(codes_of(plan.genes, rows), targets)
    trained, facts = _fit(plan, fold, train, folder, seed, title)
    save_model(folder / "model.safetensors", trained)
    table = predictions_table(
        plan.genes,
        fold.test,
        trained.scores(codes_of(plan.genes, fold.test)),
        condition=plan.aim.condition,
        fold=fold.name,
        role=fold.test_roles,
        targets=fold.test_targets,
        classes=trained.task.classes,
    )
    write_predictions(folder / "predictions.tsv", table)
    write_done(folder, {"model": plan.kind.name, "fold": fold.name, "seed": seed, **facts}, WRITTEN)
    remove_state(folder)


def _fit(
    plan: Plan, fold: Fold, train: Examples, folder: Path, seed: int, title: str
) -> tuple[TrainedModel, dict[str, object]]:
    """Build and fit the model; gives it and what ``done.json`` says of it."""
    task = plan.aim.task_of(plan.kind, plan.config).fitted(fold.train_targets)
    torch.manual_seed(seed)
    built = build_model(plan.kind, plan.config, task)
    facts: dict[str, object] = {
        "parameters": parameter_count(built),
        "training_genes": len(fold.train),
        **({"ranked_genes": len(fold.ranked)} if len(fold.ranked) and not plan.kind.plain else {}),
        "tuning_genes": len(fold.tune),
        "test_genes": len(fold.test),
    }
    name, geometry, metadata = plan.kind.name, plan.genes.geometry, _metadata(plan, fold, seed)
    if isinstance(built, PlainModel):
        calibrations = _fit_plain(plan, fold, train._replace(targets=task.standardised(train.targets)), built, seed)
        # Trees are as many numbers as their fit has made them.
        facts["parameters"] = parameter_count(built)
        return TrainedModel(name, plan.config, geometry, task, None, built, metadata, plan.known, calibrations), facts
    set_precision(built, plan.settings.precision)
    trained = TrainedModel(name, plan.config, geometry, task, built.to(plan.device), None, metadata, plan.known)
    fitted, compiled = _fit_network(plan, fold, train, trained, folder, seed, title)
    # Grids may have been refined.
    facts["parameters"] = parameter_count(built)
    if plan.aim.calibrate != "none":
        logits = trained.logits(codes_of(plan.genes, fold.tune))
        trained.calibrations = fit_calibrations(plan.aim.calibrate, logits, fold.tune_targets)
    facts |= {"epochs": fitted.epochs, "kept_epoch": fitted.kept_epoch}
    facts |= {"processes": plan.team.size} if plan.team.size > 1 else {}
    return trained, {**facts, "compiled": compiled} if plan.settings.compile else facts


def _fit_plain(plan: Plan, fold: Fold, train: Examples, built: PlainModel, seed: int) -> tuple[Calibration, ...]:
    """Fit a plain model in place; gives its calibrations, learned from training genes that others had not seen."""
    places = plan.genes.table.iloc[fold.train].drop(columns="sequence", errors="ignore")
    balanced = plan.settings.balance == "weights"
    fit_plain(built, train, places, balanced=balanced, seed=seed, threads=plan.threads)
    if plan.aim.calibrate == "none":
        return ()
    build = partial(plan.kind.build, plan.config)
    logits = out_of_fold(build, train, places, balanced=balanced, seed=seed, threads=plan.threads)
    return fit_calibrations(plan.aim.calibrate, logits, train.targets)


def _fit_network(
    plan: Plan, fold: Fold, train: Examples, trained: TrainedModel, folder: Path, seed: int, title: str
) -> tuple[Fitted, bool]:
    """Fit the network of ``trained`` in place, and say whether it was compiled; where that fails save the last good."""
    assert trained.network is not None
    tune = Examples(codes_of(plan.genes, fold.tune), fold.tune_targets) if plan.settings.tune else None
    objective = make_objective(
        plan.kind, trained.network, trained.task, train, plan.settings, seed=seed, team=plan.team
    )  # fmt: skip
    limits = Limits(plan.settings.epochs, plan.settings.patience, plan.checkpoint_minutes)
    try:
        fitted = fit(objective, tune, limits, seed=seed, folder=folder, title=title, team=plan.team)
    except NotFinite as error:
        save_model(folder / "model.safetensors", trained)
        raise NotFinite(error.what, where=folder / "model.safetensors", mend=error.mend) from error
    return fitted, objective.compiled


def _metadata(plan: Plan, fold: Fold, seed: int) -> dict[str, object]:
    """Say in the model file what it was trained on, and how."""
    return {
        "fold": fold.name,
        "seed": seed,
        **{name: value for name, value in plan.aim.to_json().items() if name not in ("task", "classes")},
        "threads": plan.threads,
        "precision": plan.settings.precision,
        "thresholds": fold.thresholds,
        "training_genes": len(fold.train),
        **plan.facts,
    }
