"""The base class of training objectives, which contain networks, their optimisers and the loss.

In: batches of examples. Out: losses, and a state from which a training run resumes with bit-identical results.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from kanseq.errors import NotFinite
from kanseq.models.inputs import Examples
from kanseq.training.objectives.packing import Arrays, Json, Tree, is_table, pack, unpack, unpack_table

Weights: TypeAlias = dict[str, Tensor]


class Batch(NamedTuple):
    """The examples of one step, and its position in the training.

    Attributes:
        rows: positions of the batch's examples among the training examples, int64 ``(n,)``.
        epoch: number of the epoch, from 0.
        step: number of the step in the epoch, from 0.
        number: number of the step in the training, from 0.
        total: number of steps in all epochs of the training.
    """

    rows: np.ndarray
    epoch: int
    step: int
    number: int
    total: int


class State(NamedTuple):
    """The state of an objective, for checkpoints: arrays by name, and all other values as JSON."""

    arrays: Arrays
    facts: dict[str, Json]


class Objective(ABC):
    """Base class of training objectives. Subclasses define :meth:`bounds`, :meth:`step` and :meth:`measure`.

    The training loop (:func:`kanseq.training.loop.fit_objective`) calls, in this order: :meth:`prepare` for a new
    training or :meth:`load_state` for a resumed one; :meth:`start`; then per epoch :meth:`before_epoch`, :meth:`step`
    on each batch, :meth:`measure` (if there are tuning examples) and, if its value is the best so far, :meth:`kept`; at
    the end :meth:`restore_kept`.

    A checkpoint may be written after any step, and a training run that resumes from it must continue identically. So
    the random numbers of a step must come from torch's default generator or be derived from its :class:`Batch`, and
    everything that a step changes must be in :attr:`networks`, :attr:`optimizers` or :meth:`memory`.

    Attributes:
        networks: all networks by name. The first one is the model: its best weights are kept and saved.
        optimizers: the optimisers of the networks' parameters, by name.
        examples: number of training examples.
        monitor: name of the value that :meth:`measure` returns, as in ``log.jsonl``.
        scheduled: names of optimiser options, such as ``lr``, that :meth:`step` sets for each batch. Checkpoints omit
            them.
    """

    monitor = "tune_loss"
    scheduled: tuple[str, ...] = ()

    def __init__(self, networks: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer], examples: int) -> None:
        """Store networks and optimisers (by name) and the number of training examples.

        Raises:
            ValueError: there is no network, or a name occurs twice, is in :data:`RESERVED` or contains a dot.
        """
        names = [*networks, *optimizers, *RESERVED]
        if not networks or len(set(names)) < len(names) or any("." in name for name in names):
            raise ValueError(f"networks and optimisers need different names without dots: {', '.join(names)}")
        self.networks, self.optimizers, self.examples = dict(networks), dict(optimizers), examples
        self._initial = {name: _options(one) for name, one in self.optimizers.items()}

    @property
    def network(self) -> nn.Module:
        """The first of :attr:`networks`, which is saved as the model."""
        return next(iter(self.networks.values()))

    @property
    def device(self) -> torch.device:
        """The device of the networks."""
        return next(self.network.parameters()).device

    @property
    def compiled(self) -> bool:
        """Whether steps use a network compiled by ``torch.compile``."""
        return False

    @abstractmethod
    def bounds(self) -> list[tuple[int, int]]:
        """Return start and stop of each batch in the order of an epoch's examples; ``[(0, n)]`` is a single batch."""

    @abstractmethod
    def step(self, batch: Batch) -> float:
        """Update the networks with one batch, and return its mean loss before the update.

        Raises:
            NotFinite: the loss or a gradient is NaN or infinite; no weight was changed.
        """

    @abstractmethod
    def measure(self, examples: Examples) -> float:
        """Return the monitored value on examples that are not used for training; lower is better."""

    def prepare(self) -> None:  # noqa: B027 - a hook
        """Compute constants of the networks, such as means of inputs, from the training examples. Called once."""

    def start(self) -> None:
        """Set all networks to training mode. Called after :meth:`prepare` or :meth:`load_state`."""
        for network in self.networks.values():
            network.train()

    def before_epoch(self, epoch: int) -> None:  # noqa: B027 - a hook
        """Change networks or optimisers at the start of an epoch (from 0), for example to refine spline grids."""

    def report(self) -> Mapping[str, float]:
        """Return additional numbers for an epoch's line in ``log.jsonl``, by name."""
        return {}

    def kept(self) -> Weights:
        """Return a copy of the model's weights. Called when the monitored value is the best so far, or at the end."""
        return {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def restore_kept(self, weights: Weights) -> None:
        """Load weights that :meth:`kept` returned into the model."""
        self.network.load_state_dict(weights)

    def is_finite(self) -> bool:
        """Return whether all weights and buffers of all networks are finite."""
        return all(
            bool(torch.isfinite(tensor).all())
            for network in self.networks.values()
            for tensor in network.state_dict().values()
        )

    def memory(self) -> Tree:
        """Return the values, outside of networks and optimisers, that steps change; None if there are none.

        They are stored in checkpoints. They may be tensors, numbers and text, also nested in dictionaries and lists.
        """
        return None

    def remember(self, memory: Tree) -> None:
        """Restore the values that :meth:`memory` returned; their tensors are on the CPU."""
        if memory is not None:
            raise NotImplementedError("an objective that defines memory() must also define remember()")

    def state(self) -> State:
        """Return the complete state, for a checkpoint.

        Its arrays share memory with the networks, so they are valid only until the next step.
        """
        state = State({}, {})
        for name, network in self.networks.items():
            state.arrays.update(pack(dict(network.state_dict()), name)[0])
        for name, optimizer in self.optimizers.items():
            arrays, order = pack(optimizer.state_dict()["state"], name)
            state.arrays.update(arrays)
            if not is_table(order):
                state.facts[name] = order
            changed = [
                {key: value for key, value in group.items() if key not in self.scheduled and value != first[key]}
                for group, first in zip(_options(optimizer), self._initial[name], strict=True)
            ]
            if any(changed):
                arrays, state.facts[f"{name}_options"] = pack(changed, f"{name}_options")  # type: ignore[arg-type]
                state.arrays.update(arrays)
        memory = self.memory()
        if memory is not None:
            arrays, state.facts["memory"] = pack(memory, "memory")
            state.arrays.update(arrays)
        return state

    def load_state(self, state: State) -> None:
        """Restore networks, optimisers and other values from a state that :meth:`state` returned."""
        for name, network in self.networks.items():
            network.load_state_dict(_tensors(state.arrays, name))
        for name, optimizer in self.optimizers.items():
            has_facts = name in state.facts
            loaded = unpack(state.arrays, state.facts[name]) if has_facts else unpack_table(state.arrays, name)
            groups = optimizer.state_dict()["param_groups"]
            changed = unpack(state.arrays, state.facts.get(f"{name}_options")) or [{} for _ in groups]
            for group, first, options in zip(groups, self._initial[name], changed, strict=True):  # type: ignore[arg-type]
                group.update({**first, **options})  # type: ignore[dict-item]
            optimizer.load_state_dict({"state": _laid_out(loaded, optimizer), "param_groups": groups})  # type: ignore[arg-type]
        self.remember(unpack(state.arrays, state.facts.get("memory")))


RESERVED = ("best", "random", "memory")
"""Names that networks and optimisers must not have, because checkpoints use them for other values."""


def not_finite(batch: Batch | None = None) -> NotFinite:
    """Return the error for a loss or gradient that is NaN or infinite. The message names the batch, if specified."""
    at = "" if batch is None else f" in epoch {batch.epoch + 1}, batch {batch.step + 1}"
    return NotFinite(
        f"loss or gradient became NaN or infinite{at}; the last good weights were kept",
        hint="lower --learning-rate or use --clip 1, and train into another folder",
    )


def _options(optimizer: Optimizer) -> list[dict[str, object]]:
    """Return the options of each of an optimiser's parameter groups, without the parameters."""
    return [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]


def _tensors(arrays: Arrays, name: str) -> Weights:
    """Return the arrays of a network as tensors by parameter name; array names start with the network's ``name``."""
    prefix = f"{name}."
    return {full.removeprefix(prefix): torch.from_numpy(one) for full, one in arrays.items() if full.startswith(prefix)}


def _laid_out(loaded: Tree, optimizer: Optimizer) -> Tree:
    """Return an optimiser state (values per parameter) with tensors in the memory layout of their parameters.

    The layout determines the order in which numbers are added, and therefore affects rounding.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    assert isinstance(loaded, dict)
    return {
        int(index): {
            key: torch.empty_like(parameters[int(index)]).copy_(value)
            if isinstance(value, Tensor) and value.shape == parameters[int(index)].shape
            else value
            for key, value in values.items()  # type: ignore[union-attr]
        }
        for index, values in loaded.items()
    }
