"""Locks between processes: one holder per file, released by the system when the holder ends or is killed.

A lock is ``flock`` on an open file, through :mod:`filelock`. File systems without locks (some network mounts) are not
an error: the result reports it, and the caller warns.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from kanseq.io.files import disk_errors


class Lock(Enum):
    """Result of an attempt to lock a file."""

    HELD = "held by this process"
    IN_USE = "held by another process"
    UNSUPPORTED = "the file system has no locks"


@contextmanager
def lock(path: Path, *, wait: bool = False) -> Iterator[Lock]:
    """Try to lock ``path`` (created if missing) for the duration of the context.

    Args:
        path: the lock file; its folder must exist. The file is kept when the lock is released.
        wait: wait until the holder releases the lock; otherwise yield :attr:`Lock.IN_USE` immediately.

    Raises:
        NotWritable: the file cannot be created in its folder.
    """
    with disk_errors(path.parent):
        handle = open(path, "a")  # noqa: SIM115
    with handle:
        yield _try(handle.fileno(), wait)


def is_free(path: Path) -> bool:
    """Return whether the process that held ``path`` has ended.

    False if the file is missing (its holder may use another copy of the folder) or cannot be locked.
    """
    try:
        with open(path) as handle:
            return _try(handle.fileno(), wait=False) is Lock.HELD
    except OSError:
        return False


def _try(descriptor: int, wait: bool) -> Lock:
    """Lock an open file until its descriptor is closed."""
    from filelock import lock_descriptor

    try:
        return Lock.HELD if lock_descriptor(descriptor, blocking=wait) else Lock.IN_USE
    except OSError:
        return Lock.UNSUPPORTED
