"""Fit one network to one fold's genes, so that it can be stopped anywhere and goes on as if nothing had happened.

In: a network, base codes and targets. Out: the fitted network; ``state.safetensors`` and ``log.jsonl`` on the way.
"""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from kanseq.data.row_codes import Codes
from kanseq.errors import NotFinite
from kanseq.files import open_text, whole_text
from kanseq.models.network import SequenceNetwork
from kanseq.training.batches import CodeBatches, batch_bounds, class_weights, code_batches, epoch_order
from kanseq.training.compilation import compiled
from kanseq.training.progress import Progress
from kanseq.training.settings import Settings, make_optimizer, rate_factor
from kanseq.training.states import Position, Weights, is_finite, kept_weights, restore_state, save_state
from kanseq.training.tasks import Task, is_known
from kanseq.training.team import ALONE, Team


class Examples(NamedTuple):
    """Sequences with what is to be learned of them.

    Attributes:
        codes: base codes, uint8 ``(n, columns)``, in memory or on demand.
        targets: as :class:`kanseq.training.tasks.Task` takes them, ``(n,)`` or ``(n, conditions)``.
    """

    codes: Codes
    targets: np.ndarray


class Fitted(NamedTuple):
    """What a fit did.

    Attributes:
        epochs: passes made.
        kept_epoch: after which pass (from 1) the weights were taken.
        compiled: whether steps went through the compiler.
    """

    epochs: int
    kept_epoch: int
    compiled: bool


def fit_network(
    network: SequenceNetwork,
    task: Task,
    train: Examples,
    tune: Examples | None,
    settings: Settings,
    *,
    seed: int,
    folder: Path,
    title: str,
    checkpoint_minutes: float = 10.0,
    team: Team = ALONE,
) -> Fitted:
    """Fit a network in place, from the start or from the ``state.safetensors`` in ``folder``.

    The order of the genes in an epoch follows from ``seed`` and the epoch's number alone. A state is written at the
    start, at every epoch's end, every ``checkpoint_minutes``, and when SIGINT or SIGTERM asks to stop (a second one
    stops at once); it holds weights, moments, random state and position, so that a later call ends with the same bits.
    The processes of a team all call this, with the same arguments but for ``team`` and ``folder``.

    Raises:
        NotFinite: a loss or a gradient is no number; the network then holds the last good weights, and so does the
            state on disk.
        KeyboardInterrupt: a signal asked to stop; the state is written.
    """
    optimizer = make_optimizer(network, settings, int(is_known(train.targets).sum()))
    state_file = folder / "state.safetensors"
    restored = restore_state(state_file, network, optimizer)
    position, best = restored or (Position(), None)
    if restored is None:
        network.prepare(CodeBatches(train.codes, 256, next(network.parameters()).device))
        save_state(state_file, network, optimizer, position, best)
    fit = _Fit(network, task, train, settings, optimizer, seed, team)
    log = _Log(folder / "log.jsonl", position.epoch)
    done = position.epoch * len(train.targets) + position.seen
    try:
        with Progress(title, settings.epochs, len(train.targets), done) as progress, _stop_requests() as stop:
            fit.asked, saved = stop.is_set, time.monotonic()
            while position.epoch < settings.epochs and not _had_enough(position, settings):
                for loss, size in fit.epoch(position):
                    progress.step(size, position.loss)
                    stopping = fit.agreed if team.size > 1 else stop.is_set()
                    if stopping or time.monotonic() - saved > 60 * checkpoint_minutes:
                        fit.insist_on_finite(loss)
                        save_state(state_file, network, optimizer, position, best)
                        saved = time.monotonic()
                    if stopping:
                        raise KeyboardInterrupt
                fit.insist_on_finite(position.loss)
                best = _finish_epoch(fit, tune, position, best, progress, log)
                save_state(state_file, network, optimizer, position, best)
                saved = time.monotonic()
    except NotFinite:
        if is_finite(network):
            save_state(state_file, network, optimizer, position, best)
        else:
            restore_state(state_file, network, optimizer)
        raise
    if best is not None:
        network.load_state_dict(best)
    network.eval()
    kept = position.best_epoch if best is not None else position.epoch
    return Fitted(position.epoch, kept, fit.run is not network)


class _Fit:
    """One fold's batches, and a step on each."""

    def __init__(
        self,
        network: SequenceNetwork,
        task: Task,
        train: Examples,
        settings: Settings,
        optimizer: torch.optim.Optimizer,
        seed: int,
        team: Team,
    ) -> None:
        self.team, self.asked, self.agreed = team, lambda: False, False
        self.network, self.task, self.train, self.settings = team.ready(network), task, train, settings
        self.optimizer, self.seed = optimizer, seed
        self.device = next(network.parameters()).device
        self.targets = torch.from_numpy(train.targets).to(self.device)
        self.bounds = batch_bounds(len(train.targets), settings.batch_size)
        self.class_weights = class_weights(train.targets, settings.balance, len(task.classes) or 2)
        if self.class_weights is not None:
            self.class_weights = self.class_weights.to(self.device)
        network.train()
        sizes = {len(team.share(np.arange(start, stop))) for start, stop in self.bounds} - {0}
        self.run = compiled(network, sizes) if settings.compile else network

    def epoch(self, position: Position) -> Iterator[tuple[float, int]]:
        """Take the steps of an epoch that are still to be taken; moves the position, yields loss and genes of each."""
        self.network.train()
        order = epoch_order(self.seed, position.epoch, len(self.train.targets))
        for start, stop in self.bounds[position.step :]:
            rows = order[start:stop]
            loss = self.step(rows, position)
            position.step += 1
            position.loss_sum += loss * len(rows)
            position.seen += len(rows)
            yield loss, len(rows)

    def step(self, rows: np.ndarray, position: Position) -> float:
        """Follow the gradient on some rows; gives their mean loss before the step."""
        factor = rate_factor(
            self.settings.schedule,
            position.epoch * len(self.bounds) + position.step,
            self.settings.epochs * len(self.bounds),
        )
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * factor
        self.optimizer.zero_grad(set_to_none=True)
        self.team.seed(self.seed, position.epoch, position.step)
        loss = self.loss_of(rows)
        loss.backward()
        loss, self.agreed = self.team.add_up(self.network, loss, self.asked())
        norm = gradient_norm(self.network, self.settings.clip)
        # Before the step, so that the weights are still good when this is not.
        if not torch.isfinite(loss + norm):
            self.stop_for_nan(position)
        self.optimizer.step()
        return loss.item()

    def loss_of(self, rows: np.ndarray) -> Tensor:
        """Give the part that this process's share has in the rows' mean loss."""
        share = self.team.share(rows)
        targets = self.targets[torch.from_numpy(share)]
        if self.team.size == 1:
            return self.task.loss(self.run(self.codes(share)), targets, self.class_weights)
        weight = self.task.loss_weight(targets, self.class_weights)
        if weight == 0:
            # Nothing of the share is known, or there is none: it moves nothing, and still takes part.
            if self.team.normalises_together(self.network):
                return self.run(self.codes(share if len(share) else rows[:1])).sum() * 0.0
            return sum(parameter.sum() for parameter in self.network.parameters()) * 0.0
        whole = self.task.loss_weight(self.targets[torch.from_numpy(rows)], self.class_weights)
        return self.task.loss(self.run(self.codes(share)), targets, self.class_weights) * (weight / whole)

    def codes(self, rows: np.ndarray) -> Tensor:
        """Give base codes on the device."""
        return torch.from_numpy(self.train.codes[rows]).to(self.device)

    def insist_on_finite(self, loss: float) -> None:
        """Make sure that no state with broken weights is written."""
        if not (np.isfinite(loss) and is_finite(self.network)):
            self.stop_for_nan(None)

    def stop_for_nan(self, position: Position | None) -> None:
        """End the training, and say how to mend it."""
        at = "" if position is None else f" in epoch {position.epoch + 1}, batch {position.step + 1}"
        raise NotFinite(
            f"loss or gradient became NaN or infinite{at}; the last good weights were kept",
            mend="lower --learning-rate or set --clip 1, and train into another folder",
        )


def gradient_norm(network: nn.Module, clip: float | None) -> Tensor:
    """Measure the norm of all gradients together, and shorten them to ``clip`` where they are longer."""
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients]))
    if clip is not None and norm > clip:
        for gradient in gradients:
            gradient.mul_(clip / norm)
    return norm


def mean_loss(network: SequenceNetwork, task: Task, examples: Examples, batch_size: int = 256) -> float:
    """Give the mean loss over all known targets of the examples, without class weights, in evaluation mode."""
    network.eval()
    device, total, batch_size = next(network.parameters()).device, 0.0, min(batch_size, network.scored)
    with torch.inference_mode():
        for number, codes in enumerate(code_batches(examples.codes, batch_size, device)):
            targets = examples.targets[number * batch_size : (number + 1) * batch_size]
            loss = task.loss(network(codes), torch.from_numpy(targets).to(device)).item()
            total += loss * int(is_known(targets).sum())
    return total / int(is_known(examples.targets).sum())


def _had_enough(position: Position, settings: Settings) -> bool:
    """Whether early stopping ends the training here."""
    return position.best_loss is not None and position.epoch - position.best_epoch >= settings.patience


def _finish_epoch(
    fit: _Fit, tune: Examples | None, position: Position, best: Weights | None, progress: Progress, log: "_Log"
) -> Weights | None:
    """Move to the next epoch, measure on the tuning genes, keep better weights, and write the log."""
    tune_loss = None
    position.epoch += 1
    if tune is not None:
        tune_loss = mean_loss(fit.network, fit.task, tune)
        if position.best_loss is None or tune_loss < position.best_loss:
            position.best_loss, position.best_epoch = tune_loss, position.epoch
            best = kept_weights(fit.network)
    progress.epoch(position.epoch, position.loss, tune_loss)
    log.add(
        {
            "epoch": position.epoch,
            "loss": position.loss,
            "tune_loss": tune_loss,
            "learning_rate": fit.optimizer.param_groups[0]["lr"],
            "genes_per_second": round(progress.genes_per_second, 1),
            "seconds": round(progress.seconds, 3),
        }
    )
    position.step, position.loss_sum, position.seen = 0, 0.0, 0
    return best


class _Log:
    """``log.jsonl``: a line per epoch. The only file of a run that holds times."""

    def __init__(self, path: Path, epochs: int) -> None:
        """Take over the lines of the epochs that are finished."""
        self.path = path
        self.lines: list[dict[str, object]] = []
        if path.exists() and epochs:
            with open_text(path) as handle:
                self.lines = [json.loads(line) for line in handle][:epochs]

    def add(self, line: dict[str, object]) -> None:
        """Write the log with one more line."""
        self.lines.append(line)
        with whole_text(self.path) as handle:
            handle.writelines(json.dumps(line) + "\n" for line in self.lines)


@contextmanager
def _stop_requests() -> Iterator[threading.Event]:
    """Turn the first SIGINT or SIGTERM into a request that is met after the batch; the second one interrupts."""
    wanted = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if wanted.is_set():
            raise KeyboardInterrupt
        wanted.set()

    if threading.current_thread() is not threading.main_thread():
        yield wanted
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wanted
        # Asked for in the very last moment, when no batch was left to notice it.
        if wanted.is_set():
            raise KeyboardInterrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
