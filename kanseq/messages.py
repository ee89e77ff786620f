"""What the package says while it works, on standard error.

In: records of the logger ``kanseq``. Out: ``warning: text``, or the plain text of an information.
"""

import logging
import sys
from typing import TextIO

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def show_messages(level: str) -> None:
    """Send messages of this level and above (one of :data:`LEVELS`, in any case) to standard error."""
    logger = logging.getLogger("kanseq")
    logger.setLevel(level.upper())
    if not logger.handlers:
        handler = _StandardError()
        handler.setFormatter(_LowercaseLevel("%(levelname)s: %(message)s"))
        logger.addHandler(handler)


class _StandardError(logging.StreamHandler):
    """Writes to what standard error is when a message comes, not to what it was when the handler was made."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        """Take no other stream."""


class _LowercaseLevel(logging.Formatter):
    """``warning: text``; plain text for information."""

    def format(self, record: logging.LogRecord) -> str:
        if record.levelno == logging.INFO:
            return record.getMessage()
        return f"{record.levelname.lower()}: {record.getMessage()}"
