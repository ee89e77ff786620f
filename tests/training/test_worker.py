"""Trainings in processes of their own: what they report, and what their parent makes of it."""

import json

import pytest

from kanseq.errors import BadOption, RankFailed
from kanseq.specification.training import TrainSpec
from kanseq.training import fitting, team, worker
from kanseq.training.worker import Report, arguments_for, read_reports

SPEC = TrainSpec(genes="genes.parquet", splits="splits.tsv", output="run", settings={"epochs": 3})


class Done:
    verdict = "good"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a worker in this process, in which a training does as it is told."""
    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)
    monkeypatch.setattr(worker, "keep_freed_memory", lambda: True)

    def run(train):
        monkeypatch.setattr(fitting, "train_specified", train)
        return worker.main(arguments_for(SPEC, tmp_path)), read_reports(tmp_path)

    return run


def raising(error):
    def train(spec):
        raise error

    return train


def test_a_worker_trains_what_its_file_says(run):
    seen = []
    assert run(lambda spec: seen.append(spec) or Done()) == (0, {0: Report("done")})
    assert seen == [SPEC]


@pytest.mark.parametrize(
    ("error", "code", "report"),
    [
        (BadOption("wrong", where="here", mend="mend it"), 3, Report("error", "here: wrong; mend it", "BadOption")),
        (KeyboardInterrupt(), 130, Report("interrupted")),
        (ValueError("a\nb"), 1, Report("error", "ValueError: a b", "ValueError")),
    ],
)
def test_a_worker_reports_how_it_ended(run, capsys, error, code, report):
    assert run(raising(error)) == (code, {0: report})
    # What went wrong stands in the log, too.
    assert ("kanseq: here: wrong; mend it" in capsys.readouterr().err) == (code == 3)


def test_one_of_several_leaves_it_to_its_parent_to_say_why(run, capsys, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    assert run(raising(BadOption("wrong"))) == (3, {3: Report("error", "wrong", "BadOption")})
    assert capsys.readouterr().err == ""


INTERRUPTED = Report("interrupted")


@pytest.mark.parametrize(
    ("reports", "codes", "reason"),
    [
        ({0: INTERRUPTED, 1: Report("error", "no memory", "MemoryError")}, {"1": 1}, "no memory"),
        ({0: INTERRUPTED}, {"1": -9}, "killed by signal 9"),
        ({}, {"0": 4}, "code 1"),
        ({0: INTERRUPTED, 1: INTERRUPTED}, {"0": 130}, None),
        ({0: INTERRUPTED}, {"1": -15}, None),
    ],
)
def test_why_processes_ended_is_read_from_their_reports(tmp_path, reports, codes, reason):
    (tmp_path / "codes.json").write_text(json.dumps(codes))
    error = team._failure(reports, team._killed_by(tmp_path / "codes.json"), 1)
    if reason is None:
        assert isinstance(error, KeyboardInterrupt)
    else:
        assert isinstance(error, RankFailed)
        assert str(error).startswith(f"a process of the training ended: {reason}; run the command again")
