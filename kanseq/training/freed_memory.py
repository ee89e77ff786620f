"""What becomes of memory that a step of training has let go: the process keeps it for the next one.

In: nothing. Out: a C library that no longer returns freed memory to the system, where it can be told so.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of glibc's mallopt (malloc.h)."""

_LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let the process's allocator keep what is freed; says whether it can be told so.

    Tensors of several megabytes come and go in every step. By default glibc maps each anew and gives it back, and the
    system clears every page that is touched first: two fifths of the time of a convolutional network's step, see
    benchmarks/NOTES.md. The process's memory then stays as large as it ever was. Once told, it stays so.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        # Other C libraries than glibc have no such switch.
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, _LARGEST))
