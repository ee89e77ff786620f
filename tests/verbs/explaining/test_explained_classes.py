"""Explanations of one class of several: its logit minus the mean of all others."""

import numpy as np
import pandas as pd
import pytest
import torch

from kanseq.errors import BadOption
from kanseq.geometry import Geometry
from kanseq.models.registry import architecture, make_config
from kanseq.runs.predictors import build_predictor
from kanseq.runs.trained_model import TrainedModel, save_model
from kanseq.sequences.sequence_set import SequenceSet
from kanseq.tasks.task import Task
from kanseq.verbs.explaining.attribution_files import read_attributions
from kanseq.verbs.explaining.explain import explain

GEOMETRY = Geometry.plain(48)
NAMES = ("exon", "intron", "other")


@pytest.fixture
def sequences():
    letters = np.random.default_rng(0).choice(list("ACGT"), (4, 48))
    table = pd.DataFrame(
        {"id": list("abcd"), "species": ".", "length": 48, "sequence": ["".join(row) for row in letters]}
    )
    return SequenceSet(table, GEOMETRY)


def model_of(path, name, classes=NAMES):
    """Write an untrained model, and return it."""
    torch.manual_seed(1)
    task = Task("multiclass", len(classes), classes=classes) if len(classes) > 2 else Task(outputs=2)
    config = make_config(name, GEOMETRY, outputs=len(classes))
    predictor = build_predictor(architecture(name), config, task)
    described = {"fold": "1", "seed": 0, "contigs": {}}
    if predictor.network is None:
        random = np.random.default_rng(0)
        codes = random.integers(0, 4, (60, 48), dtype=np.uint8)
        predictor.estimator.fit(codes, np.eye(3, dtype=np.int64)[np.arange(60) % 3])
    else:
        # Outputs of new networks differ little, and those of linear ones not at all.
        for weight in predictor.network.parameters():
            torch.nn.init.normal_(weight, std=0.3)
    model = TrainedModel(name, config, GEOMETRY, task, predictor, described)
    save_model(path, model)
    return model


@pytest.mark.parametrize("name", ["kan-mixer", "kan-words", "mlp", "kmer-sgd"])
def test_attributions_add_up_to_the_logit_minus_the_mean_of_the_other_classes(tmp_path, sequences, name):
    model = model_of(tmp_path / "model.safetensors", name)
    logits = model.logits(sequences.codes())
    for at, chosen in enumerate(NAMES):
        table = explain(tmp_path / "model.safetensors", sequences, condition=chosen, threads=1).table
        expected = logits[:, at] - np.delete(logits, at, axis=1).mean(axis=1)
        assert table["logit"].to_numpy() == pytest.approx(expected, rel=1e-4, abs=1e-4)
        assert np.ptp(table["logit"]) > 0.01
        sums = [np.sum(values, dtype=np.float64) for values in table["attributions"]]
        assert sums == pytest.approx((table["logit"] - table["reference_logit"]).tolist(), rel=1e-3, abs=1e-3)
        assert table["completeness_error"].max() < 1e-4


@pytest.mark.parametrize("method", ["gradient", "integrated", "occlusion", "ism"])
def test_all_methods_explain_the_same_number(tmp_path, sequences, method):
    logits = model_of(tmp_path / "model.safetensors", "mlp").logits(sequences.codes())
    table = explain(tmp_path / "model.safetensors", sequences, condition="intron", method=method, threads=1).table
    assert table["logit"].to_numpy() == pytest.approx(logits[:, 1] - logits[:, [0, 2]].mean(axis=1), abs=1e-4)


def test_baselines_with_several_classes_are_explained_by_occlusion(tmp_path, sequences):
    logits = model_of(tmp_path / "model.safetensors", "gc").logits(sequences.codes())
    table = explain(tmp_path / "model.safetensors", sequences, condition="other", method="occlusion", threads=1).table
    assert table["logit"].to_numpy() == pytest.approx(logits[:, 2] - logits[:, :2].mean(axis=1))


def test_the_class_is_stored_in_the_metadata_and_is_required(tmp_path, sequences):
    model_of(tmp_path / "model.safetensors", "mlp")
    explain(tmp_path / "model.safetensors", sequences, condition="exon", output=tmp_path / "a.parquet", threads=1)
    assert read_attributions(tmp_path / "a.parquet").metadata["condition"] == "exon"
    for condition, message in ((None, "has several classes"), ("gene", "has no class 'gene'")):
        with pytest.raises(BadOption, match=f"{message}; choose exon, intron, other with --condition"):
            explain(tmp_path / "model.safetensors", sequences, condition=condition, output=tmp_path / "b.parquet")
    assert not (tmp_path / "b.parquet").exists()
