"""Files of kanseq 0.1.0 can be read, and its runs resumed; ``files_0_1_0/README.md`` states how they were created.

Scores are compared with a tolerance: products in bfloat16 differ between processors in the last digits.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kanseq.errors import BadOption
from kanseq.homologs.homolog_files import read_homologs
from kanseq.labels.label_tables import join_labels
from kanseq.runs.description import read_run
from kanseq.runs.parts import finished_parts, is_done, parts
from kanseq.runs.prediction_tables import read_predictions
from kanseq.runs.trained_model import load_arrays
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.splits.split_tables import read_splits
from kanseq.verbs.explaining.attribution_files import read_attributions
from kanseq.verbs.explaining.explain import explain
from kanseq.verbs.modelling.evaluate import evaluate
from kanseq.verbs.modelling.predict import predict
from kanseq.verbs.modelling.train import train
from kanseq.verbs.project.inspect import inspect

FILES = Path(__file__).parent / "files_0_1_0"
MIXER = {"model": "kan-mixer", "options": {"channels": 4, "token_hidden": 3, "centres": 3}}
RUNS = {
    "mixer": {**MIXER, "epochs": 3, "batch_size": 8, "calibrate": "platt"},
    "half": {**MIXER, "epochs": 4, "batch_size": 2, "holdout": "random0", "seed": 5},
}
"""Options of the original runs."""


@pytest.fixture(scope="module")
def genes():
    return SequenceSet.read(FILES / "genes.parquet")


def resume(name, tmp_path, **changed):
    """Call ``train`` again on a copy of a run."""
    if not (tmp_path / name).exists():
        shutil.copytree(FILES / name, tmp_path / name)
    tables = {"labels": FILES / "labels.tsv", "splits": FILES / "splits.tsv"}
    options = {**RUNS[name], "baseline": False, "threads": 1, "device": "cpu", **changed}
    return train(FILES / "genes.parquet", **tables, output=tmp_path / name, **options)


def test_a_set_is_read(genes):
    assert (len(genes), genes.geometry.columns) == (60, 136)
    first = genes.table.iloc[0]
    assert (first["id"], first["chrom"], first["tss"], first["tts"]) == ("SIM1G000010", "1", 212, 5741)
    assert genes.letters(np.array([0]))[0].startswith("ATCTATGATTATAACAG")


def test_homologs_splits_and_labels_are_read():
    groups = read_homologs(FILES / "homologs.tsv").groups
    assert (len(groups), groups["group"].nunique()) == (60, 60)
    splits = read_splits(FILES / "splits.tsv")
    of_fold = {"test": 30, "train": 16, "tune": 14}
    assert splits.groupby("fold")["role"].value_counts().to_dict() == {
        (fold, role): count for fold in ("random0", "random1") for role, count in of_fold.items()
    }
    labels = join_labels(FILES / "labels.tsv")
    assert labels[labels["fold"] == "random1"]["label"].value_counts().to_dict() == {"low": 33, "high": 25, "mid": 2}


def test_the_description_of_a_run_is_read():
    described = read_run(FILES / "mixer")
    assert (described.format, described.kind, described.model) == (1, "predictor", "kan-mixer")
    assert (described.config["channels"], described.settings["epochs"]) == (4, 3)
    assert described.inputs["genes"]["name"] == "genes.parquet"
    assert described.machine == {"threads": 1, "device": "cpu"}
    assert described.versions["kanseq"] == "0.1.0"


def test_a_run_and_its_files_have_cards():
    card = inspect(FILES / "mixer")
    assert (card.fields["kind of run"], card.fields["finished"]) == ("predictor", "2 of 2 begun")
    assert inspect(FILES / "mixer/run.json").fields["model"] == "kan-mixer"
    assert inspect(FILES / "mixer/folds/random0/seed-0/done.json").kind == "finished fold"


@pytest.mark.parametrize("name", ["mixer", "logistic", "words", "whole"])
def test_finished_parts_are_complete(name):
    assert finished_parts(FILES / name)
    assert all(is_done(part.folder) for part in finished_parts(FILES / name))


def test_a_changed_file_is_detected(tmp_path, caplog):
    shutil.copytree(FILES / "logistic", tmp_path / "run")
    first, second = finished_parts(tmp_path / "run")
    with (first.folder / "held_out.txt").open("a") as handle:
        handle.write(".\tanother\n")
    assert not is_done(first.folder)
    assert is_done(second.folder)
    assert "does not count as finished" in caplog.text


@pytest.mark.parametrize("name", ["mixer", "logistic", "words"])
def test_predictions_equal_those_of_the_old_version(name, genes):
    found = predict(FILES / name, genes, held_out_only=True, threads=1, device="cpu").table.set_index("id")
    written = pd.concat(read_predictions(part.folder / "predictions.tsv") for part in parts(FILES / name))
    written = written.set_index("id").loc[found.index]
    assert len(found) == len(written)
    assert found["fold"].tolist() == written["fold"].tolist()
    np.testing.assert_allclose(found["logit"], written["logit"], atol=0.01)
    np.testing.assert_allclose(found["probability"], written["probability"], atol=0.01)


def test_a_table_of_predictions_is_read():
    table = read_predictions(FILES / "predictions.tsv")
    assert len(table) == 60
    assert table["logit"].iloc[0] == 0.766841829
    assert table["called"].iloc[1] == 1


def test_scores_equal_those_of_the_report():
    runs = [FILES / "mixer", FILES / "logistic"]
    report = json.loads((FILES / "metrics.json").read_text())
    found = evaluate(runs, bootstrap=50)
    assert [model["name"] for model in found.models] == [model["name"] for model in report["models"]]
    for now, before in zip(found.models, report["models"], strict=True):
        for metric in ("auROC", "auPRC", "MCC", "Brier"):
            assert now["mean"][metric] == pytest.approx(before["mean"][metric], rel=1e-6)


def test_attributions_equal_those_of_the_old_version(genes):
    before = read_attributions(FILES / "attributions.parquet").table
    found = explain(FILES / "mixer", genes, reference="shuffle:1", gene=["SIM1G000010"], threads=1, device="cpu").table
    assert found["model"][0] == before["model"][0] == "random0/seed-0"
    np.testing.assert_allclose(found["attributions"][0], before["attributions"][0], rtol=1e-4, atol=1e-6)


def test_a_resumed_run_ends_with_the_weights_of_the_old_version(tmp_path):
    assert resume("half", tmp_path).trained == 1
    folder, whole = (run / "folds/random0/seed-5" for run in (tmp_path / "half", FILES / "whole"))
    # Weights after training in float32 differ by 0.0004, and without the optimiser's moments by 0.006.
    arrays, expected = (load_arrays(each / "model.safetensors")[0] for each in (folder, whole))
    assert arrays.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(arrays[name], expected[name], atol=0.001, err_msg=name)
    assert (folder / "held_out.txt").read_bytes() == (whole / "held_out.txt").read_bytes()
    epochs = [[json.loads(line)["epoch"] for line in (each / "log.jsonl").open()] for each in (folder, whole)]
    assert epochs == [[1, 2, 3, 4]] * 2
    assert not (folder / "state.safetensors").exists()
    assert (tmp_path / "half/run.json").read_bytes() == (FILES / "half/run.json").read_bytes()


def test_a_finished_run_is_kept_except_its_training_states(tmp_path):
    result = resume("mixer", tmp_path)
    assert (result.trained, result.skipped) == (0, 2)
    kept, before = (
        {str(file.relative_to(run)): file.read_bytes() for file in run.rglob("*") if file.is_file()}
        for run in (tmp_path / "mixer", FILES / "mixer")
    )
    gone = [name for name in before if name not in kept]
    assert sorted(gone) == [f"folds/{fold}/seed-0/state.safetensors" for fold in ("random0", "random1")]
    assert kept == {name: content for name, content in before.items() if name not in gone}


def test_other_settings_are_refused(tmp_path):
    with pytest.raises(BadOption, match="this run was started with epochs 3, and not 7"):
        resume("mixer", tmp_path, epochs=7)
