"""Let the C library keep freed memory instead of returning it to the system, which makes training faster.

Only the command line calls this. Python programs that import kanseq are not affected.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of glibc's mallopt (malloc.h)."""

_LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let the process's allocator keep freed memory; return whether this is supported (Linux with glibc).

    Every training step allocates and frees tensors of several megabytes. By default glibc maps new memory for each of
    them and then returns it to the system, which clears every page at its first access. This takes 40 % of the time of
    a training step of a convolutional network, see benchmarks/NOTES.md. With this setting, the memory of the process
    never shrinks. The setting holds until the process ends. Processes that the command line starts (ranks of a
    distributed training run, jobs) call this function, too.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        # C libraries other than glibc have no such setting.
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, _LARGEST))
