import json
from dataclasses import replace

import pytest

from kanseq.errors import BadOption, BadTable, MissingFile, ModelMismatch
from kanseq.evaluation.load_predictions import load_sources
from kanseq.models import architecture
from kanseq.runs.description import KINDS, RunDescription, describe_run, read_run
from kanseq.runs.held_out import model_files
from kanseq.runs.parts import part_folder
from kanseq.runs.run_folder import begin, open_run

INPUTS = {"genes": {"name": "genes.parquet", "bytes": 3, "sha256": "ab"}, "labels": None}
MACHINE = {"threads": 1, "device": "cpu"}


def described(kind: str = "predictor") -> RunDescription:
    return describe_run(kind, "mlp", {"hidden": 8}, {"epochs": 2, "clip": None}, INPUTS, MACHINE)


def test_a_written_description_is_read_back(tmp_path):
    begin(tmp_path, described())
    content = json.loads((tmp_path / "run.json").read_text())
    assert list(content) == ["format", "kind", "spec", "inputs", "machine", "versions"]
    assert (content["format"], content["kind"]) == (2, "predictor")
    assert content["spec"] == {"model": "mlp", "config": {"hidden": 8}, "settings": {"epochs": 2, "clip": None}}
    assert read_run(tmp_path) == described()


def test_runs_have_the_kinds_of_architectures():
    assert KINDS["run.json"] == architecture.KINDS


@pytest.mark.parametrize("kind", ["generator", "tabular"])
def test_runs_of_other_kinds_are_written_but_rejected_for_scoring_sequences(tmp_path, kind):
    with open_run(tmp_path / "run", described(kind)):
        pass
    assert read_run(tmp_path / "run").kind == kind
    part_folder(tmp_path / "run", "all", 0).mkdir(parents=True)
    (part_folder(tmp_path / "run", "all", 0) / "done.json").write_text("{}")
    for read in (model_files, lambda run: load_sources([run])):
        with pytest.raises(ModelMismatch, match=f"run: this is a {kind}, and a predictor is required"):
            read(tmp_path / "run")


def test_a_run_is_not_continued_as_one_of_another_kind(tmp_path):
    begin(tmp_path, described("generator"))
    with pytest.raises(BadOption, match='this run was started with kind "generator", and not "predictor"'):
        begin(tmp_path, described())


def test_the_description_of_a_search_is_rejected_as_a_run(tmp_path):
    begin(tmp_path, described("search"), "search.json")
    assert read_run(tmp_path, "search.json") == described("search")
    (tmp_path / "search.json").rename(tmp_path / "run.json")
    with pytest.raises(BadTable, match="its kind 'search' is unknown to this kanseq"):
        read_run(tmp_path)


def test_files_of_format_1_get_their_kind_from_the_file_name(tmp_path):
    old = {"format": 1, "model": None, "config": {}, "settings": {"folds": 2}, "inputs": {}, "machine": {}}
    for name, kind in (("run.json", "predictor"), ("search.json", "search"), ("protocol.json", "protocol")):
        (tmp_path / name).write_text(json.dumps(old))
        assert read_run(tmp_path, name) == RunDescription(kind, "", {}, {"folds": 2}, {}, {}, {}, format=1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format": 3}, "its format 3 is newer than this kanseq"),
        ({"kind": "oracle"}, "its kind 'oracle' is unknown to this kanseq; update kanseq"),
        ({"kind": None}, "its kind 'None' is unknown"),
        ({"spec": None}, "incomplete or damaged run.json"),
        ({"spec": {}}, "incomplete or damaged run.json"),
        ({"format": "one"}, "incomplete or damaged run.json"),
    ],
)
def test_unreadable_descriptions_are_errors(tmp_path, changed, message):
    (tmp_path / "run.json").write_text(json.dumps({**described().to_json(), **changed}))
    with pytest.raises(BadTable, match=message):
        read_run(tmp_path)


def test_a_folder_without_a_description_is_an_error(tmp_path):
    with pytest.raises(MissingFile, match=r"run\.json: no such file"):
        read_run(tmp_path)


def test_other_versions_cause_a_warning(tmp_path, caplog):
    begin(tmp_path, replace(described(), versions={**described().versions, "torch": "1.0"}))
    begin(tmp_path, described())
    assert 'this run was started with torch "1.0", and not' in caplog.text
