"""The default objective: train one network with Adam to predict the targets of a task, classes or numbers.

In: a network, a task, training examples and settings. Out: an objective for the training loop.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from kanseq.models.inputs import Examples, InputBatches, tensors_of
from kanseq.models.network import Network
from kanseq.nn.grids import check_grids, match_grids, refine_grids, update_grids
from kanseq.tasks.task import Task, is_known
from kanseq.training.objectives.batches import batch_bounds, class_weights, epoch_order
from kanseq.training.objectives.compilation import compiled
from kanseq.training.objectives.objective import Batch, Objective, State, Weights, not_finite
from kanseq.training.objectives.penalties import Penalties
from kanseq.training.processes.distributed import ALONE, Team
from kanseq.training.settings import Settings, make_optimizer, rate_factor

PREPARED = 256
"""Batch size for computing the constants of a network; maximum batch size for computing its mean loss."""

GRID_SAMPLES = 1024
"""Number of training examples that are passed through the network to fit its grids to the data."""

Grids = Sequence[tuple[int, int | None]]
"""Planned changes of a network's grids: pairs of epoch (from 0) and number of intervals.

A change is made at the start of its epoch. If the number is None, the knots are fitted to the data.
"""


class TaskObjective(Objective):
    """Trains a network to minimise the mean loss of a task, plus penalties on the learned functions of its KAN edges.

    Attributes:
        task: the task, which defines the meaning of the network's outputs and their loss.
        compiled: whether steps use a network compiled by ``torch.compile``.
    """

    scheduled = ("lr",)

    def __init__(
        self,
        network: Network,
        task: Task,
        train: Examples,
        settings: Settings,
        *,
        seed: int,
        team: Team = ALONE,
        grids: Grids = (),
    ) -> None:
        """Check the penalties and the planned changes of grids, and create the optimiser.

        Args:
            network: the network, which is trained in place. It computes outputs ``(n, outputs)`` from the inputs of the
                examples.
            task: the task, which defines the meaning of the network's outputs.
            train: the training examples, the same in all processes of a team.
            settings: the optimisation settings.
            seed: seed of dropout in a team of several processes, and of the choice of examples to fit grids to.
            team: the processes that train together.
            grids: planned changes of the grids of radial and B-spline layers; the number of intervals can change only
                in B-spline layers. The curves keep their shape, and the optimiser's moments of their weights are reset.

        Raises:
            BadOption: a penalty is set, but the network has no layers that it applies to.
            ValueError: the network has no layers whose grids can be changed as planned.
        """
        self.task, self.train, self.settings, self.seed, self.team = task, train, settings, seed, team
        self.grids, self.penalties = tuple(grids), Penalties.of(settings)
        self.penalties.check(network, type(network).__name__)
        for _, intervals in self.grids:
            check_grids(network, intervals)
        self._known = int(is_known(train.targets).sum())
        trained = team.ready(network)
        optimizer = make_optimizer(trained, settings, self._known)
        super().__init__({"model": trained}, {"optimizer": optimizer}, len(train.targets))
        self._targets = torch.from_numpy(train.targets).to(self.device)
        weights = class_weights(train.targets, settings.balance, len(task.classes) or 2)
        self._class_weights = None if weights is None else weights.to(self.device)
        self._run: Callable[..., Tensor] = trained

    @property
    def network(self) -> Network:
        """The network that the objective trains."""
        return self.networks["model"]  # type: ignore[return-value]

    @property
    def compiled(self) -> bool:
        """Whether steps use a network compiled by ``torch.compile``."""
        return self._run is not self.network

    def bounds(self) -> list[tuple[int, int]]:
        """Return start and stop of each batch; the settings specify the batch size."""
        return batch_bounds(self.examples, self.settings.batch_size)

    def prepare(self) -> None:
        """Compute the network's constants, such as means of inputs, from the training examples."""
        self.network.prepare(InputBatches(self.train.inputs, PREPARED, self.device))

    def start(self) -> None:
        """Set training mode, and compile the network if the settings request it and compilation works."""
        super().start()
        if self.settings.compile:
            sizes = {len(self.team.share(np.arange(start, stop))) for start, stop in self.bounds()} - {0}
            self._run = compiled(self.network, [self._inputs(np.arange(size)) for size in sizes])

    def before_epoch(self, epoch: int) -> None:
        """Make the changes of the network's grids that are planned for this epoch."""
        for intervals in (intervals for at, intervals in self.grids if at == epoch):
            if intervals is None:
                rows = epoch_order(self.seed, epoch, self.examples)[:GRID_SAMPLES]
                self.network.eval()
                changed = update_grids(self.network, lambda rows=rows: self.network(*self._inputs(rows)))  # type: ignore[misc]
                self.network.train()
            else:
                changed = refine_grids(self.network, intervals)
            self._renew_optimizer(changed)

    def step(self, batch: Batch) -> float:
        """Take one optimiser step on a batch, and return the batch's mean loss without penalties.

        Raises:
            NotFinite: the loss or a gradient is NaN or infinite; no weight was changed.
        """
        optimizer = self.optimizers["optimizer"]
        for group in optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * rate_factor(self.settings.schedule, batch.number, batch.total)
        optimizer.zero_grad(set_to_none=True)
        self.team.seed(self.seed, batch.epoch, batch.step)
        loss = self._loss_of(batch.rows)
        self._penalised(loss).backward()
        loss = self.team.add_up(self.network, loss)
        parameters = [parameter for parameter in self.network.parameters() if parameter.grad is not None]
        norm = get_total_norm([parameter.grad for parameter in parameters])
        # Checked before the step, so that the weights are still finite if the loss or gradient is not.
        if not torch.isfinite(loss + norm):
            raise not_finite(batch)
        if self.settings.clip is not None:
            clip_grads_with_norm_(parameters, self.settings.clip, norm)
        optimizer.step()
        return loss.item()

    def measure(self, examples: Examples) -> float:
        """Return the mean loss over all known targets of the examples, without class weights and penalties."""
        loss = mean_loss(self.network, self.task, examples)
        self.network.train()
        return loss

    def report(self) -> Mapping[str, float]:
        """Return the learning rate of the last step, for ``log.jsonl``."""
        return {"learning_rate": self.optimizers["optimizer"].param_groups[0]["lr"]}

    def restore_kept(self, weights: Weights) -> None:
        """Load kept weights into the network, after setting its grids to the number of intervals in these weights."""
        match_grids(self.network, weights)
        super().restore_kept(weights)

    def load_state(self, state: State) -> None:
        """Restore a state, after setting the network's grids to the number of intervals in its weights."""
        own = {name.removeprefix("model."): array for name, array in state.arrays.items() if name.startswith("model.")}
        if match_grids(self.network, own):
            self.optimizers["optimizer"] = make_optimizer(self.network, self.settings, self._known)
        super().load_state(state)

    def _inputs(self, rows: np.ndarray) -> tuple[Tensor, ...]:
        """Return the network's inputs for the training examples at positions ``rows``."""
        return tensors_of(self.train.inputs, rows, self.device)

    def _loss_of(self, rows: np.ndarray) -> Tensor:
        """Return this process's contribution to the mean loss of a batch, computed from its share of ``rows``."""
        share = self.team.share(rows)
        targets = self._targets[torch.from_numpy(share)]
        if self.team.size == 1:
            return self.task.loss(self._run(*self._inputs(share)), targets, self._class_weights)
        weight = self.task.loss_weight(targets, self._class_weights)
        if weight == 0:
            # The share is empty or has no known target: its gradient is 0, but the other processes wait for this one.
            if self.team.normalises_together(self.network):
                return self._run(*self._inputs(share if len(share) else rows[:1])).sum() * 0.0
            return sum(parameter.sum() for parameter in self.network.parameters()) * 0.0  # type: ignore[return-value]
        whole = self.task.loss_weight(self._targets[torch.from_numpy(rows)], self._class_weights)
        return self.task.loss(self._run(*self._inputs(share)), targets, self._class_weights) * (weight / whole)

    def _penalised(self, loss: Tensor) -> Tensor:
        """Add the penalties, divided by the number of processes, to this process's contribution to the loss."""
        return loss + self.penalties.sum(self.network) / self.team.size if any(self.penalties) else loss

    def _renew_optimizer(self, changed: set[str]) -> None:
        """Create a new optimiser for the network. Keep the moments of all parameters that are not in ``changed``."""
        before = self.optimizers["optimizer"].state
        made = make_optimizer(self.network, self.settings, self._known)
        for name, parameter in self.network.named_parameters():
            if parameter in before and name not in changed:
                made.state[parameter] = before[parameter]
        self.optimizers["optimizer"] = made


def mean_loss(network: Network, task: Task, examples: Examples, batch_size: int = PREPARED) -> float:
    """Return the mean loss over all known targets of the examples, without class weights, in evaluation mode."""
    network.eval()
    device, total, batch_size = next(network.parameters()).device, 0.0, min(batch_size, network.scored)
    with torch.inference_mode():
        for start in range(0, len(examples.targets), batch_size):
            rows = slice(start, start + batch_size)
            targets = examples.targets[rows]
            outputs = network(*tensors_of(examples.inputs, rows, device))
            loss = task.loss(outputs, torch.from_numpy(targets).to(device)).item()
            total += loss * int(is_known(targets).sum())
    return total / int(is_known(examples.targets).sum())
