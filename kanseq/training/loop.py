"""The training loop: epochs, checkpoints and early stopping. An interrupted training resumes with identical results.

In: an objective. Out: its trained network; ``state.safetensors`` (checkpoint) and ``log.jsonl`` during the training.
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

from kanseq.errors import NotFinite
from kanseq.io.files import open_text, whole_text
from kanseq.models.inputs import Examples
from kanseq.runs.parts import STATE
from kanseq.training.objectives.batches import epoch_order
from kanseq.training.objectives.objective import Batch, Objective, not_finite
from kanseq.training.processes.distributed import ALONE, Team
from kanseq.training.progress import Progress
from kanseq.training.resume import Position, restore_state, save_state


class Fitted(NamedTuple):
    """The number of epochs of a finished training, and the epoch whose weights were kept.

    Attributes:
        epochs: number of completed epochs.
        kept_epoch: the epoch, from 1, after which the network had the weights that were kept.
    """

    epochs: int
    kept_epoch: int


class Limits(NamedTuple):
    """Settings that determine when training stops, and how often checkpoints are written.

    Attributes:
        epochs: maximum number of passes over the training examples.
        patience: number of epochs without a better monitored value after which training stops.
        checkpoint_minutes: maximum time between two checkpoints, in minutes.
    """

    epochs: int
    patience: int = 3
    checkpoint_minutes: float = 10.0


def fit_objective(
    objective: Objective,
    tune: Examples | None,
    limits: Limits,
    *,
    seed: int,
    folder: Path | None,
    title: str,
    team: Team = ALONE,
) -> Fitted:
    """Train the networks of an objective in place, from the start or from the checkpoint in ``folder``.

    The order of the examples in an epoch depends only on ``seed`` and the epoch's number. A checkpoint
    (``state.safetensors``) is written at the start, at the end of each epoch, every ``checkpoint_minutes``, and when
    SIGINT or SIGTERM requests a stop (a second signal stops at once). A later call resumes from the checkpoint, and the
    final weights are bit-identical to those of an uninterrupted training. All processes of a team must call this
    function, with the same arguments except ``team`` and ``folder``.

    Args:
        objective: the objective to train; at the end its network has the kept weights and is in evaluation mode.
        tune: tuning examples. The monitored value is measured on them after each epoch, and the weights with the best
            value are kept. If None, the last weights are kept.
        limits: number of epochs, patience and time between checkpoints.
        seed: seed of the order of the examples.
        folder: folder for the checkpoint and the log; if None, neither is written.
        title: title of the progress display.
        team: the processes that train together.

    Returns:
        The number of epochs, and the epoch whose weights were kept.

    Raises:
        NotFinite: a loss, a gradient or the monitored value is NaN or infinite. The network and the checkpoint then
            have the last finite weights. If ``folder`` is None, the network has the weights after the failed step.
        KeyboardInterrupt: a signal requested a stop; the checkpoint has been written.
    """
    training = _Training(objective, tune, limits, seed, folder)
    done = training.position.epoch * objective.examples + training.position.seen
    try:
        with Progress(title, limits.epochs, objective.examples, done) as progress, _stop_requests() as stop:
            team.watch(stop.is_set)
            objective.start()
            while not training.has_ended:
                for loss in training.epoch(progress):
                    stopping = team.any(stop.is_set(), objective.device)
                    if stopping or training.is_due:
                        training.check(loss)
                        training.save()
                    if stopping:
                        raise KeyboardInterrupt
                training.end_epoch(progress)
    except NotFinite:
        training.keep_last_good()
        raise
    return training.finish()


class _Training:
    """A training run in progress: its objective, the number of finished epochs and batches, and the best weights."""

    def __init__(
        self, objective: Objective, tune: Examples | None, limits: Limits, seed: int, folder: Path | None
    ) -> None:
        """Resume from the checkpoint in ``folder``, or start a new training and write its first checkpoint."""
        self.objective, self.tune, self.limits, self.seed = objective, tune, limits, seed
        self.file = None if folder is None else folder / STATE
        restored = None if self.file is None else restore_state(self.file, objective)
        self.position, self.best = restored or (Position(), None)
        self.saved = time.monotonic()
        if restored is None:
            objective.prepare()
            self.save()
        self.log = None if folder is None else _Log(folder / "log.jsonl", self.position.epoch)

    @property
    def has_ended(self) -> bool:
        """Whether all epochs are done, or the monitored value has not improved for ``patience`` epochs."""
        position, limits = self.position, self.limits
        waited = 0 if position.best_loss is None else position.epoch - position.best_epoch
        return position.epoch >= limits.epochs or waited >= limits.patience

    @property
    def is_due(self) -> bool:
        """Whether ``checkpoint_minutes`` have passed since the last checkpoint."""
        return time.monotonic() - self.saved > 60 * self.limits.checkpoint_minutes

    def epoch(self, progress: Progress) -> Iterator[float]:
        """Train on the remaining batches of the epoch. After each batch, update the position and yield its loss."""
        position, bounds = self.position, self.objective.bounds()
        # Checkpoints are written before this call or after a step, so a resumed training also calls it only once.
        if position.step == 0:
            self.objective.before_epoch(position.epoch)
        order = epoch_order(self.seed, position.epoch, self.objective.examples)
        for start, stop in bounds[position.step :]:
            number, total = position.epoch * len(bounds) + position.step, self.limits.epochs * len(bounds)
            batch = Batch(order[start:stop], position.epoch, position.step, number, total)
            loss = float(self.objective.step(batch))
            position.step += 1
            position.loss_sum += loss * len(batch.rows)
            position.seen += len(batch.rows)
            progress.step(len(batch.rows), position.loss)
            yield loss

    def end_epoch(self, progress: Progress) -> None:
        """Finish an epoch: measure the monitored value, keep the best weights, and write the log and a checkpoint."""
        position, objective = self.position, self.objective
        self.check(position.loss)
        # Measured before the position changes: if this fails, a checkpoint of the end of this epoch is written.
        measured = None if self.tune is None else self.measured(self.tune)
        position.epoch += 1
        if measured is not None and (position.best_loss is None or measured < position.best_loss):
            position.best_loss, position.best_epoch = measured, position.epoch
            self.best = objective.kept()
        progress.epoch(position.epoch, position.loss, measured, objective.monitor)
        if self.log is not None:
            self.log.add(
                {
                    "epoch": position.epoch,
                    "loss": position.loss,
                    objective.monitor: measured,
                    **{name: float(value) for name, value in objective.report().items()},
                    "genes_per_second": round(progress.genes_per_second, 1),
                    "seconds": round(progress.seconds, 3),
                }
            )
        position.step, position.loss_sum, position.seen = 0, 0.0, 0
        self.save()

    def measured(self, tune: Examples) -> float:
        """Return the monitored value on the tuning examples.

        Raises:
            NotFinite: the value is NaN or infinite, so that epochs cannot be compared.
        """
        measured = float(self.objective.measure(tune))
        if not np.isfinite(measured):
            name = self.objective.monitor.replace("_", " ")
            raise NotFinite(
                f"{name} became {measured} after epoch {self.position.epoch + 1}; the last good weights were kept",
                hint="lower --learning-rate or use --clip 1, and train into another folder",
            )
        return measured

    def check(self, loss: float) -> None:
        """Check that the loss and all weights are finite, before a checkpoint is written.

        Raises:
            NotFinite: the loss or a weight is NaN or infinite.
        """
        if not (np.isfinite(loss) and self.objective.is_finite()):
            raise not_finite()

    def save(self) -> None:
        """Write a checkpoint, if the training has a folder."""
        if self.file is not None:
            save_state(self.file, self.objective, self.position, self.best)
        self.saved = time.monotonic()

    def keep_last_good(self) -> None:
        """After an error, write a checkpoint if all weights are still finite; otherwise restore the last checkpoint."""
        # Before the first step of an epoch, the checkpoint is the same, but without the changes of before_epoch().
        # After a step that returned NaN without raising, the weights have already been changed.
        if self.position.step and np.isfinite(self.position.loss_sum) and self.objective.is_finite():
            self.save()
        elif self.file is not None:
            restore_state(self.file, self.objective)

    def finish(self) -> Fitted:
        """Load the kept weights into the network, set evaluation mode, and return the result of the training."""
        self.objective.restore_kept(self.objective.kept() if self.best is None else self.best)
        for network in self.objective.networks.values():
            network.eval()
        epochs = self.position.epoch
        return Fitted(epochs, epochs if self.best is None else self.position.best_epoch)


class _Log:
    """Writer of ``log.jsonl``, with one line per epoch. It is the only file of a run that contains times."""

    def __init__(self, path: Path, epochs: int) -> None:
        """Read the lines of the first ``epochs`` epochs, if the file exists; later lines are dropped."""
        self.path = path
        self.lines: list[dict[str, object]] = []
        if path.exists() and epochs:
            with open_text(path) as handle:
                self.lines = [json.loads(line) for line in handle][:epochs]

    def add(self, line: dict[str, object]) -> None:
        """Add a line and write the file."""
        self.lines.append(line)
        with whole_text(self.path) as handle:
            handle.writelines(json.dumps(line) + "\n" for line in self.lines)


@contextmanager
def _stop_requests() -> Iterator[threading.Event]:
    """Yield an event that the first SIGINT or SIGTERM sets, so that training stops after the current batch.

    A second signal raises KeyboardInterrupt at once. Outside of the main thread, signals are not handled.
    """
    requested = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if requested.is_set():
            raise KeyboardInterrupt
        requested.set()

    if threading.current_thread() is not threading.main_thread():
        yield requested
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requested
        # The signal came after the last batch, so the training loop has not checked the event.
        if requested.is_set():
            raise KeyboardInterrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
