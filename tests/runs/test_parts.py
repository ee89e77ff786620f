import hashlib
import json

import pytest

from kanseq.runs.parts import (
    baseline_part,
    finished_parts,
    is_done,
    part_folder,
    parts,
    read_done,
    remove_finished_states,
    write_done,
)


@pytest.fixture
def run(tmp_path):
    """Folds and seeds, some with a model file; ``2/seed-0`` is not finished."""
    for fold, seed in (("2", 0), ("1", 10), ("1", 2)):
        folder = part_folder(tmp_path, fold, seed)
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_text(f"{fold} {seed}")
        (folder / "state.safetensors").write_text("state")
        if fold == "1":
            write_done(folder, {"parameters": 7}, ["model.safetensors"])
    return tmp_path


def test_parts_are_ordered_by_fold_and_numerically_by_seed(run):
    assert [(part.name, part.fold, part.seed) for part in parts(run)] == [
        ("1/seed-2", "1", 2),
        ("1/seed-10", "1", 10),
        ("2/seed-0", "2", 0),
    ]
    assert [part.name for part in finished_parts(run)] == ["1/seed-2", "1/seed-10"]
    assert parts(run / "nothing") == []


def test_only_parts_are_listed(run):
    for name in ("seed-0.old", "seed-", "kmer-logistic"):
        (run / "folds/1" / name).mkdir()
    (run / "folds/1/seed-5").write_text("a file")
    assert [part.name for part in parts(run)] == ["1/seed-2", "1/seed-10", "2/seed-0"]


@pytest.mark.parametrize(("task", "name"), [("multiclass", "kmer-logistic"), ("regression", "kmer-ridge")])
def test_the_folder_of_the_baseline_is_next_to_those_of_the_seeds(run, task, name):
    part = baseline_part(run, "1", task)
    assert (part.folder, part.name, part.is_finished) == (run / "folds/1" / name, f"1/{name}", False)


def test_files_of_a_part_are_listed_with_their_checksums(tmp_path):
    for name in ("samples.fa", "curves.tsv", "log.jsonl"):
        (tmp_path / name).write_text(name)
    write_done(tmp_path, {"seed": 3}, ["samples.fa", "curves.tsv"])
    content = json.loads((tmp_path / "done.json").read_text())
    sums = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("samples.fa", "curves.tsv")}
    assert content == {"seed": 3, "files": sums}
    assert is_done(tmp_path)
    # The log is not listed, because it contains times.
    (tmp_path / "log.jsonl").write_text("another")
    assert is_done(tmp_path)
    (tmp_path / "curves.tsv").write_text("another")
    assert not is_done(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "{}", '{"files": {}}', '{"files": ["model.safetensors"]}', '{"files": {"lost.tsv": "0"}}',
     '{"model.safetensors": "0"}'],
)  # fmt: skip
def test_a_done_file_that_lists_no_files_or_missing_ones_does_not_count(tmp_path, content):
    (tmp_path / "model.safetensors").write_text("model")
    (tmp_path / "done.json").write_text(content)
    assert not is_done(tmp_path)


def test_a_part_without_a_done_file_is_not_done(tmp_path):
    assert not is_done(tmp_path)
    assert read_done(tmp_path) is None


def test_only_unfinished_parts_keep_their_state(run):
    remove_finished_states(run)
    assert [part.name for part in parts(run) if (part.folder / "state.safetensors").exists()] == ["2/seed-0"]
