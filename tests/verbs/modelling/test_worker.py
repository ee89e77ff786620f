"""Training in separate processes: their reports, and the error that the parent raises from these."""

import json
import subprocess
import sys

import pytest
from torch.distributed import DistBackendError

from kanseq.errors import BadOption, RankFailed
from kanseq.specification.training import TrainSpec
from kanseq.training.processes import launch
from kanseq.training.processes.worker_reports import DISTRIBUTED, LAUNCH_VARIABLES, Report, arguments_for, read_reports
from kanseq.verbs.modelling import train as train_module
from kanseq.verbs.modelling import worker

SPEC = TrainSpec(genes="genes.parquet", splits="splits.tsv", output="run", settings={"epochs": 3})


class Done:
    verdict = "good"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a worker in this process, with a replaced training function."""
    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)
    monkeypatch.setattr(worker, "keep_freed_memory", lambda: True)
    for name in LAUNCH_VARIABLES:
        monkeypatch.delenv(name, raising=False)

    def run(train):
        monkeypatch.setattr(train_module, "train_specified", train)
        return worker.main(arguments_for(SPEC, tmp_path)), read_reports(tmp_path)

    return run


def raising(error):
    def train(spec):
        raise error

    return train


def test_a_worker_trains_the_specification_in_its_file(run):
    seen = []
    assert run(lambda spec: seen.append(spec) or Done()) == (0, {0: Report("done")})
    assert seen == [SPEC]


@pytest.mark.parametrize(
    ("error", "code", "report"),
    [
        (BadOption("wrong", where="here", hint="fix it"), 3, Report("error", "here: wrong; fix it", "BadOption")),
        (KeyboardInterrupt(), 130, Report("interrupted")),
        (ValueError("a\nb"), 1, Report("error", "ValueError: a b", "ValueError")),
    ],
)
def test_a_worker_reports_how_it_ended(run, capsys, error, code, report):
    assert run(raising(error)) == (code, {0: report})
    # The error of bad input is also written to stderr.
    assert ("kanseq: here: wrong; fix it" in capsys.readouterr().err) == (code == 3)


def test_one_of_several_workers_does_not_print_its_error(run, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert run(raising(BadOption("wrong"))) == (3, {3: Report("error", "wrong", "BadOption")})
    assert capsys.readouterr().err == ""


def test_a_rank_that_torchrun_has_not_set_is_ignored(run, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    assert run(raising(BadOption("wrong"))) == (3, {0: Report("error", "wrong", "BadOption")})
    assert capsys.readouterr().err.endswith("kanseq: wrong\n")


def lose_the_connection(spec):
    """Fail like gloo: with a RuntimeError raised in a module of torch.distributed."""
    source = "def all_reduce():\n    raise RuntimeError('Connection closed by peer')"
    exec(source, module := {"__name__": "torch.distributed.distributed_c10d"})
    module["all_reduce"]()


@pytest.mark.parametrize(
    ("train", "line"),
    [
        (lose_the_connection, "RuntimeError: Connection closed by peer"),
        (raising(DistBackendError("NCCL error")), "DistBackendError: NCCL error"),
    ],
)
def test_a_lost_connection_of_a_rank_is_not_a_bug(run, monkeypatch, caplog, train, line):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert run(train) == (1, {0: Report("error", line, DISTRIBUTED)})
    assert caplog.text == ""
    assert run(raising(RuntimeError("wrong"))) == (1, {0: Report("error", "RuntimeError: wrong", "RuntimeError")})
    assert "a bug in kanseq" in caplog.text


def test_requests_to_stop_do_not_interrupt_the_report(tmp_path):
    program = (
        "import os, signal, sys; from kanseq.verbs.modelling import worker\n"
        "write = worker.write_json\n"
        "def interrupted(path, content):\n"
        "    for number in (signal.SIGTERM, signal.SIGINT):\n"
        "        os.kill(os.getpid(), number)\n"
        "    write(path, content)\n"
        "worker.write_json = interrupted\n"
        "worker.from_json = lambda *_: os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.exit(worker.main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", program, *arguments_for(SPEC, tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, "")
    assert read_reports(tmp_path) == {0: Report("interrupted")}


INTERRUPTED = Report("interrupted")
LOST = Report("error", "RuntimeError: Connection reset by peer", DISTRIBUTED)
BAD_TABLE = Report("error", "t.tsv:3: wrong", "BadTable")
NO_MEMORY = Report("error", "OutOfMemoryError: CUDA", "OutOfMemoryError")
FAULT = Report("error", "KeyError: 3", "KeyError")


@pytest.mark.parametrize(
    ("reports", "codes", "reason"),
    [
        ({0: INTERRUPTED, 1: Report("error", "no memory", "MemoryError")}, {"1": 1}, "no memory"),
        ({0: INTERRUPTED}, {"1": -9}, "killed by signal 9"),
        ({}, {"0": 4}, "code 1"),
        ({0: INTERRUPTED, 1: INTERRUPTED}, {"0": 130}, None),
        ({0: INTERRUPTED}, {"1": -15}, None),
        ({0: LOST}, {"0": 1, "1": -9}, "killed by signal 9"),
        ({}, {"0": -6, "1": -9}, "killed by signal 9"),
        ({0: LOST}, {"0": 1, "1": -6}, "killed by signal 6"),
        ({0: BAD_TABLE}, {"0": 3, "1": -6}, "t.tsv:3: wrong"),
        ({0: LOST, 1: BAD_TABLE}, {"0": 1, "1": 3}, "t.tsv:3: wrong"),
        ({0: LOST, 1: NO_MEMORY}, {"0": 1, "1": 1}, "OutOfMemoryError: CUDA"),
        ({0: FAULT, 1: NO_MEMORY}, {"0": 1, "1": 1}, "OutOfMemoryError: CUDA"),
        ({0: LOST, 1: FAULT}, {"0": 1, "1": 1}, "KeyError: 3"),
        ({0: LOST}, {"0": 1}, "RuntimeError: Connection reset by peer"),
    ],
)
def test_the_reason_why_processes_ended_is_taken_from_their_reports(tmp_path, reports, codes, reason):
    (tmp_path / "codes.json").write_text(json.dumps(codes))
    error = launch._failure(reports, launch._killed_by(tmp_path / "codes.json"), 1)
    if reason is None:
        assert isinstance(error, KeyboardInterrupt)
    else:
        assert isinstance(error, RankFailed)
        assert str(error).startswith(f"a training process ended: {reason}; run the command again")
