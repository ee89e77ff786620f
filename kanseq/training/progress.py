"""Show the progress of a training: a bar with loss and rate on a terminal, otherwise one log line per epoch.

In: steps and losses. Out: text on standard error.
"""

import logging
import sys
import time
from types import TracebackType

logger = logging.getLogger(__name__)


class Progress:
    """Progress display for the training of one fold; use it as a context manager.

    ``genes_per_second`` counts the genes trained on since the context was entered.
    """

    def __init__(self, title: str, epochs: int, genes: int, done: int = 0) -> None:
        """Prepare for ``epochs`` passes over ``genes`` genes; ``done`` of the ``epochs * genes`` are finished."""
        self.title, self.epochs, self.genes, self.first = title, epochs, genes, done
        self.count, self.started = 0, time.monotonic()
        self._bar = None

    def __enter__(self) -> "Progress":
        """Start the clock, and the bar if standard error is a terminal."""
        self.started = time.monotonic()
        if sys.stderr.isatty():
            self._bar = self._make_bar()
            self._bar.start()
            self._task = self._bar.add_task(
                self.title, total=self.epochs * self.genes, completed=self.first, loss=float("nan"), rate=0.0
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """Seconds since the context was entered."""
        return time.monotonic() - self.started

    @property
    def genes_per_second(self) -> float:
        """Genes trained on per second."""
        return self.count / max(self.seconds, 1e-9)

    def step(self, genes: int, loss: float) -> None:
        """Count a batch, with the mean loss of the epoch so far."""
        self.count += genes
        if self._bar is not None:
            self._bar.update(self._task, advance=genes, loss=loss, rate=self.genes_per_second)

    def epoch(self, number: int, loss: float, measured: float | None, monitor: str = "tune_loss") -> None:
        """Log an epoch (from 1), unless a bar is shown: its loss, and the value measured as ``monitor``."""
        if self._bar is None:
            tuned = "" if measured is None else f", {monitor.replace('_', ' ')} {measured:.4f}"
            rate = f"{self.genes_per_second:,.0f} genes/s"
            logger.info("%s: epoch %d of %d, loss %.4f%s, %s", self.title, number, self.epochs, loss, tuned, rate)

    @staticmethod
    def _make_bar() -> "object":
        """Build the bar."""
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        return Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("loss {task.fields[loss]:.4f}"),
            TextColumn("{task.fields[rate]:,.0f} genes/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
