"""Locks between processes: only one process can hold a file's lock, until it ends or is killed.

A lock is ``flock`` on an open file, through :mod:`filelock`. On file systems without locks (some network mounts), no
error is raised: the result is :attr:`Lock.UNSUPPORTED`, and the caller should warn.
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
    """Try to lock a file (created if missing) for the duration of the block, and yield whether this succeeded.

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
    """Return whether a lock file exists and no process holds its lock, that is, whether its last holder has ended.

    The result is False if the file is missing (its holder may use another copy of the folder) or cannot be locked.
    """
    try:
        with open(path) as handle:
            return _try(handle.fileno(), wait=False) is Lock.HELD
    except OSError:
        return False


def _try(descriptor: int, wait: bool) -> Lock:
    """Try to lock an open file until its descriptor is closed, and return the result."""
    from filelock import lock_descriptor

    try:
        return Lock.HELD if lock_descriptor(descriptor, blocking=wait) else Lock.IN_USE
    except OSError:
        return Lock.UNSUPPORTED
