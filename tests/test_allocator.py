import platform
import subprocess
import sys

import pytest

from kanseq import allocator
from kanseq.cli import main
from kanseq.training.settings import processor

FAULTS = """
import resource, sys
from kanseq.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def faults():
    for _ in range(4):
        b"x" * size
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
# More than what glibc learns to keep by itself.
size = 2**26
print(-faults() + faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a switch of glibc")
def test_memory_that_was_freed_is_touched_for_the_first_time_only_once():
    faults = {}
    for how in ("returned", "kept"):
        ran = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
        faults[how] = int(ran.stdout)
    # Four times 64 MB in pages of 4 kB, or of 2 MB where the system gives larger ones.
    assert faults["returned"] >= 4 * 32
    assert faults["kept"] < 0.1 * faults["returned"]


@pytest.mark.parametrize(("verb", "calls"), [("train", 1), ("explain", 1), ("extract", 0), ("inspect", 0)])
def test_the_command_line_keeps_memory_for_verbs_on_tensors(verb, calls, monkeypatch, capsys):
    told = []
    monkeypatch.setattr(allocator, "keep_freed_memory", lambda: told.append(verb))
    assert main._run([verb, "--help"]) == 0
    assert len(told) == calls


def test_the_library_leaves_the_allocator_alone(monkeypatch):
    told = []
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda *name: told.append(name))
    with processor(1, 0):
        pass
    assert told == []
