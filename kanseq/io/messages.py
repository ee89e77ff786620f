"""Print the log messages of kanseq to standard error.

In: records of the logger ``kanseq``. Out: ``warning: text``, or the text alone for level INFO.
"""

import logging
import sys
from typing import TextIO

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def show_messages(level: str) -> None:
    """Print log messages of ``level`` (one of :data:`LEVELS`, ignoring letter case) and above to standard error."""
    logger = logging.getLogger("kanseq")
    logger.setLevel(level.upper())
    if not logger.handlers:
        handler = _StandardError()
        handler.setFormatter(_LowercaseLevel("%(levelname)s: %(message)s"))
        logger.addHandler(handler)


class _StandardError(logging.StreamHandler):
    """Log handler that writes to the current ``sys.stderr``, even if it was replaced after the handler was created."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        """Ignore other streams."""


class _LowercaseLevel(logging.Formatter):
    """Format log messages as ``warning: text``, or as the text alone for level INFO."""

    def format(self, record: logging.LogRecord) -> str:
        if record.levelno == logging.INFO:
            return record.getMessage()
        return f"{record.levelname.lower()}: {record.getMessage()}"
