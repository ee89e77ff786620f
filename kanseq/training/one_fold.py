"""Train the model of one fold, save it, and score the genes that the fold holds out.

In: a plan, and the genes of a fold. Out: a folder with the model, its predictions and the list of held-out genes.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from kanseq.errors import NotFinite
from kanseq.io.files import disk_errors
from kanseq.models.architecture import Architecture
from kanseq.models.config import Config
from kanseq.models.inputs import Examples
from kanseq.runs.parts import DONE, remove_state, write_done
from kanseq.runs.prediction_tables import predictions_table, write_held_out, write_predictions
from kanseq.runs.run_folder import remove_leftovers
from kanseq.runs.trained_model import TrainedModel, save_model
from kanseq.sequences.row_codes import codes_of
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.tasks.learning_goal import LearningGoal
from kanseq.tasks.scores import fit_calibrations
from kanseq.training.fold_examples import FoldExamples
from kanseq.training.learners.find_learner import learner_of
from kanseq.training.learners.learner import FitInputs, TrainingOutput
from kanseq.training.processes.distributed import ALONE, Team
from kanseq.training.settings import Settings

WRITTEN = ("model.safetensors", "predictions.tsv", "held_out.txt")
"""Files in the folder of a trained fold, as listed in its ``done.json``."""


class TrainPlan(NamedTuple):
    """Data, model and settings of a run, which are the same for all folds.

    Attributes:
        genes: the set of sequences.
        kind: the architecture.
        config: hyper-parameters, an instance of ``kind.config``.
        goal: the learning goal.
        settings: the optimisation settings, with ``auto`` replaced.
        facts: metadata of the run that every model file contains: contigs, versions, inputs.
        known: digests of the sequences in the set that are not on a contig with a checksum.
        threads: number of processor threads.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        checkpoint_minutes: maximum time between two checkpoints, in minutes.
        team: the processes that train each network together.
    """

    genes: SequenceSet
    kind: Architecture
    config: Config
    goal: LearningGoal
    settings: Settings
    facts: dict[str, object]
    known: np.ndarray
    threads: int
    device: str
    checkpoint_minutes: float
    team: Team = ALONE


def train_fold(plan: TrainPlan, fold: FoldExamples, folder: Path, seed: int, title: str) -> None:
    """Train the model of one fold and write all files of its folder; ``done.json`` is written last.

    Args:
        plan: data, model and settings.
        fold: training, tuning and test genes.
        folder: folder for the files; training resumes from a ``state.safetensors`` in it.
        seed: seed of initial weights, the order of genes, and dropout.
        title: title of the progress display.

    Raises:
        NotFinite: training produced NaN or infinity; ``model.safetensors`` contains the last finite weights.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DONE).unlink(missing_ok=True)
        remove_leftovers(folder)
    write_held_out(folder / "held_out.txt", fold.held_out)
    trained, facts = _fit(plan, fold, TrainingOutput(folder, plan.checkpoint_minutes, title), seed)
    save_model(folder / "model.safetensors", trained)
    table = predictions_table(
        plan.genes,
        fold.test,
        trained.scores(codes_of(plan.genes, fold.test)),
        condition=plan.goal.condition,
        fold=fold.name,
        role=fold.test_roles,
        targets=fold.test_targets,
        classes=trained.task.classes,
    )
    write_predictions(folder / "predictions.tsv", table)
    write_done(folder, {"model": plan.kind.name, "fold": fold.name, "seed": seed, **facts}, WRITTEN)
    remove_state(folder)


def _fit(
    plan: TrainPlan, fold: FoldExamples, record: TrainingOutput, seed: int
) -> tuple[TrainedModel, dict[str, object]]:
    """Build and fit a fold's model, and return it with the facts about its training for ``done.json``.

    Raises:
        NotFinite: training produced NaN or infinity; the model file has been saved with the last finite weights.
    """
    learner, fit_inputs = learner_of(plan.kind), _fit_inputs(plan, fold, seed)
    predictor, name, metadata = learner.build(fit_inputs), plan.kind.name, _metadata(plan, fold, seed)
    assert fit_inputs.task is not None
    trained = TrainedModel(name, plan.config, plan.genes.geometry, fit_inputs.task, predictor, metadata, plan.known)
    try:
        learned = learner.fit(predictor, fit_inputs, record)
    except NotFinite as error:
        assert record.folder is not None
        file = record.folder / "model.safetensors"
        save_model(file, trained)
        raise NotFinite(error.what, where=file, hint=error.hint) from error
    if plan.goal.calibrate != "none":
        trained.calibrations = fit_calibrations(plan.goal.calibrate, *learner.unseen(predictor, fit_inputs))
    facts = {
        # Counted after the fit, because fitting changes the size of trees and refined grids.
        "parameters": predictor.parameters,
        "training_genes": len(fold.train),
        **({"ranked_genes": len(fold.ranked)} if len(fold.ranked) else {}),
        "tuning_genes": len(fold.tune),
        "test_genes": len(fold.test),
    }
    return trained, {**facts, **learned}


def _fit_inputs(plan: TrainPlan, fold: FoldExamples, seed: int) -> FitInputs:
    """Return the examples and settings that a learner needs to fit a fold's model."""
    rows, targets = (fold.ranked, fold.ranked_targets) if len(fold.ranked) else (fold.train, fold.train_targets)
    table = plan.genes.table
    return FitInputs(
        plan.config,
        plan.goal.task_of(plan.kind, plan.config).fitted(fold.train_targets),
        Examples(codes_of(plan.genes, rows), targets),
        Examples(codes_of(plan.genes, fold.tune), fold.tune_targets),
        plan.settings,
        seed,
        plan.threads,
        plan.device,
        table[[name for name in ("species", "chrom", "tss") if name in table]].iloc[rows],
        plan.team,
    )


def _metadata(plan: TrainPlan, fold: FoldExamples, seed: int) -> dict[str, object]:
    """Return the metadata for a fold's model file, which describe how and on which genes the model was trained."""
    return {
        "fold": fold.name,
        "seed": seed,
        **{name: value for name, value in plan.goal.to_json().items() if name not in ("task", "classes")},
        "threads": plan.threads,
        "precision": plan.settings.precision,
        "thresholds": fold.thresholds,
        "training_genes": len(fold.train),
        **plan.facts,
    }
