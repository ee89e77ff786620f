"""Where a training stands, as a file: enough to go on with the very next batch as if nothing had happened.

In: network, optimiser, position. Out: ``state.safetensors``, and all of them put back.
"""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kanseq.errors import ModelMismatch
from kanseq.training.checkpoints import load_arrays, save_arrays, weights_of

logger = logging.getLogger(__name__)

Weights = dict[str, Tensor]


@dataclass
class Position:
    """How far a training has come.

    Attributes:
        epoch: finished epochs.
        step: finished batches of the epoch that runs.
        loss_sum: sum of its batches' losses, each times its genes.
        seen: genes of those batches.
        best_loss: least loss on the tuning genes, None before there is one.
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


def is_finite(network: nn.Module) -> bool:
    """Whether all weights, and what normalisations remember, are numbers."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values())


def save_state(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, position: Position, best: Weights | None
) -> None:
    """Write where a training stands; the same state gives the same bytes."""
    arrays = {f"model.{name}": array for name, array in weights_of(network).items()}
    for index, values in optimizer.state_dict()["state"].items():
        arrays |= {f"optimizer.{index}.{key}": value.detach().cpu().numpy() for key, value in values.items()}
    if best is not None:
        arrays |= {f"best.{name}": tensor.cpu().numpy() for name, tensor in best.items()}
    arrays["random.cpu"] = torch.get_rng_state().numpy()
    device = next(network.parameters()).device
    if device.type == "cuda":
        arrays["random.cuda"] = torch.cuda.get_rng_state(device).numpy()
    save_arrays(path, arrays, asdict(position))


def restore_state(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[Position, Weights | None] | None:
    """Put a state back into network, optimiser and random numbers.

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
    position = Position(**described)  # type: ignore[arg-type]
    restore_weights(network, _part(arrays, "model."))
    _restore_optimizer(optimizer, _part(arrays, "optimizer."))
    torch.set_rng_state(torch.from_numpy(arrays["random.cpu"]))
    device = next(network.parameters()).device
    if device.type == "cuda" and "random.cuda" in arrays:
        torch.cuda.set_rng_state(torch.from_numpy(arrays["random.cuda"]), device)
    best = {name: torch.from_numpy(array).to(device) for name, array in _part(arrays, "best.").items()}
    return position, best or None


def restore_weights(network: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    """Put weights into a network."""
    network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})


def kept_weights(network: nn.Module) -> Weights:
    """Copy a network's weights."""
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def _part(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Choose the arrays of one part, without its prefix."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _restore_optimizer(optimizer: torch.optim.Optimizer, arrays: dict[str, np.ndarray]) -> None:
    """Put moments and counters back, laid out in memory like the parameters so that sums round alike."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, array in arrays.items():
        index, key = name.split(".", 1)
        value = torch.from_numpy(array)
        if value.shape == parameters[int(index)].shape:
            value = torch.empty_like(parameters[int(index)]).copy_(value)
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
