import json

import numpy as np
import pandas as pd
import pytest

from kanseq.cli.main import _run
from kanseq.geometry import Geometry
from kanseq.models.registry import architecture, make_config
from kanseq.runs.predictors import NetworkPredictor
from kanseq.runs.trained_model import TrainedModel, save_model
from kanseq.sequences.sequence_set import PLACE, SequenceSet
from kanseq.tasks.task import Task

GEOMETRY = Geometry(upstream=16, downstream=8, pad=8)


@pytest.fixture(autouse=True)
def inputs(tmp_path, monkeypatch):
    """Two genes, and a model trained on neither."""
    monkeypatch.chdir(tmp_path)
    letters = np.random.default_rng(0).choice(list("ACGT"), (2, GEOMETRY.columns))
    letters[:, 24:32] = "N"
    rows = []
    for number, (strand, tss, tts) in enumerate([("+", 50, 150), ("-", 150, 50)]):
        windows = (*GEOMETRY.tss_window(tss, strand), *GEOMETRY.tts_window(tts, strand))
        rows.append((f"g{number}", ".", GEOMETRY.columns, "1", strand, tss, tts, *windows, "".join(letters[number])))
    names = ["id", "species", "length", *PLACE, "sequence"]
    contigs = {"1": {"length": 200, "md5": "0"}}
    SequenceSet(pd.DataFrame(rows, columns=names), GEOMETRY, {"contigs": contigs}).write("genes.parquet")
    config = make_config("mlp", GEOMETRY)
    network = architecture("mlp").build(config).eval()
    described = {"fold": "x", "seed": 0, "contigs": {}}
    save_model(
        "model.safetensors",
        TrainedModel("mlp", config, GEOMETRY, Task(outputs=config.outputs), NetworkPredictor(network), described),
    )


def test_tracks_are_written_and_the_summary_is_json(tmp_path, capsys):
    tracks = ["--bed", "a.bed.gz", "--bedgraph", "a.bedgraph.gz", "--bigwig", "a.bw", "--output", "a.parquet"]
    assert _run(["explain", "model.safetensors", "genes.parquet", *tracks, "--threads", "1", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["genes"] == 2
    assert summary["rows"] == 12
    assert summary["max_completeness_error"] < 1e-4
    assert summary["seconds"] > 0
    assert (summary["method"], summary["bed"]) == ("paths", "a.bed.gz")
    made = {path.name for path in tmp_path.glob("a.*")}
    assert made == {"a.bed.gz", "a.bed.gz.tbi", "a.bedgraph.gz", "a.bedgraph.gz.tbi", "a.bw", "a.parquet"}


def test_one_gene_with_separate_strands(tmp_path, capsys):
    options = ["--gene", "g1", "--strand-specific", "--combine", "max-abs", "--reference", "shuffle:2", "--seed", "3"]
    command = ["explain", "model.safetensors", "genes.parquet", "--bigwig", "a.bw", *options, "--threads", "1"]
    assert _run(command) == 0
    assert {path.name for path in tmp_path.glob("a.*")} == {"a.plus.bw", "a.minus.bw"}
    assert "genes: 1" in capsys.readouterr().err


def test_no_output_is_a_usage_error(capsys):
    assert _run(["explain", "model.safetensors", "genes.parquet"]) == 2
    assert "--bed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--bed", "a.txt"], "must end in .bed or .bed.gz"),
        (["--bed", "a.bed.gz", "--gene", "nobody"], "not in the set: nobody"),
        (["--bed", "no/a.bed.gz"], "the folder 'no' does not exist"),
        (["--bed", "a.bed.gz", "--method", "magic"], "choose paths, gradient"),
    ],
)
def test_bad_input_is_a_one_line_error_with_exit_code_3(tmp_path, capsys, options, words):
    before = sorted(tmp_path.iterdir())
    assert _run(["explain", "model.safetensors", "genes.parquet", *options]) == 3
    errors = capsys.readouterr().err
    assert words in errors
    assert errors.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_truncated_model_is_a_one_line_error_with_exit_code_3(tmp_path, capsys):
    whole = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    assert _run(["explain", "cut.safetensors", "genes.parquet", "--bed", "a.bed.gz"]) == 3
    errors = capsys.readouterr().err
    assert "cut.safetensors: the model file is truncated" in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "a.bed.gz").exists()


def test_one_condition_of_several_is_explained(tmp_path, capsys):
    config = make_config("mlp", GEOMETRY, {"hidden": 4})
    network, task = architecture("mlp").build(config).eval(), Task("binary", 2, ("leaf", "root"))
    described = {"fold": "x", "seed": 0, "contigs": {}, "control": "sequence"}
    model = TrainedModel("mlp", config, GEOMETRY, task, NetworkPredictor(network), described)
    save_model("both.safetensors", model)
    command = ["explain", "both.safetensors", "genes.parquet", "-o", "a.parquet", "--threads", "1"]
    assert _run(command) == 3
    assert "the model has several conditions; choose leaf, root with --condition" in capsys.readouterr().err
    assert not (tmp_path / "a.parquet").exists()
    assert _run([*command, "--condition", "root"]) == 0
    assert "this model was trained with control 'sequence'" in capsys.readouterr().err
    logits = model.logits(SequenceSet.read("genes.parquet").codes())
    assert pd.read_parquet("a.parquet")["logit"].tolist() == pytest.approx(logits[:, 1])


def test_one_class_of_several_is_explained_or_all_are_named(tmp_path, capsys):
    config = make_config("mlp", GEOMETRY, {"hidden": 4}, outputs=3)
    network = architecture("mlp").build(config).eval()
    task = Task("multiclass", 3, classes=("exon", "intron", "other"))
    model = TrainedModel(
        "mlp", config, GEOMETRY, task, NetworkPredictor(network), {"fold": "x", "seed": 0, "contigs": {}}
    )
    save_model("three.safetensors", model)
    command = ["explain", "three.safetensors", "genes.parquet", "-o", "a.parquet", "--threads", "1"]
    for options in ([], ["--condition", "gene"]):
        assert _run([*command, *options]) == 3
        assert "choose exon, intron, other with --condition" in capsys.readouterr().err
        assert not (tmp_path / "a.parquet").exists()
    assert _run([*command, "--condition", "intron"]) == 0
    logits = model.logits(SequenceSet.read("genes.parquet").codes())
    expected = logits[:, 1] - (logits[:, 0] + logits[:, 2]) / 2
    assert pd.read_parquet("a.parquet")["logit"].tolist() == pytest.approx(expected, abs=1e-5)
