"""Train an objective so that it can be stopped anywhere and continues as if nothing had happened.

In: an objective. Out: its network, trained; ``state.safetensors`` and ``log.jsonl`` on the way.
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
from kanseq.files import open_text, whole_text
from kanseq.training.batches import epoch_order
from kanseq.training.inputs import Examples
from kanseq.training.objective import Batch, Objective, not_finite
from kanseq.training.parts import STATE
from kanseq.training.progress import Progress
from kanseq.training.states import Position, restore_state, save_state
from kanseq.training.team import ALONE, Team


class Fitted(NamedTuple):
    """What a training did.

    Attributes:
        epochs: passes made.
        kept_epoch: after which pass (from 1) the weights were taken.
    """

    epochs: int
    kept_epoch: int


class Limits(NamedTuple):
    """How long a training lasts.

    Attributes:
        epochs: passes over the training examples at most.
        patience: passes without a better monitored number before it stops.
        checkpoint_minutes: at most so long between two states on disk.
    """

    epochs: int
    patience: int = 3
    checkpoint_minutes: float = 10.0


def fit(
    objective: Objective,
    tune: Examples | None,
    limits: Limits,
    *,
    seed: int,
    folder: Path | None,
    title: str,
    team: Team = ALONE,
) -> Fitted:
    """Train an objective's networks in place, from the start or from the ``state.safetensors`` in ``folder``.

    The order of the examples in an epoch follows from ``seed`` and the epoch's number alone. A state is written at the
    start, at every epoch's end, every ``checkpoint_minutes``, and when SIGINT or SIGTERM asks to stop (a second one
    stops at once); a later call ends with the same bits. The processes of a team all call this, with the same arguments
    but for ``team`` and ``folder``.

    Args:
        objective: what is trained; at the end its network holds the kept weights, in evaluation mode.
        tune: examples that it is measured on after each epoch, to keep the best weights; None keeps the last.
        limits: how long.
        seed: of the order of the examples.
        folder: where the state and the log go; None writes neither.
        title: what the progress is called.
        team: the processes that train together.

    Raises:
        NotFinite: a loss, a gradient or the monitored number is NaN or infinite; the network then holds the last good
            weights, and so does the state on disk; without a folder those after the step that failed.
        KeyboardInterrupt: a signal asked to stop; the state is written.
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
    """An objective's way through its epochs: where it stands, and the best weights so far."""

    def __init__(
        self, objective: Objective, tune: Examples | None, limits: Limits, seed: int, folder: Path | None
    ) -> None:
        """Continue from the state in the folder, or begin and write one."""
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
        """Whether all epochs are done, or the monitored number has not become better for too long."""
        position, limits = self.position, self.limits
        waited = 0 if position.best_loss is None else position.epoch - position.best_epoch
        return position.epoch >= limits.epochs or waited >= limits.patience

    @property
    def is_due(self) -> bool:
        """Whether a state has to be written by the clock."""
        return time.monotonic() - self.saved > 60 * self.limits.checkpoint_minutes

    def epoch(self, progress: Progress) -> Iterator[float]:
        """Take the steps of an epoch that are still to be taken; moves the position, and yields the loss of each."""
        position, bounds = self.position, self.objective.bounds()
        # A state is written before this or after a step, so that a training that continues does it once, too.
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
        """Move to the next epoch, measure, keep better weights, and write log and state."""
        position, objective = self.position, self.objective
        self.check(position.loss)
        # Before the position moves: a state that is written when this fails stands at the end of this epoch.
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
        """Return the monitored number.

        Raises:
            NotFinite: it is NaN or infinite, so that it tells no better epoch from a worse one.
        """
        measured = float(self.objective.measure(tune))
        if not np.isfinite(measured):
            name = self.objective.monitor.replace("_", " ")
            raise NotFinite(
                f"{name} became {measured} after epoch {self.position.epoch + 1}; the last good weights were kept",
                hint="lower --learning-rate or set --clip 1, and train into another folder",
            )
        return measured

    def check(self, loss: float) -> None:
        """Make sure that no state with broken weights is written.

        Raises:
            NotFinite: the loss or a weight is no finite number.
        """
        if not (np.isfinite(loss) and self.objective.is_finite()):
            raise not_finite()

    def save(self) -> None:
        """Write the state."""
        if self.file is not None:
            save_state(self.file, self.objective, self.position, self.best)
        self.saved = time.monotonic()

    def keep_last_good(self) -> None:
        """Write the state before a step that failed, or return to the last one on disk where weights are broken."""
        # Before an epoch's first step what is on disk is the same, without what the epoch begins with; and after a step
        # that gave NaN without failing, the weights are those behind it.
        if self.position.step and np.isfinite(self.position.loss_sum) and self.objective.is_finite():
            self.save()
        elif self.file is not None:
            restore_state(self.file, self.objective)

    def finish(self) -> Fitted:
        """Leave the kept weights in the network, ready to score."""
        self.objective.restore_kept(self.objective.kept() if self.best is None else self.best)
        for network in self.objective.networks.values():
            network.eval()
        epochs = self.position.epoch
        return Fitted(epochs, epochs if self.best is None else self.position.best_epoch)


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
