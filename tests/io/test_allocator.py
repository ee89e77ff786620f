import platform
import subprocess
import sys

import pytest

from kanseq.cli import main
from kanseq.io import allocator
from kanseq.training.settings import processor

FAULTS = """
import resource, sys
from kanseq.io.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def faults():
    for _ in range(4):
        b"x" * size
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
# Larger than the blocks that glibc keeps by its dynamic threshold.
size = 2**26
print(-faults() + faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_freed_memory_is_kept_and_causes_no_new_page_faults():
    faults = {}
    for how in ("returned", "kept"):
        ran = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
        faults[how] = int(ran.stdout)
    # Four times 64 MB in pages of 4 kB, or of 2 MB if the system uses huge pages.
    assert faults["returned"] >= 4 * 32
    assert faults["kept"] < 0.1 * faults["returned"]


@pytest.mark.parametrize(("verb", "calls"), [("train", 1), ("explain", 1), ("extract", 0), ("inspect", 0)])
def test_the_command_line_keeps_freed_memory_for_commands_that_use_tensors(verb, calls, monkeypatch, capsys):
    made = []
    monkeypatch.setattr(allocator, "keep_freed_memory", lambda: made.append(verb))
    assert main._run([verb, "--help"]) == 0
    assert len(made) == calls


def test_the_library_does_not_change_the_allocator(monkeypatch):
    loaded = []
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda *name: loaded.append(name))
    with processor(1, 0):
        pass
    assert loaded == []
