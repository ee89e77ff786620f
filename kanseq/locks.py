"""Locks between processes: one holder per file, freed by the system when the holder ends or is killed.

A lock is ``flock`` on an open file, by way of :mod:`filelock`. File systems without locks (some network mounts) are
not an error: the caller is told, and warns.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from kanseq.files import disk_errors


class Lock(Enum):
    """What became of an attempt to lock a file."""

    HELD = "held by this process"
    IN_USE = "held by another process"
    UNSUPPORTED = "the file system has no locks"


@contextmanager
def lock(path: Path, *, wait: bool = False) -> Iterator[Lock]:
    """Try to hold ``path`` (made where it is missing) as long as the context lasts.

    Args:
        path: the lock's file; its folder must exist. It stays when the lock is released.
        wait: wait until whoever holds it lets go; else :attr:`Lock.IN_USE` is handed out at once.

    Raises:
        NotWritable: the file cannot be made in its folder.
    """
    with disk_errors(path.parent):
        handle = open(path, "a")  # noqa: SIM115
    with handle:
        yield _try(handle.fileno(), wait)


def is_free(path: Path) -> bool:
    """Return whether the process that held ``path`` has ended.

    False where the file is missing (its holder may use another copy of the folder) or cannot be locked.
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
