"""Processes: all are done, failures are named, and none goes on when asked to stop."""

import os
import signal
import subprocess
import sys
import time

import pytest

from kanseq.errors import JobsFailed
from kanseq.suites.jobs import Job, work_off


def test_a_job_that_fails_does_not_stop_the_others_and_its_reason_is_told(tmp_path):
    jobs = [
        Job("first", ["inspect", str(tmp_path / "nothing")], tmp_path / "first.log"),
        Job("second", ["--version"], tmp_path / "second.log"),
        Job("third", ["models", "kanmixer"], tmp_path / "third.log"),
    ]
    with pytest.raises(JobsFailed, match=r"first.log: first failed, and so did 1 more \(.*nothing.*\); mend it"):
        work_off(jobs, at_once=2, threads=1)
    assert (tmp_path / "second.log").read_text().startswith("kanseq ")
    assert "no model is called 'kanmixer'" in (tmp_path / "third.log").read_text()


def test_an_interrupt_stops_what_runs_and_begins_nothing(tmp_path):
    program = (
        "import sys; from pathlib import Path; from kanseq.suites import jobs; from kanseq.cli.main import _terminate\n"
        "import signal; signal.signal(signal.SIGTERM, _terminate); folder = Path(sys.argv[1])\n"
        "class Slow(jobs.subprocess.Popen):\n"
        "    def __init__(self, command, **options):\n"
        "        super().__init__(['sleep', '60'], **options); (folder / str(self.pid)).touch()\n"
        "jobs.subprocess.Popen = Slow\n"
        "jobs.work_off([jobs.Job(name, [], folder / f'{name}.log') for name in 'abc'], at_once=2, threads=1)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.DEVNULL)
    while sum(path.name.isdigit() for path in tmp_path.iterdir()) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) != 0
    pids = [int(path.name) for path in tmp_path.iterdir() if path.name.isdigit()]
    assert len(pids) == 2
    assert not (tmp_path / "c.log").exists()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
