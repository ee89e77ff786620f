"""Locks between processes."""

import errno
import subprocess
import sys

import filelock
import pytest

from kanseq.errors import NotWritable
from kanseq.io.locks import Lock, is_free, lock

HOLD = """
import sys
from pathlib import Path
from kanseq.io.locks import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds ``lock`` until it is killed."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_lock_is_in_use_while_its_holder_runs_and_free_after_it_is_killed(holder, tmp_path):
    with lock(tmp_path / "lock") as found:
        assert found is Lock.IN_USE
    assert not is_free(tmp_path / "lock")
    holder.kill()
    holder.wait()
    assert is_free(tmp_path / "lock")
    with lock(tmp_path / "lock", wait=True) as found:
        assert found is Lock.HELD


def test_a_second_handle_of_the_same_process_does_not_share_a_lock(tmp_path):
    with lock(tmp_path / "lock"), lock(tmp_path / "lock") as found:
        assert found is Lock.IN_USE
    assert (tmp_path / "lock").read_bytes() == b""


def test_a_missing_lock_file_is_not_free(tmp_path):
    assert not is_free(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_reported_without_an_error(tmp_path, monkeypatch, number):
    def raise_no_locks(descriptor, *, blocking):
        raise OSError(number, "no locks")

    monkeypatch.setattr(filelock, "lock_descriptor", raise_no_locks)
    for wait in (False, True):
        with lock(tmp_path / "lock", wait=wait) as found:
            assert found is Lock.UNSUPPORTED
    assert not is_free(tmp_path / "lock")


def test_a_lock_in_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(NotWritable, match="no: cannot write"), lock(tmp_path / "no" / "lock"):
        pass
