import json

import numpy as np
import pandas as pd
import pytest
import torch

from kanseq.cli.main import _run
from kanseq.geometry import Geometry
from kanseq.models.registry import architecture, make_config
from kanseq.runs.predictors import NetworkPredictor
from kanseq.runs.trained_model import TrainedModel, save_model
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.tasks.task import Task

GEOMETRY = Geometry.plain(24)


@pytest.fixture(autouse=True)
def inputs(tmp_path, monkeypatch):
    """Six sequences, and models trained on none of them."""
    monkeypatch.chdir(tmp_path)
    letters = np.random.default_rng(0).choice(list("ACGT"), (6, 24))
    sequences = ["".join(row) for row in letters]
    table = pd.DataFrame({"id": list("abcdef"), "species": ".", "length": 24, "sequence": sequences})
    SequenceSet(table, GEOMETRY).write("genes.parquet")
    for name, options in (("kan-mixer", {"channels": 4}), ("mlp", {"hidden": 3})):
        torch.manual_seed(0)
        config = make_config(name, GEOMETRY, options)
        network = architecture(name).build(config).eval()
        model = TrainedModel(
            name, config, GEOMETRY, Task(), NetworkPredictor(network), {"fold": "x", "seed": 0, "contigs": {}}
        )
        save_model(f"{name}.safetensors", model)


def test_figures_are_written_and_the_summary_is_json(tmp_path, capsys):
    options = ["--samples", "4", "--edges", "1", "--top", "3", "--layer", "token", "--threads", "1", "--json"]
    assert _run(["figures", "kan-mixer.safetensors", "genes.parquet", "-o", "seen", *options]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["genes"], summary["layers"], summary["token_layer"]) == (4, ["token.0", "channel"], "token")
    assert sorted(path.name for path in (tmp_path / "seen").iterdir()) == sorted([*summary["files"], "figures.json"])
    assert len(pd.read_csv("seen/edges.tsv", sep="\t")) == 6


def test_attributions_add_words_of_every_requested_length(tmp_path):
    given = ["kan-mixer.safetensors", "genes.parquet", "--threads", "1"]
    assert _run(["explain", *given, "-o", "a.parquet", "--method", "gradient", "--reference", "shuffle:1"]) == 0
    options = ["--attributions", "a.parquet", "--word-length", "2", "--word-length", "3", "--edges", "1"]
    assert _run(["figures", *given, "-o", "seen", *options]) == 0
    assert {path.name for path in (tmp_path / "seen").glob("words*.tsv")} == {"words-2.tsv", "words-3.tsv"}


def test_an_output_is_required(capsys):
    assert _run(["figures", "kan-mixer.safetensors", "genes.parquet"]) == 2
    assert "--output" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ("mlp", [], "the model 'mlp' has no KAN layer; figures supports"),
        ("kan-mixer", ["--layer", "nothing"], "the model has no layer 'nothing'"),
        ("kan-mixer", ["--gene", "nobody"], "not in the set: nobody"),
        ("kan-mixer", ["--attributions", "genes.parquet"], "has no attributions"),
    ],
)
def test_bad_input_is_a_one_line_error_with_exit_code_3(tmp_path, capsys, model, options, words):
    before = sorted(tmp_path.iterdir())
    assert _run(["figures", f"{model}.safetensors", "genes.parquet", "-o", "seen", *options]) == 3
    errors = capsys.readouterr().err
    assert words in errors
    assert errors.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_words_have_position_curves(tmp_path):
    torch.manual_seed(0)
    config = make_config("kan-words", GEOMETRY, {"k": 2})
    network = architecture("kan-words").build(config).eval()
    with torch.no_grad():
        network.words.weight[0, 6] = 0.5
    described = {"fold": "x", "seed": 0, "contigs": {}}
    model = TrainedModel("kan-words", config, GEOMETRY, Task(outputs=1), NetworkPredictor(network), described)
    save_model("kan-words.safetensors", model)
    assert _run(["figures", "kan-words.safetensors", "genes.parquet", "-o", "seen", "--threads", "1"]) == 0
    files = {path.name for path in (tmp_path / "seen").iterdir()}
    assert {"places.tsv", "places-words.png", "layer-join.png"} <= files
    table = pd.read_csv("seen/places.tsv", sep="\t")
    # The seventh 2-mer comes first; splines with equal weights add up to a constant.
    assert table["word"].iloc[0] == "CG"
    assert table["value"][table["word"] == "CG"].to_numpy() == pytest.approx(0.5)
    assert (table["value"][table["word"] != "CG"] == 0).all()
    assert set(pd.read_csv("seen/nodes.tsv", sep="\t")["name"]) >= {"sequence"}
