"""Where a training stands, as a file: enough to go on with the very next batch as if nothing had happened.

In: an objective and the position. Out: ``state.safetensors``, and all of them put back.
"""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from kanseq.errors import ModelMismatch
from kanseq.training.checkpoints import load_arrays, save_arrays
from kanseq.training.objective import Objective, State, Weights
from kanseq.training.packing import as_array

logger = logging.getLogger(__name__)

FACTS = "objective"
"""Key of what the state of an objective holds that is no array."""


@dataclass
class Position:
    """How far a training has come.

    Attributes:
        epoch: finished epochs.
        step: finished batches of the epoch that runs.
        loss_sum: sum of its batches' losses, each times its genes.
        seen: genes of those batches.
        best_loss: the lowest number that the training was monitored by, None before there is one.
        best_epoch: after which epoch (from 1) that was.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    seen: int = 0
    best_loss: float | None = None
    best_epoch: int = 0

    @property
    def loss(self) -> float:
        """Mean loss of the epoch so far."""
        return self.loss_sum / max(self.seen, 1)


def save_state(path: Path, objective: Objective, position: Position, best: Weights | None) -> None:
    """Write where a training stands; the same state gives the same bytes."""
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
    """Put a state back into an objective and into the random numbers.

    Returns:
        The position and the best weights; None if there is no state, or it is damaged (then a warning says so).
    """
    if not path.exists():
        return None
    try:
        arrays, described = load_arrays(path)
    except ModelMismatch:
        logger.warning("%s is damaged: the fold starts again", path.name)
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
