"""What trains: networks, the optimisers that move them, the number they are monitored by, and their complete state.

In: batches of rows. Out: losses, and a state from which a training continues with the same bits.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from kanseq.errors import NotFinite
from kanseq.training.inputs import Examples
from kanseq.training.packing import Arrays, Json, Tree, is_table, pack, unpack, unpack_table

Weights: TypeAlias = dict[str, Tensor]


class Batch(NamedTuple):
    """The examples of one step, and where in the training it is taken.

    Attributes:
        rows: positions of the examples, int64 ``(n,)``.
        epoch: the epoch, from 0.
        step: the step in the epoch, from 0.
        number: the step in the training, from 0.
        total: steps in the whole training.
    """

    rows: np.ndarray
    epoch: int
    step: int
    number: int
    total: int


class State(NamedTuple):
    """A state of an objective: arrays by name, and JSON where names do not tell it all."""

    arrays: Arrays
    facts: dict[str, Json]


class Objective(ABC):
    """What a training minimises. Subclasses define :meth:`bounds`, :meth:`step` and :meth:`measure`.

    The training loop (:func:`kanseq.training.loop.fit`) calls, in this order: :meth:`prepare` on a new training or
    :meth:`load_state` on one that continues; :meth:`start`; then per epoch :meth:`before_epoch`, :meth:`step` on each
    batch, :meth:`measure` and, where that is the best so far, :meth:`kept`; at the end :meth:`restore_kept`.

    A state may be written after any step, and a training that continues from it must take the same steps. So what a
    step draws comes from torch's random numbers or follows from its :class:`Batch`; and what it changes is in
    :attr:`networks`, :attr:`optimizers` or :meth:`memory`.

    Attributes:
        networks: all networks by name. The first is the one that the training is for: it is kept, and saved as the
            model.
        optimizers: the optimisers of their parameters by name.
        examples: how many training examples there are.
        monitor: the name of the number that :meth:`measure` returns, as in ``log.jsonl``.
        scheduled: options of the optimisers that :meth:`step` sets from its batch, so that no state needs them.
    """

    monitor = "tune_loss"
    scheduled: tuple[str, ...] = ()

    def __init__(self, networks: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer], examples: int) -> None:
        """Take the parts over.

        Raises:
            ValueError: there is no network, or two parts would have the same names in the state.
        """
        names = [*networks, *optimizers, *RESERVED]
        if not networks or len(set(names)) < len(names) or any("." in name for name in names):
            raise ValueError(f"networks and optimisers need different names without dots: {', '.join(names)}")
        self.networks, self.optimizers, self.examples = dict(networks), dict(optimizers), examples
        self._initial = {name: _options(one) for name, one in self.optimizers.items()}

    @property
    def network(self) -> nn.Module:
        """The network that the training is for."""
        return next(iter(self.networks.values()))

    @property
    def device(self) -> torch.device:
        """The device of the networks."""
        return next(self.network.parameters()).device

    @property
    def compiled(self) -> bool:
        """Whether steps go through the compiler."""
        return False

    @abstractmethod
    def bounds(self) -> list[tuple[int, int]]:
        """Return start and stop of each batch among an epoch's examples; ``[(0, n)]`` is one full batch."""

    @abstractmethod
    def step(self, batch: Batch) -> float:
        """Take one step, of one optimiser or of several, and return the mean loss of the batch before it.

        Raises:
            NotFinite: the loss or a gradient is NaN or infinite, and no weight was changed.
        """

    @abstractmethod
    def measure(self, examples: Examples) -> float:
        """Return the number that the training is monitored by, on examples that do not train; lower is better."""

    def prepare(self) -> None:  # noqa: B027 - a hook
        """Take from the training examples, before the first step, what is not learned by steps."""

    def start(self) -> None:
        """Begin to train, after :meth:`prepare` or :meth:`load_state`."""
        for network in self.networks.values():
            network.train()

    def before_epoch(self, epoch: int) -> None:  # noqa: B027 - a hook
        """Change what an epoch (from 0) begins with: grids, or a schedule's noise."""

    def report(self) -> Mapping[str, float]:
        """Return numbers for the epoch's line in ``log.jsonl``."""
        return {}

    def kept(self) -> Weights:
        """Copy the weights that are kept when the measured number is the best so far, and at the end."""
        return {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def restore_kept(self, weights: Weights) -> None:
        """Put weights that were :meth:`kept` into the network."""
        self.network.load_state_dict(weights)

    def is_finite(self) -> bool:
        """Whether all weights and buffers are finite numbers."""
        return all(
            bool(torch.isfinite(tensor).all())
            for network in self.networks.values()
            for tensor in network.state_dict().values()
        )

    def memory(self) -> Tree:
        """Return what steps change in addition to networks and optimisers: nested tensors, numbers, text; or None."""
        return None

    def remember(self, memory: Tree) -> None:
        """Take over what :meth:`memory` returned; tensors are in main memory."""
        if memory is not None:
            raise NotImplementedError("an objective with a memory defines remember(), too")

    def state(self) -> State:
        """Return the complete state. Its arrays share memory with the networks: they are valid until the next step."""
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
        """Put back what :meth:`state` returned."""
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
"""Names of other parts of a state."""


def not_finite(batch: Batch | None = None) -> NotFinite:
    """Return the error of a loss or gradient that is NaN or infinite, in a batch where it is known in which."""
    at = "" if batch is None else f" in epoch {batch.epoch + 1}, batch {batch.step + 1}"
    return NotFinite(
        f"loss or gradient became NaN or infinite{at}; the last good weights were kept",
        hint="lower --learning-rate or set --clip 1, and train into another folder",
    )


def _options(optimizer: Optimizer) -> list[dict[str, object]]:
    """Copy the options of an optimiser's groups, without the parameters."""
    return [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]


def _tensors(arrays: Arrays, name: str) -> Weights:
    """Choose the arrays of one part, as tensors without its prefix."""
    prefix = f"{name}."
    return {full.removeprefix(prefix): torch.from_numpy(one) for full, one in arrays.items() if full.startswith(prefix)}


def _laid_out(loaded: Tree, optimizer: Optimizer) -> Tree:
    """Lay tensors of a parameter's shape out in memory as the parameter is, so that sums round the same way."""
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
