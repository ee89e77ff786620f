"""Show the progress of training: on a terminal a bar with loss and genes per second, otherwise a log line per epoch.

In: numbers of genes, and losses. Out: text on standard error.
"""

import logging
import sys
import time
from types import TracebackType

logger = logging.getLogger(__name__)


class Progress:
    """Context manager that shows the progress of training on one fold.

    Time and ``genes_per_second`` are measured from the start of the ``with`` block.
    """

    def __init__(self, title: str, epochs: int, genes: int, done: int = 0) -> None:
        """Prepare the display, without showing it.

        Args:
            title: title of the bar and of log lines.
            epochs: number of passes over the training genes.
            genes: number of training genes.
            done: number of genes, summed over epochs, that were processed before training was resumed.
        """
        self.title, self.epochs, self.genes, self.first = title, epochs, genes, done
        self.count, self.started = 0, time.monotonic()
        self._bar = None

    def __enter__(self) -> "Progress":
        """Start the clock, and show the bar if standard error is a terminal."""
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
        """Remove the bar, if there is one."""
        if self._bar is not None:
            self._bar.stop()

    @property
    def seconds(self) -> float:
        """Seconds since the start of the ``with`` block."""
        return time.monotonic() - self.started

    @property
    def genes_per_second(self) -> float:
        """Training genes processed per second, since the start of the ``with`` block."""
        return self.count / max(self.seconds, 1e-9)

    def step(self, genes: int, loss: float) -> None:
        """Advance the bar by a batch of ``genes`` genes, and show the mean loss of the epoch so far."""
        self.count += genes
        if self._bar is not None:
            self._bar.update(self._task, advance=genes, loss=loss, rate=self.genes_per_second)

    def epoch(self, number: int, loss: float, measured: float | None, monitor: str = "tune_loss") -> None:
        """Log the end of an epoch, unless a bar is shown.

        Args:
            number: number of the epoch, from 1.
            loss: mean training loss of the epoch.
            measured: the monitored value after the epoch; None if there is none.
            monitor: name of the monitored value.
        """
        if self._bar is None:
            tuned = "" if measured is None else f", {monitor.replace('_', ' ')} {measured:.4f}"
            rate = f"{self.genes_per_second:,.0f} genes/s"
            logger.info("%s: epoch %d of %d, loss %.4f%s, %s", self.title, number, self.epochs, loss, tuned, rate)

    @staticmethod
    def _make_bar() -> "object":
        """Build a progress bar that writes to standard error."""
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
