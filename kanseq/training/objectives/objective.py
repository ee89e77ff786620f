"""Training objectives: networks, their optimisers, the monitored value and the complete state.

In: batches of rows. Out: losses, and a state from which a training resumes with the same bits.
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
        rows: positions of the examples, int64 ``(n,)``.
        epoch: the epoch, from 0.
        step: the step in the epoch, from 0.
        number: the step in the training, from 0.
        total: number of steps in the training.
    """

    rows: np.ndarray
    epoch: int
    step: int
    number: int
    total: int


class State(NamedTuple):
    """The state of an objective: arrays by name, and JSON for the structure that names do not define."""

    arrays: Arrays
    facts: dict[str, Json]


class Objective(ABC):
    """Base class of training objectives. Subclasses define :meth:`bounds`, :meth:`step` and :meth:`measure`.

    The training loop (:func:`kanseq.training.loop.fit_objective`) calls, in this order: :meth:`prepare` for a new
    training or :meth:`load_state` for a resumed one; :meth:`start`; then per epoch :meth:`before_epoch`, :meth:`step`
    on each batch, :meth:`measure` and, if its value is the best so far, :meth:`kept`; at the end :meth:`restore_kept`.

    A state may be written after any step, and a training that resumes from it must take the same steps. So the random
    numbers of a step must come from torch's default generator or follow from its :class:`Batch`, and everything that a
    step changes must be in :attr:`networks`, :attr:`optimizers` or :meth:`memory`.

    Attributes:
        networks: all networks by name. The first one is the model: its best weights are kept and saved.
        optimizers: the optimisers of their parameters by name.
        examples: number of training examples.
        monitor: name of the value that :meth:`measure` returns, as in ``log.jsonl``.
        scheduled: optimiser options that :meth:`step` sets from its batch, so that states omit them.
    """

    monitor = "tune_loss"
    scheduled: tuple[str, ...] = ()

    def __init__(self, networks: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer], examples: int) -> None:
        """Set networks, optimisers and the number of examples.

        Raises:
            ValueError: there is no network, or a name is used twice, is reserved or contains a dot.
        """
        names = [*networks, *optimizers, *RESERVED]
        if not networks or len(set(names)) < len(names) or any("." in name for name in names):
            raise ValueError(f"networks and optimisers need different names without dots: {', '.join(names)}")
        self.networks, self.optimizers, self.examples = dict(networks), dict(optimizers), examples
        self._initial = {name: _options(one) for name, one in self.optimizers.items()}

    @property
    def network(self) -> nn.Module:
        """The first network, which is saved as the model."""
        return next(iter(self.networks.values()))

    @property
    def device(self) -> torch.device:
        """The device of the networks."""
        return next(self.network.parameters()).device

    @property
    def compiled(self) -> bool:
        """Whether steps run a compiled network."""
        return False

    @abstractmethod
    def bounds(self) -> list[tuple[int, int]]:
        """Return start and stop of each batch in an epoch's examples; ``[(0, n)]`` is one full batch."""

    @abstractmethod
    def step(self, batch: Batch) -> float:
        """Take one step, with one optimiser or several, and return the mean loss of the batch before the step.

        Raises:
            NotFinite: the loss or a gradient is NaN or infinite, and no weight was changed.
        """

    @abstractmethod
    def measure(self, examples: Examples) -> float:
        """Return the monitored value on examples that are not trained on; lower is better."""

    def prepare(self) -> None:  # noqa: B027 - a hook
        """Compute from the training examples, before the first step, everything that steps do not learn."""

    def start(self) -> None:
        """Set the networks to training mode, after :meth:`prepare` or :meth:`load_state`."""
        for network in self.networks.values():
            network.train()

    def before_epoch(self, epoch: int) -> None:  # noqa: B027 - a hook
        """Make the changes at the start of an epoch (from 0), such as refined grids or the noise of a schedule."""

    def report(self) -> Mapping[str, float]:
        """Return more numbers for the epoch's line in ``log.jsonl``."""
        return {}

    def kept(self) -> Weights:
        """Return a copy of the weights to keep; called when the monitored value is the best so far, and at the end."""
        return {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def restore_kept(self, weights: Weights) -> None:
        """Load weights that :meth:`kept` returned into the network."""
        self.network.load_state_dict(weights)

    def is_finite(self) -> bool:
        """Whether all weights and buffers are finite numbers."""
        return all(
            bool(torch.isfinite(tensor).all())
            for network in self.networks.values()
            for tensor in network.state_dict().values()
        )

    def memory(self) -> Tree:
        """Return other values that steps change, nested: tensors, numbers and text; None if there are no others."""
        return None

    def remember(self, memory: Tree) -> None:
        """Restore what :meth:`memory` returned; tensors are on the CPU."""
        if memory is not None:
            raise NotImplementedError("an objective that defines memory() must also define remember()")

    def state(self) -> State:
        """Return the complete state. Its arrays share memory with the networks and are valid until the next step."""
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
        """Restore what :meth:`state` returned."""
        for name, network in self.networks.items():
            network.load_state_dict(_tensors(state.arrays, name))
        for name, optimizer in self.optimizers.items():
            told = name in state.facts
            loaded = unpack(state.arrays, state.facts[name]) if told else unpack_table(state.arrays, name)
            groups = optimizer.state_dict()["param_groups"]
            changed = unpack(state.arrays, state.facts.get(f"{name}_options")) or [{} for _ in groups]
            for group, first, options in zip(groups, self._initial[name], changed, strict=True):  # type: ignore[arg-type]
                group.update({**first, **options})  # type: ignore[dict-item]
            optimizer.load_state_dict({"state": _laid_out(loaded, optimizer), "param_groups": groups})  # type: ignore[arg-type]
        self.remember(unpack(state.arrays, state.facts.get("memory")))


RESERVED = ("best", "random", "memory")
"""Names that a state uses for its other parts."""


def not_finite(batch: Batch | None = None) -> NotFinite:
    """Return the error for a loss or gradient that is NaN or infinite, with the batch if it is known."""
    at = "" if batch is None else f" in epoch {batch.epoch + 1}, batch {batch.step + 1}"
    return NotFinite(
        f"loss or gradient became NaN or infinite{at}; the last good weights were kept",
        hint="lower --learning-rate or use --clip 1, and train into another folder",
    )


def _options(optimizer: Optimizer) -> list[dict[str, object]]:
    """Copy the options of an optimiser's parameter groups, without the parameters."""
    return [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]


def _tensors(arrays: Arrays, name: str) -> Weights:
    """Return the arrays of one part as tensors, with its prefix removed from their names."""
    prefix = f"{name}."
    return {full.removeprefix(prefix): torch.from_numpy(one) for full, one in arrays.items() if full.startswith(prefix)}


def _laid_out(loaded: Tree, optimizer: Optimizer) -> Tree:
    """Copy tensors of a parameter's shape to its memory layout, so that sums round the same way."""
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
