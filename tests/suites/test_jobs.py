"""Jobs in processes: all run, failures are reported, and an interrupt stops all."""

import os
import signal
import subprocess
import sys
import time

import pytest

from kanseq.errors import JobsFailed
from kanseq.specification.training import TrainSpec
from kanseq.suites.jobs import Job, work_off
from kanseq.verbs.preparing.import_ import import_sequences
from kanseq.verbs.splitting.split import split
from tests.suites.conftest import write_task


def test_a_failed_job_does_not_stop_the_others_and_its_reason_is_reported(tmp_path):
    task = write_task(tmp_path / "task")
    import_sequences([task / "train.csv", task / "test.csv"], output=tmp_path / "set.parquet")
    split(tmp_path / "set.parquet", by="column", output=tmp_path / "splits.tsv")

    def job(title, **changed):
        given = {"genes": tmp_path / "set.parquet", "splits": tmp_path / "splits.tsv", "model": "gc", **changed}
        return Job(title, TrainSpec(output=tmp_path / title, **given), tmp_path / f"{title}.log")

    jobs = [job("first", genes=tmp_path / "nothing"), job("second"), job("third", model="kanmixer")]
    with pytest.raises(JobsFailed, match=r"first.log: first failed, and so did 1 more \(.*nothing.*\); fix it"):
        work_off(jobs, at_once=2, threads=1)
    assert (tmp_path / "second/folds/test/seed-0/done.json").exists()
    assert "gc auROC 0." in (tmp_path / "second.log").read_text()
    assert "kanseq: no model is called 'kanmixer'" in (tmp_path / "third.log").read_text()


def test_a_killed_job_is_reported_with_its_signal(tmp_path, monkeypatch):
    class Killed(subprocess.Popen):
        def __init__(self, command, **options):
            super().__init__([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], **options)

    monkeypatch.setattr("kanseq.suites.jobs.subprocess.Popen", Killed)
    job = Job("first", TrainSpec(genes="g", splits="s", output="o"), tmp_path / "first.log")
    with pytest.raises(JobsFailed, match=r"first failed \(killed by signal 9\)"):
        work_off([job], at_once=1, threads=1)


def test_a_job_does_not_inherit_the_rank_of_a_cluster_launcher(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("KANSEQ_TEST", "kept")

    class Env(subprocess.Popen):
        def __init__(self, command, **options):
            super().__init__(["env"], **options)

    monkeypatch.setattr("kanseq.suites.jobs.subprocess.Popen", Env)
    work_off([Job("first", TrainSpec(genes="g", splits="s", output="o"), tmp_path / "log")], at_once=1, threads=1)
    environment = dict(line.split("=", 1) for line in (tmp_path / "log").read_text().splitlines() if "=" in line)
    assert (environment["KANSEQ_TEST"], environment["OMP_NUM_THREADS"]) == ("kept", "1")
    assert not {"RANK", "WORLD_SIZE"} & set(environment)


def test_an_interrupt_stops_running_jobs_and_starts_no_others(tmp_path):
    program = (
        "import sys; from pathlib import Path; from kanseq.suites import jobs; from kanseq.cli.main import _terminate\n"
        "from kanseq.specification.training import TrainSpec\n"
        "import signal; signal.signal(signal.SIGTERM, _terminate); folder = Path(sys.argv[1])\n"
        "class Slow(jobs.subprocess.Popen):\n"
        "    def __init__(self, command, **options):\n"
        "        super().__init__(['sleep', '60'], **options); (folder / str(self.pid)).touch()\n"
        "jobs.subprocess.Popen = Slow\n"
        "spec = TrainSpec(genes='genes.parquet', splits='splits.tsv', output='run')\n"
        "jobs.work_off([jobs.Job(name, spec, folder / f'{name}.log') for name in 'abc'], at_once=2, threads=1)\n"
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
