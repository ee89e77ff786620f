from dataclasses import replace

import numpy as np
import pytest
import torch

from kanseq.errors import MissingFile, ModelMismatch
from kanseq.geometry import Geometry
from kanseq.models.registry import architecture, make_config
from kanseq.runs.predictors import build_predictor
from kanseq.runs.trained_model import (
    TrainedModel,
    check_geometry,
    check_layout,
    read_model,
    save_arrays,
    save_model,
)
from kanseq.tasks.calibration import Calibration
from kanseq.tasks.task import Task

GEOMETRY = Geometry(upstream=40, downstream=24, pad=8)


def trained(name: str = "mlp", **options: int) -> TrainedModel:
    torch.manual_seed(0)
    config = make_config(name, GEOMETRY, options)
    task = Task(outputs=getattr(config, "outputs", 1))
    predictor = build_predictor(architecture(name), config, task)
    if predictor.network is None:
        random = np.random.default_rng(0)
        codes, targets = random.integers(0, 4, (30, 136), dtype=np.uint8), np.arange(30) % 2
        predictor.estimator.fit(codes, targets)
    return TrainedModel(name, config, GEOMETRY, task, predictor, {"fold": "1", "seed": 0, "contigs": {}})


@pytest.mark.parametrize("name", ["mlp", "deepcre", "kan", "gc", "boosting", "kmer-ridge"])
def test_a_loaded_model_returns_the_same_logits(tmp_path, name):
    model = trained(name)
    codes = np.random.default_rng(1).integers(0, 5, (7, 136), dtype=np.uint8)
    save_model(tmp_path / "model.safetensors", model)
    again = read_model(tmp_path / "model.safetensors")
    assert again.network is None or not again.network.training
    assert again.logits(codes, batch_size=7).tolist() == model.logits(codes, batch_size=7).tolist()
    assert (again.architecture, again.config, again.metadata) == (name, model.config, model.metadata)


def test_the_same_model_is_written_to_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save_model(tmp_path / name, trained())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_logits_do_not_depend_on_the_batch_size():
    model = trained()
    codes = np.random.default_rng(1).integers(0, 5, (7, 136), dtype=np.uint8)
    assert model.logits(codes, batch_size=2) == pytest.approx(model.logits(codes, batch_size=7), abs=1e-5)
    assert model.logits(codes[:0]).shape == (0,)


@pytest.mark.parametrize("size", [0, 5, 100, -1])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path, size):
    path = tmp_path / "model.safetensors"
    save_model(path, trained())
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ModelMismatch, match=r"model.safetensors: .*truncated"):
        read_model(path)


def test_files_not_written_by_kanseq_are_rejected(tmp_path):
    from safetensors.numpy import save_file

    save_file({"weight": np.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelMismatch, match="not written by kanseq"):
        read_model(tmp_path / "other.safetensors")
    for text in ("{", "[1]"):
        save_file({"weight": np.zeros(3)}, tmp_path / "other.safetensors", metadata={"kanseq": text})
        with pytest.raises(ModelMismatch, match="not written by kanseq"):
            read_model(tmp_path / "other.safetensors")
    with pytest.raises(MissingFile):
        read_model(tmp_path / "none.safetensors")


def test_weights_that_do_not_match_their_description_are_rejected(tmp_path):
    described = {"architecture": "mlp", "geometry": GEOMETRY.to_json(), "task": {"outputs": 2}, "format": 1}
    described["config"] = {"geometry": GEOMETRY.to_json()}
    path = tmp_path / "model.safetensors"
    save_arrays(path, {"weight": np.zeros(3)}, described)
    with pytest.raises(ModelMismatch, match="do not match"):
        read_model(path)
    save_arrays(
        path,
        {"weight": np.zeros(3)},
        {**described, "architecture": "unheard-of", "config": {"geometry": GEOMETRY.to_json()}},
    )
    with pytest.raises(ModelMismatch, match="unheard-of"):
        read_model(path)
    save_arrays(path, {"weight": np.zeros(3)}, {**described, "format": 99})
    with pytest.raises(ModelMismatch, match="newer"):
        read_model(path)


def test_a_set_of_another_geometry_is_rejected(genes):
    check_geometry(trained(), genes)
    genes.geometry = Geometry(upstream=40, downstream=24, pad=8, mask=False)
    check_geometry(trained(), genes)
    genes.geometry = Geometry(upstream=40, downstream=24, pad=8, visible="flanks")
    check_geometry(trained(), genes)
    check_layout(replace(GEOMETRY, visible="transcribed"), GEOMETRY)
    with pytest.raises(ModelMismatch, match="sequences of 70 bases"):
        check_layout(Geometry.plain(70), genes.geometry)
    genes.geometry = Geometry(upstream=30, downstream=24, pad=8)
    with pytest.raises(ModelMismatch, match=r"40 upstream.*30 upstream.*--upstream 40"):
        check_geometry(trained(), genes)


def test_the_visible_columns_are_kept_in_the_model_file(tmp_path):
    geometry = replace(GEOMETRY, visible="flanks")
    config = make_config("gc", geometry)
    predictor = build_predictor(architecture("gc"), config, Task(outputs=1))
    model = TrainedModel("gc", config, geometry, Task(outputs=1), predictor)
    save_model(tmp_path / "model.safetensors", model)
    again = read_model(tmp_path / "model.safetensors")
    assert again.geometry == again.config.geometry == geometry


def test_calibrations_and_tasks_of_several_conditions_are_kept(tmp_path):
    codes = np.random.default_rng(1).integers(0, 5, (7, 136), dtype=np.uint8)
    task = Task("binary", 2, ("leaf", "root"))
    calibrations = (Calibration("platt", 0.25, 2.0, -1.0), Calibration("isotonic", logits=(0.0,), probabilities=(0.3,)))
    for name in ("mlp", "gc"):
        model = trained(name)
        predictor = build_predictor(architecture(name), model.config, task)
        model = replace(model, task=task, calibrations=calibrations, predictor=predictor)
        save_model(tmp_path / name, model)
        again = read_model(tmp_path / name)
        assert (again.task, again.calibrations) == (task, calibrations)
        scores = again.scores(codes)
        assert scores.logit.tolist() == model.logits(codes).tolist()
        assert scores.probability[:, 1].tolist() == [0.3] * 7
        assert again.logits(codes[:0]).shape == (0, 2)


def test_a_model_file_without_calibrations_is_read(tmp_path):
    model = trained("gc")
    described = {"format": 1, "architecture": "gc", "config": {"geometry": GEOMETRY.to_json()}, "fold": "1", "seed": 0}
    described |= {"geometry": GEOMETRY.to_json(), "task": {"name": "binary", "outputs": 1}, "contigs": {}}
    save_arrays(tmp_path / "model.safetensors", model.predictor.arrays(), described)
    again = read_model(tmp_path / "model.safetensors")
    codes = np.random.default_rng(1).integers(0, 5, (7, 136), dtype=np.uint8)
    assert again.logits(codes).tolist() == model.logits(codes).tolist()
    assert np.isnan(again.scores(codes).called).all()
