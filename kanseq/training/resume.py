"""Checkpoints: write and read the state of a training run, so that the run continues as if it had
not been interrupted.

In: an objective, and numbers of finished epochs and batches. Out: ``state.safetensors``, from which both are restored.
"""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from kanseq.errors import ModelMismatch
from kanseq.runs.trained_model import load_arrays, save_arrays
from kanseq.training.objectives.objective import Objective, State, Weights
from kanseq.training.objectives.packing import as_array

logger = logging.getLogger(__name__)

FACTS = "objective"
"""Metadata key, in a checkpoint, of the JSON part of an objective's state (``State.facts``)."""


@dataclass
class Position:
    """How far a training run has progressed.

    Attributes:
        epoch: number of finished epochs.
        step: number of finished batches in the current epoch.
        loss_sum: sum, over these finished batches, of mean loss times number of genes.
        seen: number of genes in these finished batches.
        best_loss: the lowest monitored value so far; None if no value has been measured yet.
        best_epoch: the epoch, from 1, after which ``best_loss`` was measured.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    seen: int = 0
    best_loss: float | None = None
    best_epoch: int = 0

    @property
    def loss(self) -> float:
        """Mean loss of the current epoch so far."""
        return self.loss_sum / max(self.seen, 1)


def save_state(path: Path, objective: Objective, position: Position, best: Weights | None) -> None:
    """Write a checkpoint. The same state always gives the same bytes.

    Args:
        path: the file.
        objective: networks, optimisers and other values that training changes.
        position: the number of finished epochs and batches.
        best: weights with the best monitored value so far; None if no value has been measured yet.
    """
    state = objective.state()
    arrays = dict(state.arrays)
    if best is not None:
        arrays |= {f"best.{name}": as_array(tensor, name) for name, tensor in best.items()}
    arrays["random.cpu"] = torch.get_rng_state().numpy()
    if objective.device.type == "cuda":
        arrays["random.cuda"] = torch.cuda.get_rng_state(objective.device).numpy()
    facts: dict[str, object] = {FACTS: state.facts} if state.facts else {}
    save_arrays(path, arrays, {**asdict(position), **facts})


def restore_state(path: Path, objective: Objective) -> tuple[Position, Weights | None] | None:
    """Restore an objective and torch's random number generators from a checkpoint.

    Returns:
        The position and the best weights (None if there are none yet); or None if the checkpoint does not exist or is
        damaged. If it is damaged, a warning is logged.
    """
    if not path.exists():
        return None
    try:
        arrays, described = load_arrays(path)
    except ModelMismatch:
        logger.warning("%s is damaged: training of this fold starts again", path.name)
        return None
    facts = described.pop(FACTS, {})
    position = Position(**described)  # type: ignore[arg-type]
    objective.load_state(State(arrays, facts))  # type: ignore[arg-type]
    torch.set_rng_state(torch.from_numpy(arrays["random.cpu"]))
    device = objective.device
    if device.type == "cuda" and "random.cuda" in arrays:
        torch.cuda.set_rng_state(torch.from_numpy(arrays["random.cuda"]), device)
    best = {
        name.removeprefix("best."): torch.from_numpy(array).to(device)
        for name, array in arrays.items()
        if name.startswith("best.")
    }
    return position, best or None
