"""How the C library handles memory that is freed: the command line lets a process that trains keep it for later steps.

A Python program that imports kanseq decides for itself; nothing in the library calls this.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of glibc's mallopt (malloc.h)."""

_LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let the process's allocator keep what is freed; return whether it can be told so (Linux with glibc).

    Tensors of several megabytes come and go in every step. By default glibc maps each anew and gives it back, and the
    system clears every page that is touched first: two fifths of the time of a convolutional network's step, see
    benchmarks/NOTES.md. The process's memory then stays as large as it ever was. The setting holds until the process
    ends. Processes that the command line starts (ranks of a training, jobs) call it, too.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        # Other C libraries than glibc have no such switch.
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, _LARGEST))
